"""How anything is shown, whatever it is.

`text` has names, sizes and lines; `folding` makes one line of siblings that are alike, `forest` the
lines of a tree, and `fitting` fits tables into a width. `documents` are members of JSON.
"""
