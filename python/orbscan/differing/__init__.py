"""How two trees are compared, from plain values and without any other library.

`leaf` is what is compared of a leaf, `outline` a tree of such leaves, `side` the trees of one side;
`columns` and `values` make a side of a checkpoint and of a tree in memory, `shardings` a row of any
sharding. `matching` says which checkpointable is compared with which, `aspects` how two leaves
differ, `walk` where two outlines do, `renames` which subtree, numbered by `subtrees`, may have
become which, `rules` which edit of keypaths explains many of those, `shared` by which `amount` the
values of leaves do; `difference` asks them all, or of leaves that were `selected` alone. `changes`
are the result, and `diff` is the same with its texts: `text` shows it tree by tree, as `trees`
sorts it, below what `heading` says of checkpointables as wholes, in the words of `words` and with
siblings folded by `trie`; `document` makes JSON of it.
"""
