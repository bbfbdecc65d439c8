(class_declaration name: (identifier) @name body: (class_body) @body) @definition.class
(function_declaration name: (identifier) @name body: (statement_block) @body) @definition.function
(generator_function_declaration name: (identifier) @name body: (statement_block) @body) @definition.function
(method_definition name: (property_identifier) @name body: (statement_block) @body) @definition.function
(field_definition property: (property_identifier) @name) @definition.field
(variable_declarator
  name: (identifier) @name value: (arrow_function body: (_) @body)) @definition.function
(variable_declarator
  name: (identifier) @name value: (function_expression body: (_) @body)) @definition.function
(program (lexical_declaration (variable_declarator name: (identifier) @name)) @definition.value)
(program
  (export_statement (lexical_declaration (variable_declarator name: (identifier) @name)) @definition.value))

(import_statement) @import
((lexical_declaration (variable_declarator value: (call_expression function: (identifier) @_require))) @import
  (#eq? @_require "require"))

(call_expression function: (identifier) @reference)
(member_expression object: (identifier) @reference)
(member_expression property: (property_identifier) @reference)
(new_expression constructor: (identifier) @reference)
(class_heritage (identifier) @reference)
