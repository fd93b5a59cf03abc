"""What is wrong with a checkpoint, and what it takes on the disk.

`api` checks one: the `verdict` on it has `findings`, and the `report` is the same with its texts,
of which `report_text` is one. `measuring` tells the `amounts`, and `usage` is the same with its
texts, such as `usage_text`. `document` makes JSON of both; `alone` is the one checkpointable of
which both speak. `dumping` shows any one file field by field.
"""
