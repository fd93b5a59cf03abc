"""`orbscan --print-completion`: scripts by which a shell completes options and directories."""

from __future__ import annotations

import argparse

import shtab

_DIRECTORIES = {"path", "roots"}


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Compose the completion script of a whole program for `bash` or `zsh`."""
    for command in _commands(parser):
        for action in command._actions:  # noqa: SLF001 - argparse offers no other way to them
            if action.dest in _DIRECTORIES:
                # Where shtab looks for it.
                vars(action)["complete"] = shtab.DIRECTORY
    text: str = shtab.complete(parser, shell=shell)
    return text


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    return [
        command
        for action in parser._actions  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
        for command in action.choices.values()
    ]
