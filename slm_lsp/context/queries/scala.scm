(class_definition name: (identifier) @name body: (template_body) @body) @definition.class
(class_definition name: (identifier) @name !body) @definition.value
(object_definition name: (identifier) @name body: (template_body) @body) @definition.class
(trait_definition name: (identifier) @name body: (template_body) @body) @definition.class
(enum_definition name: (identifier) @name body: (enum_body) @body) @definition.class
(function_definition name: (identifier) @name body: (_) @body) @definition.function
(function_declaration name: (identifier) @name) @definition.field
(template_body (val_definition pattern: (identifier) @name) @definition.field)
(template_body (var_definition pattern: (identifier) @name) @definition.field)
(simple_enum_case name: (identifier) @name) @definition.field
(type_definition name: (type_identifier) @name) @definition.value

(package_clause) @import
(import_declaration) @import

(call_expression function: (identifier) @reference)
(field_expression value: (identifier) @reference)
(field_expression field: (identifier) @reference)
(type_identifier) @reference
