"""From metadata to arrays.

`abstract` makes abstract states, `loading` restores through Orbax, if `saved_devices` finds the
devices; `orbax_types` has the classes of Orbax, `orbax_older` those of its older interface, and
`orbax_values` what the leaves of both contain. `arrays` opens one array, in a store that `kvstores`
describes to TensorStore.
"""
