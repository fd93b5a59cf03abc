"""What is wrong with a checkpoint, and what it takes on the disk.

`api` checks one: the `verdict` on it has `findings`, and the `report` is the same with its texts,
of which `report_text` is one. `measuring` tells the `usage`; `alone` is the one checkpointable of
which both speak. `dumping` shows any one file field by field.
"""
