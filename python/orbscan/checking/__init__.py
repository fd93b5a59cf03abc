"""Whether a checkpoint is complete and intact, and how much disk space it takes.

`api` checks one: its `verdict` has `findings`, and `report` adds texts to it, one of which is
`report_text`. `measuring` determines the `amounts`, and `usage` adds texts to them, such as
`usage_text`. `document` makes JSON of both; `alone` is the single checkpointable that both are
about. `dumping` shows any one file field by field.
"""
