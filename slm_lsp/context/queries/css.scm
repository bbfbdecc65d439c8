(rule_set (selectors (class_selector (class_name (identifier) @name))) (block) @body) @definition.class
(rule_set (selectors (id_selector (id_name) @name)) (block) @body) @definition.class
((declaration (property_name) @name) @definition.field
  (#match? @name "^--"))
(keyframes_statement (keyframes_name) @name) @definition.value

(import_statement) @import

((plain_value) @reference
  (#match? @reference "^--"))
