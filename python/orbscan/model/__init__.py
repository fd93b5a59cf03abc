"""What orbscan knows about checkpoints, as values without file access.

`value` is the base of all of them; `moments` are the times of a save. `result` is the result of a
read, a tree whose `leaves` have a `sharding` each; `namedtuples` are the classes of saved ones; an
`item` is a checkpointable of any kind, and `files` reads its JSON files. A `saved_tree` has the
parts of a pytree that only V0 of Orbax shows; `dtypes` finds element types by name. `packing`
converts a result to bytes, whose rows are `packed`. `device_names` and `mesh_limits` have what
shardings need to know about devices. `text` and `notebook` show a result; `columns` arranges its
tree, and `drawn` draws it.
"""
