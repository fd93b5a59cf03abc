"""What orbscan knows about checkpoints, as values without file access.

`value` is the base of all of them; `moments` has the times of a save. `result` is the result of a
read, a tree whose `leaves` have a `sharding` each; `namedtuples` are the classes of saved ones; an
`item` is a checkpointable of any kind, and `files` reads those that are JSON. A `saved_tree` is
what only Orbax's V0 says about a pytree; `dtypes` finds element types by name. `packing` converts a
result to bytes, whose rows are in `packed`. `device_names` and `mesh_limits` are what shardings
need to know about devices. `text` and `notebook` show a result, whose tree `columns` lays out.
"""
