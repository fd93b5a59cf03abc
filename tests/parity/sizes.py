"""What `du` says of a checkpoint, beside what lies on the disk."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.parity.asking import Asked, Violations


def du_lists_each_file_once(asked: Asked) -> Violations:
    """The files of `du` are those that lie below the checkpoint, each once and with its size."""
    usage = asked.usage.value
    if usage is None:
        return
    found = [
        ("/".join(filter(None, (file.checkpointable, file.path))), file.size)
        for file in usage.files
        if file.size is not None
    ]
    there = {
        name or asked.path.name: file.stat().st_size
        for name, file in asked.files.items()
        if file.is_file()
    }
    twice = [name for name, count in Counter(name for name, _ in found).items() if count > 1]
    if twice:
        yield f"du: {twice} several times"
    wrong = {name: size for name, size in found if there.get(name) != size}
    if wrong:
        yield f"du: {wrong}; on disk: {[there.get(name) for name in wrong]}"
    if missing := there.keys() - {name for name, _ in found}:
        yield f"du: without {sorted(missing)}"


def du_has_each_byte_in_one_line(asked: Asked) -> Violations:
    """What the totals of `du` say of bytes adds up to the bytes on the disk."""
    usage = asked.usage.value
    if usage is None:
        return
    sizes = sum(file.stat().st_size for file in asked.files.values() if file.is_file())
    parts = (usage.data, usage.index, usage.free, usage.unknown, usage.others)
    if usage.total != sizes or sum(parts) != sizes:
        yield f"du: {usage.total} bytes in {parts}; on disk: {sizes}"


def du_refuses_what_reads_refuse_as_a_whole(asked: Asked) -> Violations:
    """Where every read is refused there is no usage; where a part is lost, there is one."""
    refusal = asked.checkpointables.error
    # Sound or not, a pytree without a name is not among those that have one.
    nameless = "is a flat checkpoint" in str(refusal)
    if asked.metadata.error is None or refusal is None or nameless:
        if asked.usage.error is not None:
            yield f"metadata: {asked.metadata}; du: {asked.usage}"
    elif asked.usage.error is None:
        yield f"metadata: {asked.metadata}; du: no error"
