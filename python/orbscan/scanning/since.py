"""What an earlier scan found, and what of it a new scan need not read again: the one rule."""

from __future__ import annotations

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable


class Found:
    """What an earlier scan says of one checkpoint.

    Attributes:
        path: where it lies, as text.
        fingerprint: a number that changes with its metadata; None if it has none.
        complete: whether all of it could be read; None if nothing was.
        trees: whether its trees were read.
    """

    __slots__ = ("complete", "fingerprint", "path", "trees")

    def __init__(
        self, path: str, fingerprint: int | None, *, complete: bool | None, trees: bool
    ) -> None:
        self.path = path
        self.fingerprint = fingerprint
        self.complete = complete
        self.trees = trees


def taken_over(found: Iterable[Found], *, leaves: bool) -> dict[str, int]:
    """Give the fingerprints of what need not be read again while it has them.

    That is what was read completely, with its trees if these are wanted. What comes several times
    must agree every time.

    Args:
        found: what an earlier scan says.
        leaves: whether trees are wanted.
    """
    known: dict[str, int] = {}
    doubtful: set[str] = set()
    for one in found:
        fingerprint = one.fingerprint
        if fingerprint is None or known.setdefault(one.path, fingerprint) != fingerprint:
            doubtful.add(one.path)
        if not one.complete or (leaves and not one.trees):
            doubtful.add(one.path)
    return {path: fingerprint for path, fingerprint in known.items() if path not in doubtful}
