"""The public function, in `api`, and how values are compared for it, a part at a time.

`values` finds what lies behind two leaves: an array as it is `stored`, or one in memory; `elements`
counts and measures where they differ. `documents` compares what is not a pytree. A module of the
name of the function beside it would hide it.
"""
