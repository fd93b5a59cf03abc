"""From a path to an answer about one checkpoint.

`api` has the public functions, and `paths` makes a place of their arguments, with the `credentials`
of its store, or the options of one of the `made_stores` of a user. `step_choice` finds the selected
step of a root, by its number or a `metric`; `steps` returns what a root holds, a `step` each, which
`step_text` and `documents` show. `nearest` finds the leaves that a misspelled keypath may mean.
`tree` builds a tree from the columns of the core, whose `codes` have names here, and `answer`
composes the results; `saved_trees` has what only Orbax's V0 shows, `facts` are the same columns as
facts to show, `leaf_text` describes a leaf in words, and `totals` sums leaves up. `items` are all
checkpointables, `handlers` describe those that orbscan does not know, and `orbax_context` reads
what the program has set in Orbax. `broadcasting` lets one process read for all.
"""
