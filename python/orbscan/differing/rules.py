"""Edits of keypaths that explain many renames at once, and pair ambiguous subtrees.

Two forms of one model differ in the same way everywhere: `flax.nnx` puts each array below an entry
`value`, Keras puts the name of the model in front, a stack of layers is `layers_3` in one and
`layers/3` in the other. Every suggested pair gives some edits, and the edit that most pairs have in
common is a rule. An edit may contain numbers as such: `layers_{n} -> layers/{n}`.

The time is linear in the number of renames.
"""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from orbscan.differing.changes import AmbiguousRename, Rename, Rule
from orbscan.showing.keypaths import keypath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from orbscan.differing.changes import Place

    Texts: TypeAlias = tuple[str, ...]

_MOST_RULES = 8
_FEWEST = 2
"""The fewest renames that a rule explains: one alone is not a rule."""

_DEEPEST = 2
"""The greatest depth at which an edit is described by its depth."""

_NUMBER = re.compile(r"[0-9]+")
_NUMBERED = re.compile(r"(.+?)_([0-9]+)")
_SLOT = "\0"
"""Stands for a number in an entry: no key of a checkpoint contains it."""

_BEFORE, _MIDDLE, _BEHIND = "X", "Y", "Z"


class _Edit(NamedTuple):
    """One edit of a keypath, as texts in which `_SLOT` stands for a number.

    Attributes:
        where: `ends`: what a keypath begins and ends with; `inside`: a run of entries, wherever it
            is; `depth`: the same, behind so many entries; `split` and `joined`: of each entry.
        head, tail: what is replaced.
        new_head, new_tail: by what. Of `inside` and `depth` only the heads count, of `split` and
            `joined` the head says at what.
        depth: of `depth`.
    """

    where: str
    head: Texts
    tail: Texts
    new_head: Texts
    new_tail: Texts
    depth: int = 0

    def applied(self, keypath: Texts) -> Texts | None:
        """Return the edited keypath; None if the edit does not apply to it."""
        return _APPLIED[self.where](self, keypath)


class _Pair(NamedTuple):
    """A rename, and its keypaths as texts."""

    rename: Rename
    before: Texts
    after: Texts

    @classmethod
    def of(cls, rename: Rename) -> _Pair:
        return cls(rename, _texts(rename.before), _texts(rename.after))


def explained(
    renamed: Sequence[Rename], ambiguous: Sequence[AmbiguousRename]
) -> tuple[list[Rename], list[AmbiguousRename], list[Rule]]:
    """Find the rules of some renames, and use them to pair ambiguous subtrees.

    Args:
        renamed: pairs of subtrees.
        ambiguous: subtrees that fit each other in several ways.

    Returns:
        the pairs in any order, each with its rule; the remaining groups, without the subtrees that
        were paired; and the rules.
    """
    groups = [*ambiguous]
    found: list[Rename] = []
    rules: list[Rule] = []
    left = [_Pair.of(rename) for rename in renamed]
    while len(rules) < _MOST_RULES and (edit := _best(left, groups)) is not None:
        new, rest = _decided(edit, groups)
        known = [*left, *map(_Pair.of, new)]
        follow = [pair.rename for pair in known if edit.applied(pair.before) == pair.after]
        if len(follow) < _FEWEST:
            break
        groups = rest
        left = [pair for pair in known if edit.applied(pair.before) != pair.after]
        rule = Rule(follow[0].before.checkpointable, *_told(edit, follow[0]), len(follow), 0)
        rules.append(rule)
        found += [rename._replace(rule=str(rule)) for rename in follow]
    found += [pair.rename for pair in left]
    return found, groups, [rule._replace(of=len(found)) for rule in rules]


def _texts(place: Place) -> Texts:
    return tuple(map(str, place.keypath))


def _best(pairs: Sequence[_Pair], groups: Sequence[AmbiguousRename]) -> _Edit | None:
    """The edit that at least half of the pairs have in common, if there is one."""
    known = [(before, after) for _, before, after in pairs]
    if len(known) < _FEWEST:
        # There are too few pairs to learn from, so the order of ambiguous subtrees is used.
        for group in groups:
            if len(group.before) == len(group.after):
                known += zip(map(_texts, group.before), map(_texts, group.after), strict=True)
    votes: Counter[_Edit] = Counter()
    for before, after in known:
        votes.update([*dict.fromkeys(_edits(before, after))])
    # If several have as many votes, the first one counts, which is the simplest of a pair.
    for best, number in votes.most_common(1):
        return best if number >= _FEWEST and 2 * number >= len(known) else None
    return None


