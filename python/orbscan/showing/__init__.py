"""How anything is shown, whatever it is.

`text` has names, sizes and lines; `keypaths` the one spelling of keypaths; `folding` makes one line
of siblings that are alike, `forest` the lines of a tree, and `fitting` fits tables into a width.
`states` has the word for what a checkpoint is. `pages` are static HTML, `documents` members of
JSON.
"""
