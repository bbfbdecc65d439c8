(table [(bare_key) (dotted_key)] @name) @definition.value
(table_array_element [(bare_key) (dotted_key)] @name) @definition.value
(document (pair (bare_key) @name) @definition.field)
