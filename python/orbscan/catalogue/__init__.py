"""A catalogue: leaves and checkpoints in one Delta table that grows with them.

`lake` has everything that needs deltalake, and `files` reads and writes the Parquet files: one of
leaves and one of checkpoints for each group of neighbours. `state` is the content of a catalogue at
one version, and `roots` its roots. `found` writes the results of a scan to files, and `commit` puts
them in the place of the old ones, even if there are several writers at once. `api` updates and
opens catalogues; `opened` has the results.
"""
