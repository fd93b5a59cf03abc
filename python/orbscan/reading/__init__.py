"""From a path to an answer about one checkpoint.

`api` has the public functions. `paths` turns their path argument into a place, with the
`credentials` of its store or the options of one of the user's `made_stores`. `step_choice` finds a
step of a root, by its number or a `metric`; `steps` lists the content of a root, each as a `step`,
and `step_text` and `documents` show it. `nearest` finds the leaves that a misspelled keypath may
mean. `tree` builds a tree from the columns of the core, whose `codes` have names here, and `answer`
composes the result; `saved_trees` has the parts that only V0 of Orbax shows, `facts` are the same
columns as facts to show, `leaf_text` describes a leaf in words, `totals` sums up leaves, and
`storage` says how they are stored; `pytree_document` makes JSON of all that. `items` are all
checkpointables, `handlers` describe those that orbscan does not know, and `orbax_context` reads the
program's settings in Orbax. `broadcasting` lets one process read for all.
"""
