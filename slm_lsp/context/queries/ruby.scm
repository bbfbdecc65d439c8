(class name: (constant) @name body: (body_statement) @body) @definition.class
(module name: (constant) @name body: (body_statement) @body) @definition.class
(method name: (_) @name body: (_) @body) @definition.function
(method name: (_) @name !body) @definition.field
(singleton_method name: (_) @name body: (_) @body) @definition.function
(singleton_method name: (_) @name !body) @definition.field
(assignment left: (constant) @name) @definition.value
(body_statement
  ((call method: (identifier) @_attr arguments: (argument_list (simple_symbol) @name)) @definition.field
    (#match? @_attr "^attr_")))

((call method: (identifier) @_require) @import
  (#match? @_require "^require"))

(call method: (identifier) @reference)
(constant) @reference
