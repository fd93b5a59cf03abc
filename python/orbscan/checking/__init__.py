"""What is wrong with a checkpoint, and what it takes on the disk.

`api` has the public functions. The `verdict` on a checkpoint has `findings`; the `report` is the
same with its texts, of which `report_text` is one. `usage` is what a checkpoint takes; `alone` the
one checkpointable of which both speak. `dumping` shows any one file field by field.
"""
