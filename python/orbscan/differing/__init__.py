"""How two trees are compared, from plain values and without any other library.

`leaf` is what is compared of a leaf, `outline` a tree of such leaves; `columns` and `values` make
one of a checkpoint and of a tree in memory, `shardings` a row of any sharding. `aspects` says how
two leaves differ, `walk` where two outlines do, `renames` which subtree may have become which;
`difference` asks them all. `diff` is the result. `text` shows it, in the words of `words` and with
siblings folded by `trie`; `orbscan.cli.diff_document` makes JSON of it. `api` has the public
function; a module of the name `diff` beside the package's function of that name would hide it.
"""
