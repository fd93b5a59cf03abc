"""Saves in this process, and kills it half way: `python -m tests.golden.killed KIND INTO MOMENT`.

MOMENT is an audit event of Python and a pattern for the file it is about, joined by a colon:
`os.rename:orbax-checkpoint-tmp` dies before the first temporary folder gets its final name,
`open:^_METADATA` when the writer starts on the metadata of the tree.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from tests.golden import kinds

EXIT_CODE = 86


def main(kind: str, into: str, moment: str) -> None:
    """Ends the process with `EXIT_CODE` if the moment came, and with 0 if it did not."""
    fatal_event, pattern = moment.split(":")

    def die(event: str, arguments: tuple[object, ...]) -> None:
        if event == fatal_event and _writes(pattern, event, arguments):
            os._exit(EXIT_CODE)

    write = kinds.every_kind()[kind]
    sys.addaudithook(die)
    write(Path(into))


def _writes(pattern: str, event: str, arguments: tuple[object, ...]) -> bool:
    subject = arguments[0]
    if not isinstance(subject, str | os.PathLike):
        return False
    only_reads = event == "open" and str(arguments[1]).startswith("r")
    return re.search(pattern, Path(subject).name) is not None and not only_reads


if __name__ == "__main__":
    main(*sys.argv[1:])
