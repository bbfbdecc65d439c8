(struct_item name: (type_identifier) @name body: (field_declaration_list) @body) @definition.class
(struct_item name: (type_identifier) @name body: (ordered_field_declaration_list)) @definition.value
(enum_item name: (type_identifier) @name body: (enum_variant_list) @body) @definition.class
(union_item name: (type_identifier) @name body: (field_declaration_list) @body) @definition.class
(trait_item name: (type_identifier) @name body: (declaration_list) @body) @definition.class
(impl_item type: (type_identifier) @name body: (declaration_list) @body) @definition.scope
(impl_item
  type: (generic_type type: (type_identifier) @name) body: (declaration_list) @body) @definition.scope

(function_item name: (identifier) @name body: (block) @body) @definition.function
(function_signature_item name: (identifier) @name) @definition.function
(macro_definition name: (identifier) @name) @definition.value
(field_declaration name: (field_identifier) @name) @definition.field
(enum_variant name: (identifier) @name) @definition.field
(const_item name: (identifier) @name) @definition.value
(static_item name: (identifier) @name) @definition.value
(type_item name: (type_identifier) @name) @definition.value

(use_declaration) @import
(extern_crate_declaration) @import

(call_expression function: (identifier) @reference)
(call_expression function: (scoped_identifier path: (identifier) @reference))
(scoped_identifier name: (identifier) @reference)
(field_expression field: (field_identifier) @reference)
(macro_invocation macro: (identifier) @reference)
(type_identifier) @reference
