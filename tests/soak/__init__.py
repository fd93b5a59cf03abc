"""Reads for minutes while others write, swap and delete: `python -m tests.soak`."""
