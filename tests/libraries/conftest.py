"""What is collected where all tests run: nothing that has an environment of its own."""

from pathlib import Path

from tools.libraries import LIBRARIES, tests_of

collect_ignore = [Path(tests_of(name)).name for name in LIBRARIES]
