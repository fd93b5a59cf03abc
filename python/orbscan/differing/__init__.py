"""How two trees are compared, from plain values and without any other library.

`leaf` is what is compared of a leaf, `outline` a tree of such leaves, `side` the trees of one side;
`columns` and `values` make a side from a checkpoint and from a tree in memory, `shardings` a row
from any sharding. `matching` decides which checkpointable is compared with which, `aspects` how two
leaves differ, `walk` where two outlines differ, `renames` which subtree, numbered by `subtrees`,
may have been renamed, `shared` by which `amount` the values of leaves differ; `difference` combines
them. `changes` are the result, and `diff` adds texts to it: `text` shows it tree by tree, as
`trees` sorts it, below what `heading` says about whole checkpointables, in the words of `words` and
with siblings folded by `trie`; `document` makes JSON of it.
"""
