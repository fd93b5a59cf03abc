"""How two trees are compared, from plain values and without any other library.

`leaf` has the compared properties of a leaf, `outline` is a tree of such leaves, and `side` has the
trees of one side; `columns` and `values` make a side from a checkpoint and from a tree in memory,
and `shardings` a row from any sharding. `matching` pairs checkpointables, `aspects` finds how two
leaves differ, `walk` where two outlines differ, `renames` which subtrees, numbered by `subtrees`,
may have been renamed, `rules` which edit of keypaths explains many renames, and `shared` by which
`amount` the values of leaves differ; `difference` combines all of them, also for `selected` leaves
alone. `changes` are the result, and `diff` is the same with its texts: `text` shows it tree by
tree, as sorted by `trees`, below the lines of `heading` about whole checkpointables, with the
phrases of `words` and with siblings folded by `trie`; `document` makes JSON of it.
"""
