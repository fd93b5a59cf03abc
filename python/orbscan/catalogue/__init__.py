"""A catalogue: leaves and checkpoints in one Delta table that grows with them.

`lake` has everything that needs deltalake, and `files` what is written and read beside it: a file
of leaves and one of checkpoints for each group of neighbours. `state` is the content of a catalogue
at one version, and `roots` its roots. `found` writes what a scan finds to files, and `commit`
replaces what was there, however many writers do so at once. `api` updates and opens catalogues;
`opened` has the results.
"""
