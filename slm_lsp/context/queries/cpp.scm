; What C++ has beyond c.scm.

(class_specifier name: (type_identifier) @name body: (field_declaration_list) @body) @definition.class
(namespace_definition name: (namespace_identifier) @name body: (declaration_list) @body) @definition.scope
(function_definition
  declarator: (function_declarator declarator: (field_identifier) @name)
  body: (compound_statement) @body) @definition.function
(function_definition
  declarator: (function_declarator
    declarator: (qualified_identifier scope: (namespace_identifier) @owner name: (identifier) @name))
  body: (compound_statement) @body) @definition.function
(field_declaration
  declarator: (function_declarator declarator: (field_identifier) @name)) @definition.field
(field_declaration
  declarator: (reference_declarator
    (function_declarator declarator: (field_identifier) @name))) @definition.field
(field_declaration
  declarator: (pointer_declarator
    declarator: (function_declarator declarator: (field_identifier) @name))) @definition.field
(alias_declaration name: (type_identifier) @name) @definition.value

(using_declaration) @import

(call_expression function: (qualified_identifier name: (identifier) @reference))
