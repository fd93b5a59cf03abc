"""How values are shown.

`text` has names, sizes and lines; `keypaths` the one spelling of keypaths; `folding` makes one line
of equal siblings, `forest` the lines of a tree, and `fitting` fits tables into a width. `states`
has the word for the state of a checkpoint. `pages` are static HTML, `documents` members of JSON.
"""
