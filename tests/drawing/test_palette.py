"""Colours that can be told apart, and texts upon them that can be read."""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from orbscan.drawing import palette

# What a colour looks like to those who lack a kind of cone, on linear channels: the matrices of
# Machado, Oliveira and Fernandes (2009) at full severity.
SEEN = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
}
_LINEAR_UP_TO = 0.04045


def linear(colour: str) -> list[float]:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return [c / 12.92 if c <= _LINEAR_UP_TO else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def lab(channels: list[float]) -> tuple[float, float, float]:
    """CIELAB of linear sRGB, white point D65."""
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    x, y, z = (
        max(sum(a * b for a, b in zip(row, channels, strict=True)), 0) / of
        for row, of in zip(to_xyz, white, strict=True)
    )
    f = [v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


def distance(one: str, other: str, cones: str) -> float:
    seen = [
        lab([sum(a * b for a, b in zip(row, linear(each), strict=True)) for row in SEEN[cones]])
        for each in (one, other)
    ]
    return math.dist(*seen)


@pytest.mark.parametrize("paint", palette.PAINTS.values(), ids=palette.PAINTS)
def test_text_is_read_on_every_paint(paint: palette.Paint) -> None:
    assert palette.contrast(paint.fill, paint.ink) >= 4.5


@pytest.mark.parametrize("cones", SEEN)
@pytest.mark.parametrize("colours", [palette.CATEGORIES, palette.STEPS], ids=["kinds", "amounts"])
def test_colours_are_told_apart_by_those_who_see_fewer(
    colours: tuple[str, ...], cones: str
) -> None:
    for one, other in combinations(colours, 2):
        assert distance(one, other, cones) > 10, (one, other)


def test_what_is_lost_is_seen_without_colours() -> None:
    assert palette.PAINTS["lost"].is_hatched
    assert not palette.PAINTS["sound"].is_hatched
