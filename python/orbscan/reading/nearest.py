"""Suggests leaves for a text that does not name one; imported only then."""

from __future__ import annotations

import re
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING

from orbscan.reading.facts import leaves
from orbscan.showing.keypaths import keypath

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from orbscan import _core
    from orbscan.aliases import Keypath

# Comparing a text with millions of keypaths would take minutes.
_COMPARED = 5_000
_BETWEEN_KEYS = re.compile(r"[/\[\]]+")


def nearest(table: _core.LeafTable, text: str, most: int) -> list[Keypath]:
    """Return the keypaths of leaves below a text, with a similar key, or with similar spelling."""
    of_text = {keypath(entries): entries for entries, _, _ in leaves(table)}
    return [of_text[leaf] for leaf in nearest_texts(of_text, text, most)]


def nearest_texts(of_text: Collection[str], text: str, most: int) -> list[str]:
    """Return the same as `nearest`, from some spelled keypaths instead of a table."""
    below = (leaf for leaf in of_text if leaf.startswith((f"{text}/", f"{text}[")))
    containing = (leaf for leaf in of_text if text and text in leaf)
    alike = get_close_matches(text, [*islice(of_text, _COMPARED)], most)
    words = alike_keys(of_text, text, most)
    with_word = (leaf for leaf in of_text if any(word in keys_of(leaf) for word in words))
    found: dict[str, None] = {}
    for leaf in (*alike, *below, *containing, *with_word):
        found.setdefault(leaf)
        if len(found) == most:
            break
    return [*found]


def alike_keys(keypaths: Iterable[str], text: str, most: int) -> list[str]:
    """Return the keys in some keypaths whose spelling is similar to a text."""
    keys = {key: None for leaf in islice(keypaths, _COMPARED) for key in keys_of(leaf)}
    return get_close_matches(text, [*keys], most)


def keys_of(text: str) -> list[str]:
    """Split the text of a keypath.

    >>> keys_of("layers[0]/kernel")
    ['layers', '0', 'kernel']
    """
    return [key for key in _BETWEEN_KEYS.split(text) if key]
