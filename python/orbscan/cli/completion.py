"""`orbscan --print-completion`: scripts by which a shell completes options and paths."""

from __future__ import annotations

import argparse

import shtab

_DIRECTORIES = {"path", "paths", "roots", "other"}
_FILES = {"file", "since"}


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Compose the completion script of a whole program for `bash`, `zsh` or `fish`.

    Raises:
        NotImplementedError: shtab is too old for that shell.
    """
    if shell not in shtab.SUPPORTED_SHELLS:
        message = f"shtab {shtab.__version__} does not support {shell}"
        raise NotImplementedError(message)
    for command in _commands(parser):
        for action in command._actions:  # noqa: SLF001 - argparse offers no other way to them
            # shtab looks for it here. An output without choices is a file.
            if action.dest in _DIRECTORIES:
                vars(action)["complete"] = shtab.DIRECTORY
            elif action.dest in _FILES or (action.dest == "output" and not action.choices):
                vars(action)["complete"] = shtab.FILE
    text: str = shtab.complete(parser, shell=shell)
    return text


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    return [
        command
        for action in parser._actions  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
        for command in action.choices.values()
    ]