def _decided(
    edit: _Edit, groups: Sequence[AmbiguousRename]
) -> tuple[list[Rename], list[AmbiguousRename]]:
    """Pair ambiguous subtrees by an edit; also returns the remaining groups."""
    found: list[Rename] = []
    left: list[AmbiguousRename] = []
    for group in groups:
        after = {_texts(place): place for place in group.after}
        pairs: dict[Place, Place] = {}
        for was in group.before:
            edited = edit.applied(_texts(was))
            now = None if edited is None else after.pop(edited, None)
            if now is not None:
                pairs[was] = now
        found += [Rename(was, now, group.leaves) for was, now in pairs.items()]
        old = tuple(place for place in group.before if place not in pairs)
        taken = set(pairs.values())
        new = tuple(place for place in group.after if place not in taken)
        if len(old) == len(new) == 1 and pairs:
            # Only one way is left.
            found.append(Rename(old[0], new[0], group.leaves))
        elif old and new:
            left.append(AmbiguousRename(old, new, group.leaves))
    return found, left


def _edits(before: Texts, after: Texts) -> Iterator[_Edit]:
    """The edits that turn one keypath into another, simple ones first."""
    return (edit for edit in _candidates(before, after) if edit.applied(before) == after)


def _candidates(before: Texts, after: Texts) -> Iterator[_Edit]:
    start, end = _common(before, after)
    core, new = before[start : len(before) - end], after[start : len(after) - end]
    yield from _alternatives(before, after, start, core, new)
    numbers = _numbers(core)
    if numbers and numbers == _numbers(new):
        yield from _alternatives(before, after, start, _slots(core), _slots(new))
    for at in ("/", "_"):
        yield _Edit("split", (at,), (), (), ())
        yield _Edit("joined", (at,), (), (), ())


def _alternatives(
    before: Texts, after: Texts, start: int, core: Texts, new: Texts
) -> Iterator[_Edit]:
    """The edits that replace a run of entries by another, by where the run is."""
    end = len(before) - start - len(core)
    if end == 0 and start:
        yield _Edit("ends", (), core, (), new)
    if start == 0 and end:
        yield _Edit("ends", core, (), new, ())
    if not (start or end):
        run = _longest_run(before, after)
        if run is not None:
            at, to, length = run
            ends = before[at + length :], after[:to], after[to + length :]
            yield _Edit("ends", before[:at], *ends)
        yield _Edit("inside", core, (), new, ())
    if core and (start or end):
        yield _Edit("inside", core, (), new, ())
    if 0 < start <= _DEEPEST:
        yield _Edit("depth", core, (), new, (), start)


def _common(before: Texts, after: Texts) -> tuple[int, int]:
    """How many entries two keypaths have in common at their beginning, and then at their end."""
    most = min(len(before), len(after))
    start = 0
    while start < most and before[start] == after[start]:
        start += 1
    end = 0
    while end < most - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return start, end


