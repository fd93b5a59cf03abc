"""How a restore plan is worked out, from plain values and without any other library.

`array` is what must be known of a leaf, `columns` has those of a checkpoint, `mesh` is where the
arrays go, `fit` decides which axes split which dimension, `chunks` counts what a part of an array
touches, `tally` adds it up for all devices and hosts, `notes` says what is worth knowing, and
`build` puts all of it together. `value` is the result, and `plan` the same with its texts, `text`
and `document`. `api` has the public function.
"""
