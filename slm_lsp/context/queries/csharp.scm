(class_declaration name: (identifier) @name body: (declaration_list) @body) @definition.class
(interface_declaration name: (identifier) @name body: (declaration_list) @body) @definition.class
(struct_declaration name: (identifier) @name body: (declaration_list) @body) @definition.class
(record_declaration name: (identifier) @name) @definition.value
(enum_declaration name: (identifier) @name body: (enum_member_declaration_list) @body) @definition.class
(delegate_declaration name: (identifier) @name) @definition.value

(method_declaration name: (identifier) @name body: (_) @body) @definition.function
(method_declaration name: (identifier) @name !body) @definition.field
(constructor_declaration name: (identifier) @name body: (_) @body) @definition.function
(property_declaration name: (identifier) @name) @definition.field
(field_declaration
  (variable_declaration (variable_declarator name: (identifier) @name))) @definition.field
(enum_member_declaration name: (identifier) @name) @definition.field

(using_directive) @import

(invocation_expression function: (identifier) @reference)
(member_access_expression name: (identifier) @reference)
(member_access_expression expression: (identifier) @reference)
(object_creation_expression type: (identifier) @reference)
(base_list (identifier) @reference)
(parameter type: (identifier) @reference)
(variable_declaration type: (identifier) @reference)
