(class_declaration name: (type_identifier) @name body: (_) @body) @definition.class
(class_declaration name: (user_type (type_identifier) @name) body: (_) @body) @definition.scope
(protocol_declaration name: (type_identifier) @name body: (protocol_body) @body) @definition.class
(function_declaration name: (simple_identifier) @name body: (function_body) @body) @definition.function
(init_declaration "init" @name body: (function_body) @body) @definition.function
(protocol_function_declaration name: (simple_identifier) @name) @definition.field
(class_body
  (property_declaration name: (pattern bound_identifier: (simple_identifier) @name)) @definition.field)
(source_file
  (property_declaration name: (pattern bound_identifier: (simple_identifier) @name)) @definition.value)
(enum_entry name: (simple_identifier) @name) @definition.field
(typealias_declaration name: (type_identifier) @name) @definition.value

(import_declaration) @import

(call_expression (simple_identifier) @reference)
(navigation_expression target: (simple_identifier) @reference)
(navigation_suffix suffix: (simple_identifier) @reference)
(type_identifier) @reference
