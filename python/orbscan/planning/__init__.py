"""How a restore plan is worked out, from plain values and without any other library.

`mesh` is where the arrays go, `fit` decides which axes split which dimension, `chunks` counts what
a part of an array touches, `tally` adds it up for all devices and hosts, `plan` is the result, and
`text` and `document` show it.
"""
