(type_declaration
  (type_spec
    name: (type_identifier) @name
    type: (struct_type (field_declaration_list) @body))) @definition.class
(type_declaration
  (type_spec name: (type_identifier) @name type: (interface_type "{" @body))) @definition.class
(type_declaration
  (type_spec
    name: (type_identifier) @name
    type: [(type_identifier) (function_type) (map_type) (slice_type) (pointer_type)])) @definition.value
(type_declaration (type_alias name: (type_identifier) @name)) @definition.value
(field_declaration name: (field_identifier) @name) @definition.field
(method_elem name: (field_identifier) @name) @definition.field

(function_declaration name: (identifier) @name body: (block) @body) @definition.function
(method_declaration
  receiver: (parameter_list
    (parameter_declaration
      type: [
        (type_identifier) @owner
        (generic_type type: (type_identifier) @owner)
        (pointer_type [(type_identifier) @owner (generic_type type: (type_identifier) @owner)])
      ]))
  name: (field_identifier) @name
  body: (block) @body) @definition.function
(source_file (const_declaration (const_spec name: (identifier) @name) @definition.value))
(source_file (var_declaration (var_spec name: (identifier) @name) @definition.value))

(package_clause) @import
(import_declaration) @import

(call_expression function: (identifier) @reference)
(selector_expression operand: (identifier) @reference)
(selector_expression field: (field_identifier) @reference)
(type_identifier) @reference
