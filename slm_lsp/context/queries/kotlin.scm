(class_declaration name: (identifier) @name (class_body) @body) @definition.class
(class_declaration name: (identifier) @name (enum_class_body) @body) @definition.class
(object_declaration name: (identifier) @name (class_body) @body) @definition.class
(function_declaration name: (identifier) @name (function_body) @body) @definition.function
(source_file (property_declaration (variable_declaration (identifier) @name)) @definition.value)
(class_body (property_declaration (variable_declaration (identifier) @name)) @definition.field)
(enum_entry (identifier) @name) @definition.field
(type_alias type: (identifier) @name) @definition.value

(package_header) @import
(import) @import

(call_expression (identifier) @reference)
(navigation_expression (identifier) @reference)
(user_type (identifier) @reference)
