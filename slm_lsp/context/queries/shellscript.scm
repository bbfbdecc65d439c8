(function_definition name: (word) @name body: (_) @body) @definition.function
(program (variable_assignment name: (variable_name) @name) @definition.value)
(program (declaration_command (variable_assignment name: (variable_name) @name)) @definition.value)

((command name: (command_name (word) @_source)) @import
  (#any-of? @_source "source" "."))

(command_name (word) @reference)
(variable_name) @reference