def _longest_run(before: Texts, after: Texts) -> tuple[int, int, int] | None:
    """The longest run of entries that both have: where it begins in each, and its length."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    at, to, length = matcher.find_longest_match()
    return (at, to, length) if length else None


def _numbers(entries: Texts) -> list[str]:
    return [number for entry in entries for number in _NUMBER.findall(entry)]


def _slots(entries: Texts) -> Texts:
    return tuple(_NUMBER.sub(_SLOT, entry) for entry in entries)


def _replaced(entries: Texts, pattern: Texts, new: Texts) -> Texts | None:
    """Replace entries that match a pattern; numbers are kept."""
    if entries == pattern:
        return new if not any(_SLOT in entry for entry in new) else None
    if _slots(entries) != pattern or not any(_SLOT in entry for entry in pattern):
        return None
    numbers = iter(_numbers(entries))
    return tuple(re.sub(_SLOT, lambda _: next(numbers), entry) for entry in new)


def _at_the_ends(edit: _Edit, keypath: Texts) -> Texts | None:
    head, tail = len(edit.head), len(edit.tail)
    # Something stays between the two.
    if len(keypath) <= head + tail:
        return None
    last = len(keypath) - tail
    begun = _replaced(keypath[:head], edit.head, edit.new_head)
    ended = _replaced(keypath[last:], edit.tail, edit.new_tail)
    return None if begun is None or ended is None else (*begun, *keypath[head:last], *ended)


def _at_its_depth(edit: _Edit, keypath: Texts) -> Texts | None:
    at, end = edit.depth, edit.depth + len(edit.head)
    if len(keypath) < end:
        return None
    put = _replaced(keypath[at:end], edit.head, edit.new_head)
    return None if put is None else (*keypath[:at], *put, *keypath[end:])


def _wherever(edit: _Edit, keypath: Texts) -> Texts | None:
    length = len(edit.head)
    for at in range(len(keypath) - length + 1):
        put = _replaced(keypath[at : at + length], edit.head, edit.new_head)
        if put is not None:
            return (*keypath[:at], *put, *keypath[at + length :])
    return None


def _split(keypath: Texts, at: str) -> Texts:
    """Divide each entry: at every slash, or where a number begins behind an underscore."""
    found: list[str] = []
    for entry in keypath:
        numbered = _NUMBERED.fullmatch(entry) if at == "_" else None
        if numbered is not None:
            found += numbered.groups()
        else:
            found += entry.split(at) if at == "/" else [entry]
    return tuple(found)


def _divided(edit: _Edit, keypath: Texts) -> Texts | None:
    found = _split(keypath, edit.head[0])
    return None if found == keypath else found


def _united(edit: _Edit, keypath: Texts) -> Texts | None:
    if edit.head[0] == "/":
        # It is not known how many entries were one: all but the last, as haiku has them.
        return ("/".join(keypath[:-1]), keypath[-1]) if len(keypath) > 1 else None
    found: list[str] = []
    for entry in keypath:
        if entry.isdecimal() and found and not found[-1].isdecimal():
            found[-1] += f"_{entry}"
        else:
            found.append(entry)
    return None if len(found) == len(keypath) else tuple(found)


_APPLIED: dict[str, Callable[[_Edit, Texts], Texts | None]] = {
    "ends": _at_the_ends,
    "depth": _at_its_depth,
    "inside": _wherever,
    "split": _divided,
    "joined": _united,
}


def _told(edit: _Edit, example: Rename) -> tuple[str, str]:
    """A keypath before and after an edit, as text; letters stand for unchanged parts."""
    if edit.where in {"split", "joined"}:
        texts = {
            "/": ("'X/Y'", "X/Y"),
            "_": (f"{_BEFORE}_{{n}}", f"{_BEFORE}/{{n}}"),
        }[edit.head[0]]
        return texts if edit.where == "split" else (texts[1], texts[0])
    before, after = (place.keypath for place in (example.before, example.after))
    old_is_index, new_is_index = (
        {str(entry) for entry in entries if isinstance(entry, int)} for entries in (before, after)
    )
    head = _spelled(edit.head, old_is_index), _spelled(edit.new_head, new_is_index)
    tail = _spelled(edit.tail, old_is_index), _spelled(edit.new_tail, new_is_index)
    if edit.where == "ends":
        return _joined(head[0], _BEFORE, tail[0]), _joined(head[1], _BEFORE, tail[1])
    if edit.where == "depth":
        kept = (_BEFORE, _MIDDLE)[: edit.depth]
        rest = (_BEFORE, _MIDDLE, _BEHIND)[edit.depth]
        return _joined(*kept, head[0], rest), _joined(*kept, head[1], rest)
    return head[0] or ".", head[1] or "."


def _spelled(entries: Texts, indices: set[str]) -> str:
    """Show entries as a keypath, `{n}` for a number."""
    text = ""
    for entry in entries:
        is_index = entry in indices or (entry == _SLOT and bool(indices))
        part = entry.replace(_SLOT, "{n}")
        if is_index:
            text += f"[{part}]"
        else:
            # Whether a key is quoted does not depend on its numbers.
            is_plain = keypath((entry.replace(_SLOT, "0"),)) == entry.replace(_SLOT, "0")
            shown = part if is_plain else f"'{part}'"
            text += f"/{shown}" if text else shown
    return text


def _joined(*parts: str) -> str:
    text = ""
    for part in filter(None, parts):
        text += part if not text or part.startswith("[") else f"/{part}"
    return text
