"""Many checkpoints at once.

`api` searches `roots`, which may be patterns, as the `options` say; its result is `running`, an
`entry` for each checkpoint, which `entry_text` shows. `tables` makes tables of them, in one of the
`forms` of files, and `json_lines` documents and files that need no library; `files` replaces files
when new ones are complete. `since` is the rule for what need not be read again, `earlier` an
earlier scan, of entries or of a table, whose `columns` may be those of any library. A table can be
one of checks at one of the `levels`, and read in `shares`, which `division` divides; `merging`
combines the findings about parts of one checkpoint.
"""
