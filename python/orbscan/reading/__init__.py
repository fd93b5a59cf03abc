"""From a path to an answer about one checkpoint.

`api` has the public functions, and `paths` makes a place of what they are given, with the
`credentials` of its store, or what one of the `made_stores` of a user says. `step_choice` finds the
step of a root that is meant, by its number or a `metric`; `steps` says what a root holds, a `step`
each, which `step_text` and `documents` show. `nearest` finds the leaves that a misspelt keypath may
mean. `tree` makes a nest of the columns of the core, whose `codes` have names here, and `answer`
composes what is returned; `saved_trees` has what only V0 of Orbax shows, `facts` are the same
columns as facts to be shown, `leaf_text` says in words what one is, `totals` what they come to, and
`storage` how they are stored; `pytree_document` makes JSON of all that.
`items` are all checkpointables, `handlers` describe those that orbscan does not know, and
`orbax_context` says what the program has told Orbax. `broadcasting` lets one process read for all.
"""
