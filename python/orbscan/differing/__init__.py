"""How two trees are compared, from plain values and without any other library.

`leaf` is what is compared of a leaf, `outline` a tree of such leaves; `columns` and `values` make
one of a checkpoint and of a tree in memory. `aspects` says how two leaves differ, `walk` where two
outlines do, `renames` which subtree may have become which. `diff` is the result, `text` and
`document` show it. `api` has the public function; a module of the name `diff` beside the package's
function of that name would hide it.
"""
