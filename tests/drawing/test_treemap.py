"""Areas are amounts, within those of their containers."""

from __future__ import annotations

from itertools import pairwise

import pytest

from orbscan.drawing.treemap import Cell, treemap


def area(cell: Cell) -> int:
    return cell.width * cell.height


def flat(amounts: list[int], width: int = 600, height: int = 400, most: int = 1_000) -> list[Cell]:
    parents = [-1, *[0] * len(amounts)]
    return treemap(parents, [sum(amounts), *amounts], width, height, most=most)


def overlap(one: Cell, other: Cell) -> bool:
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    return across > 0 and down > 0


def test_areas_are_amounts() -> None:
    amounts = [n * n for n in range(1, 20)]
    cells = flat(amounts)
    density = 600 * 400 / sum(amounts)
    for cell in cells:
        if not cell.gathered and min(cell.width, cell.height) > 12:
            with_gap = (cell.width + 2) * (cell.height + 2)
            assert with_gap == pytest.approx(amounts[cell.nodes[0] - 1] * density, rel=0.1)
    assert not any(overlap(a, b) for at, a in enumerate(cells) for b in cells[:at])


def test_containers_hold_their_parts_below_a_head() -> None:
    cells = treemap([-1, 0, 0, 1, 1], [10, 6, 4, 4, 2], 500, 300, most=100)
    box = next(cell for cell in cells if cell.is_container)
    assert (box.nodes, box.has_head) == ((1,), True)
    inside = [cell for cell in cells if cell.nodes in {(3,), (4,)}]
    assert len(inside) == 2
    for cell in inside:
        assert box.left < cell.left
        assert box.top + 19 <= cell.top
        assert cell.right < box.right
        assert cell.bottom < box.bottom


def test_a_single_part_stands_for_its_container() -> None:
    cells = treemap([-1, 0, 1, 2, 2], [3, 3, 3, 2, 1], 100, 100, most=100)
    assert [cell.nodes for cell in cells if cell.is_container] == [(1, 2)]


def test_what_has_no_bytes_has_no_place() -> None:
    assert [cell.nodes for cell in flat([5, 0])] == [(1,)]
    assert flat([0, 0]) == []


@pytest.mark.parametrize("number", [10_000, 100_000])
def test_what_cannot_be_seen_is_gathered_with_all_of_its_amount(number: int) -> None:
    amounts = [1 + n % 97 for n in range(number)]
    cells = flat(amounts, 1_200, 800, most=500)
    [rest] = [cell for cell in cells if cell.gathered]
    assert len(cells) <= 502
    assert len(rest.gathered) + len(cells) - 1 == number
    gathered = sum(amounts[node - 1] for node in rest.gathered)
    assert area(rest) / (1_200 * 800) == pytest.approx(gathered / sum(amounts), abs=0.02)
    # The largest are those that are drawn.
    drawn = min(amounts[cell.nodes[0] - 1] for cell in cells if not cell.gathered)
    assert drawn >= max(amounts[node - 1] for node in rest.gathered)


def test_amounts_can_be_larger_than_any_float() -> None:
    cells = flat([3 << 5_000, 1 << 5_000, 1])
    assert [cell.nodes for cell in cells] == [(1,), (2,)]
    assert cells[0].width == pytest.approx(3 * cells[1].width, rel=0.02)


def test_deep_trees_need_no_stack() -> None:
    parents = [-1, *(at for pair in ((2 * n, 2 * n) for n in range(3_000)) for at in pair)]
    amounts = [3_001, *(each for n in range(3_000) for each in (1, 3_000 - n))]
    cells = treemap(parents, amounts, 800, 600, most=10_000)
    assert cells


def test_shapes_are_squarish() -> None:
    ratios = [max(c.width, c.height) / min(c.width, c.height) for c in flat([*range(1, 40)])]
    assert sorted(ratios)[-4] < 3


def test_containers_come_before_their_parts() -> None:
    cells = treemap([-1, 0, 0, 1, 1], [10, 6, 4, 4, 2], 500, 300, most=100)
    at = {cell.nodes: number for number, cell in enumerate(cells)}
    assert all(at[1,] < at[part] for part in ((3,), (4,)))
    assert [one < other for one, other in pairwise([at[1,], at[3,], at[4,]])] == [True, True]
