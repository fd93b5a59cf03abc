"""How a restore plan is computed, from plain values and without any other library.

`array` has the needed properties of a leaf, `columns` gets them from a checkpoint, `mesh` has the
devices, `fit` determines which axes split which dimension, `chunks` counts the chunks that a part
of an array overlaps, `tally` sums up for all devices and hosts, `notes` writes the notes, and
`build` combines all of it. `value` is the result, and `plan` adds its texts, `text` and `document`.
`api` has the public function.
"""
