"""The numbers of kinds of nodes are those of the core."""

from __future__ import annotations

from orbscan import _core
from orbscan.reading import codes
from orbscan.reading.facts import VALUE_TYPES


def test_leaves_have_the_codes_and_names_of_the_core() -> None:
    assert dict(_core.LEAF_KINDS) == VALUE_TYPES
    own = {name: number for name, number in vars(codes).items() if name.isupper()}
    containers = [own.pop(name) for name in ("DICT", "LIST", "TUPLE", "FIRST_NAMEDTUPLE")]
    assert (*containers,) == _core.CONTAINER_CODES
    assert sorted(own.values()) == [*range(len(_core.LEAF_KINDS))]
