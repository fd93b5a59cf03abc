"""From metadata to arrays.

`abstract` says what a restore is to give, `loading` restores through Orbax, if the devices are
there, as `saved_devices` tells, and `custom` what needs handlers of the program; `orbax_types` has
the classes of Orbax, `orbax_older` those of its older interface, and `orbax_values` what the leaves
of both hold. `arrays` opens one array, in a store that `kvstores` describes to TensorStore.
"""
