"""The numbers that stand for kinds of nodes in the columns of `_core.LeafTable`."""

from __future__ import annotations

# The first member of a leaf.
JAX_ARRAY = 0
NUMPY_ARRAY = 1
SCALAR = 2
STRING = 3
NONE = 4
EMPTY_DICT = 5
EMPTY_LIST = 6
EMPTY_TUPLE = 7
EMPTY_NAMEDTUPLE = 8
UNREADABLE = 9
SAFETENSORS_ARRAY = 10
CUSTOM = 11

# The second member of a container; FIRST_NAMEDTUPLE + i is number i of the table's namedtuples.
DICT = 0
LIST = 1
TUPLE = 2
FIRST_NAMEDTUPLE = 3
