"""Many checkpoints at once.

`api` searches `roots`, which may be patterns, as the `options` say; what it gives is `running`, an
`entry` for each checkpoint. `tables` makes tables of them, in one of the `forms` of files, and
`rows` plain values with the same columns, which `entry_text` shows. `since` is the rule by which
something need not be read again, `earlier` an earlier scan, of entries or of a table, whose
`columns` may be those of any library.
"""
