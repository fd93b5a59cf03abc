"""What is collected where all tests run: nothing that has an environment of its own."""

from pathlib import Path

from tools.engines import ENVIRONMENTS

collect_ignore = [
    Path(test).name for environment in ENVIRONMENTS.values() for test in environment.tests
]
