(class_definition name: (identifier) @name body: (block) @body) @definition.class
(function_definition name: (identifier) @name body: (block) @body) @definition.function

(module (expression_statement (assignment left: (identifier) @name) @definition.value))
(class_definition
  body: (block (expression_statement (assignment left: (identifier) @name) @definition.field)))
((assignment left: (attribute object: (identifier) @_self attribute: (identifier) @name)) @definition.field
  (#eq? @_self "self"))

(import_statement) @import
(import_from_statement) @import
(future_import_statement) @import

(call function: (identifier) @reference)
(attribute object: (identifier) @reference)
(attribute attribute: (identifier) @reference)
(type (identifier) @reference)
(type (generic_type (identifier) @reference))
(type (binary_operator (identifier) @reference))
(class_definition superclasses: (argument_list (identifier) @reference))
(decorator (identifier) @reference)
(except_clause (identifier) @reference)
