(function_declaration name: (identifier) @name body: (block) @body) @definition.function
(function_declaration
  name: (dot_index_expression table: (identifier) @owner field: (identifier) @name)
  body: (block) @body) @definition.function
(function_declaration
  name: (method_index_expression table: (identifier) @owner method: (identifier) @name)
  body: (block) @body) @definition.function
(chunk (assignment_statement (variable_list name: (identifier) @name)) @definition.value)
(chunk
  (variable_declaration (assignment_statement (variable_list name: (identifier) @name))) @definition.value)

((variable_declaration
  (assignment_statement (expression_list value: (function_call name: (identifier) @_require)))) @import
  (#eq? @_require "require"))

(function_call name: (identifier) @reference)
(dot_index_expression table: (identifier) @reference)
(dot_index_expression field: (identifier) @reference)
(method_index_expression method: (identifier) @reference)
