"""A catalogue: leaves and checkpoints in one Delta table that grows with what it tells of.

`lake` is all that is asked of deltalake, and `files` what is written and read beside it: a file of
leaves and one of checkpoints for each group of neighbours. `state` is what a catalogue holds, at
one version, and `roots` what it is a catalogue of. `found` writes down what a scan finds, `commit`
puts it in the place of what was there, however many do so at once. `api` updates and opens; what
that gives is `opened`.
"""
