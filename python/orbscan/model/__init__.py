"""What orbscan knows about checkpoints, as values without file access.

`value` is what all of them are made of; `moments` is when something was saved. `result` is what a
read gives, a tree whose `leaves` have a `sharding` each; `namedtuples` are the classes of saved
ones; an `item` is a checkpointable of any kind, and `files` reads those of it that are JSON.
`device_names` and `mesh_limits` are what shardings need to know of devices. `text` and `notebook`
show a result, whose tree `columns` lays out.
"""
