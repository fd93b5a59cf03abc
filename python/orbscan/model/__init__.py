"""What orbscan knows about checkpoints, as values without file access.

`value` is what all of them are made of; `moments` is when something was saved. `result` is what a
read gives, a tree whose `leaves` have a `sharding` each; `namedtuples` are the classes of saved
ones; an `item` is a checkpointable of any kind, and `files` reads those of it that are JSON. A
`saved_tree` is what only V0 of Orbax tells of a pytree; `dtypes` finds element types by name.
`packing` makes bytes of a result, whose rows are `packed`.
`device_names` and `mesh_limits` are what shardings need to know of devices. `text` and `notebook`
show a result, whose tree `columns` lays out and `drawn` draws.
"""
