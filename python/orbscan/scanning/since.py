"""The result of an earlier scan, and the one rule for what need not be read again."""

from __future__ import annotations

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable


class Found:
    """What an earlier scan says about one checkpoint.

    Attributes:
        path: its path, as text.
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
    """Return the fingerprints of checkpoints that need not be read again while they have them.

    Those are the checkpoints that were read completely, with their trees if these are wanted. All
    rows about one checkpoint must agree.

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
