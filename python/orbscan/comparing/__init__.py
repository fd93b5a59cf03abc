"""The public function, in `api`, and the comparison of values for it, a part at a time.

`values` finds the values of two leaves: an array as it is `stored`, or one in memory; `elements`
counts and measures their differences. `documents` compares checkpointables that are not pytrees. A
module with the name of the function would hide it.
"""
