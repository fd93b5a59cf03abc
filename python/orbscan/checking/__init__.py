"""What is wrong with a checkpoint, and what it takes on the disk.

`report` checks it, and has `findings`; `usage` measures it; `alone` is the one checkpointable of
which both speak. `dumping` shows any one file field by field.
"""
