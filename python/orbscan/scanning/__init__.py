"""Many checkpoints at once.

`api` searches `roots`, which may be patterns, and gives entries; `tables` makes tables of them;
`since` says what an earlier scan has found already.
"""
