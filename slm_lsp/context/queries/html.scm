((attribute
  (attribute_name) @_id (quoted_attribute_value (attribute_value) @name)) @definition.value
  (#eq? @_id "id"))

((element (start_tag (tag_name) @_link)) @import
  (#eq? @_link "link"))
(script_element (start_tag) @import)

((attribute
  (attribute_name) @_class (quoted_attribute_value (attribute_value) @reference))
  (#eq? @_class "class"))
