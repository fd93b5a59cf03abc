"""Trees as the nodes of a page."""

from __future__ import annotations

from typing import Any

import pytest

from orbscan.reading.facts import distinct, leaves
from orbscan.reporting import outline
from orbscan.reporting.explorer import Explorer, packed, within
from tests.support.tables import NONE, array, named, numpy_array, table, unreadable


def tree_of(tree: Any, *, name: str | None = None, **known: Any) -> outline.Tree:
    columns = table(tree)
    return outline.Tree(name, columns, distinct(columns), **known)


def columns_of(tree: outline.Tree) -> Any:
    """The columns of a tree that `tree_of` has made."""
    return tree.table


def node_at(tree: outline.Tree, *keypath: str | int) -> int:
    return next(node for at, node, _ in leaves(columns_of(tree)) if at == keypath)


def shown(trees: list[outline.Tree]) -> list[tuple[str, int, int, int]]:
    return [(n.label, n.parent, n.leaves, n.memory) for n in outline.outline(trees)]


def explorer_of(trees: list[outline.Tree]) -> Explorer:
    return Explorer(outline.outline(trees))


LAYERS = [{"b": numpy_array((2,)), "w": numpy_array((8, 2))} for _ in range(60)]


def test_few_leaves_are_nodes_of_their_own() -> None:
    assert shown([tree_of({"a": LAYERS[:1], "n": NONE})]) == [
        (".", -1, 3, 72),
        ("a", 0, 2, 72),
        ("n", 0, 1, 0),
        ("[0]", 1, 2, 72),
        ("b", 3, 1, 8),
        ("w", 3, 1, 64),
    ]


def test_many_that_are_alike_are_folded_and_summed_up() -> None:
    tree = tree_of({"layers": LAYERS, "z0": LAYERS[0], "z1": LAYERS[0]})
    stored = {node: 3 for _, node, _ in leaves(columns_of(tree))}
    tree.stored = stored
    found = {n.label: (n.count, n.leaves, n.memory, n.stored) for n in outline.outline([tree])}
    assert found["[0..59]"] == (60, 120, 60 * 72, 360)
    assert found["z{0,1}"] == (2, 4, 144, 12)
    assert found["."] == (1, 124, 62 * 72, 372)


def test_trees_have_their_names_above_them() -> None:
    trees = [tree_of({"w": numpy_array((2,))}, name="a/b"), tree_of(numpy_array((3,)))]
    assert [label for label, _, _, _ in shown(trees)] == [".", "'a/b'", "w", "(unnamed)"]


def test_what_is_lost_stays_by_itself() -> None:
    tree = tree_of({"layers": LAYERS})
    tree.lost = {node_at(tree, "layers", 7, "w")}
    labels = {n.label: n.state for n in outline.outline([tree])}
    assert labels["[7]"] == outline.LOST
    assert labels["[0..6,8..59]"] == outline.SOUND


def test_states_of_leaves_add_up() -> None:
    tree = tree_of({"good": numpy_array((2,)), "bad": unreadable("torn")})
    found = {n.label: n.state for n in outline.outline([tree])}
    assert found == {".": 3, "good": outline.UNCHECKED, "bad": outline.UNREADABLE}


def test_a_cut_keeps_the_largest_and_the_damaged_and_counts_the_rest() -> None:
    tree = tree_of({"big": numpy_array((900,)), "bad": unreadable("torn"), "small": LAYERS[0]})
    nodes, left_out = outline.cut(outline.outline([tree]), 3)
    assert [(n.label, n.parent, n.leaves) for n in nodes] == [
        (".", -1, 4),
        ("big", 0, 1),
        ("bad", 0, 1),
        ("… 2 more", 0, 2),
    ]
    assert left_out == 2
    assert sum(n.memory for n in nodes[1:]) == nodes[0].memory


def test_a_page_that_is_too_large_is_cut_to_its_budget() -> None:
    names = ["".join(chr(97 + int(digit)) for digit in f"{n:05}") for n in range(20_000)]
    trees = [tree_of(dict.fromkeys(names, numpy_array((4,))))]
    explorer, text = within(trees, 60_000)
    assert 30_000 < len(text) <= 60_000
    assert 0 < explorer.left_out < 20_000
    assert explorer.nodes[0].leaves == 20_000


def test_sizes_beyond_what_a_browser_counts_are_shown_exactly_as_text() -> None:
    explorer = explorer_of([tree_of({"w": array((1 << 60, 4)), "none": array((0, 4))})])
    data = explorer.to_dict()
    kinds: Any = data["kinds"]
    assert kinds["nbytes"] == [float(1 << 64), 0]
    assert "16.0 EiB" in packed(data)


@pytest.mark.parametrize(
    ("mesh", "spec", "copies", "shard"),
    [
        (((4, 2), ("x", "y")), ("x", "y"), 1, (4, 8)),
        (((4, 2), ("x", "y")), (("y", "x"),), 1, (2, 16)),
        (((4, 2), ("x", "y")), (None, "y"), 4, (16, 8)),
        (((3, 2), ("x", "y")), ("x",), None, None),
        (((4,), ("x",)), ("gone",), None, None),
    ],
)
def test_shards_and_copies_follow_from_mesh_and_spec(
    mesh: Any, spec: Any, copies: int | None, shard: Any
) -> None:
    explorer = explorer_of(
        [tree_of({"w": array((16, 16), sharding=named(mesh[0], mesh[1], spec))})]
    )
    kind = explorer.kinds[1]
    assert kind is not None
    assert (kind.copies, kind.shard) == (copies, shard)


def test_a_mesh_whose_document_is_damaged_is_none() -> None:
    for shape, names in (((-1, 2), ("x", "y")), ((2, 2), ("x",)), ((2, 2), ("x", "x"))):
        explorer = explorer_of([tree_of({"w": array((4,), sharding=named(shape, names, ("x",)))})])
        assert explorer.meshes == []


def test_several_meshes_have_letters() -> None:
    one, other = named((2,), ("x",), ("x",)), named((4,), ("x",), (None,))
    explorer = explorer_of(
        [tree_of({"a": array((4,), sharding=one), "b": array((4,), sharding=other)})]
    )
    assert [(mesh.name, str(mesh)) for mesh in explorer.meshes] == [("A", "x=2"), ("B", "x=4")]
    assert [kind.sharding for kind in explorer.kinds if kind] == ["P('x') on A", "P(None) on B"]
