(class_declaration name: (identifier) @name body: (class_body) @body) @definition.class
(interface_declaration name: (identifier) @name body: (interface_body) @body) @definition.class
(enum_declaration name: (identifier) @name body: (enum_body) @body) @definition.class
(record_declaration name: (identifier) @name body: (class_body) @body) @definition.class
(annotation_type_declaration name: (identifier) @name) @definition.value

(method_declaration name: (identifier) @name body: (block) @body) @definition.function
(method_declaration name: (identifier) @name !body) @definition.field
(constructor_declaration name: (identifier) @name body: (constructor_body) @body) @definition.function
(field_declaration declarator: (variable_declarator name: (identifier) @name)) @definition.field
(constant_declaration declarator: (variable_declarator name: (identifier) @name)) @definition.field
(enum_constant name: (identifier) @name) @definition.field

(package_declaration) @import
(import_declaration) @import

(method_invocation name: (identifier) @reference)
(method_invocation object: (identifier) @reference)
(field_access field: (identifier) @reference)
(type_identifier) @reference
