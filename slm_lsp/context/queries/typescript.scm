(class_declaration name: (type_identifier) @name body: (class_body) @body) @definition.class
(abstract_class_declaration name: (type_identifier) @name body: (class_body) @body) @definition.class
(interface_declaration name: (type_identifier) @name body: (interface_body) @body) @definition.class
(enum_declaration name: (identifier) @name body: (enum_body) @body) @definition.class
(type_alias_declaration name: (type_identifier) @name) @definition.value

(function_declaration name: (identifier) @name body: (statement_block) @body) @definition.function
(generator_function_declaration name: (identifier) @name body: (statement_block) @body) @definition.function
(function_signature name: (identifier) @name) @definition.function
(method_definition name: (property_identifier) @name body: (statement_block) @body) @definition.function
(method_signature name: (property_identifier) @name) @definition.field
(abstract_method_signature name: (property_identifier) @name) @definition.field
(variable_declarator
  name: (identifier) @name value: (arrow_function body: (_) @body)) @definition.function
(variable_declarator
  name: (identifier) @name value: (function_expression body: (_) @body)) @definition.function

(public_field_definition name: (property_identifier) @name) @definition.field
(property_signature name: (property_identifier) @name) @definition.field
(enum_body (property_identifier) @name @definition.field)
(enum_assignment name: (property_identifier) @name) @definition.field
(program (lexical_declaration (variable_declarator name: (identifier) @name)) @definition.value)
(program
  (export_statement (lexical_declaration (variable_declarator name: (identifier) @name)) @definition.value))

(import_statement) @import

(call_expression function: (identifier) @reference)
(member_expression object: (identifier) @reference)
(member_expression property: (property_identifier) @reference)
(new_expression constructor: (identifier) @reference)
(type_identifier) @reference
