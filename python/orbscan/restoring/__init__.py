"""From metadata to arrays.

`abstract` makes abstract states, `loading` restores through Orbax, after `saved_devices` has
checked that the devices are available, and `custom` restores trees that need handlers of the
program; `orbax_types` has the classes of Orbax, `orbax_older` those of its older interface, and
`orbax_values` the content of the leaves of both. `arrays` opens one array, in a store that
`kvstores` describes to TensorStore.
"""
