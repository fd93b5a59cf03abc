"""`orbscan --print-completion`: scripts by which a shell completes options and paths."""

from __future__ import annotations

import argparse

import shtab

from orbscan.cli.destination import What

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
            # Where shtab looks for it.
            if action.dest in _DIRECTORIES:
                vars(action)["complete"] = shtab.DIRECTORY
            elif action.dest in _FILES:
                vars(action)["complete"] = shtab.FILE
            elif isinstance(action.type, What):
                vars(action)["complete"] = _formats_and_files(action.type.formats)
    text: str = shtab.complete(parser, shell=shell)
    return text


def _formats_and_files(formats: tuple[str, ...]) -> dict[str, object]:
    """Compose what completes the value of `-o` in each shell: a word, or a file."""
    choices = f"'formats:format:({' '.join(formats)})' 'files:file:_files'"
    words, name = " ".join(formats), f"_orbscan_to_{'_'.join(formats)}"
    return {
        "bash": name,
        "zsh": name,
        "fish": f"(printf '%s\\n' {words}; __fish_complete_path (commandline -ct))",
        "preamble": {
            "bash": f"{name}() {{\n  compgen -W '{words}' -- $1\n  compgen -f -- $1\n}}\n",
            "zsh": f"{name}() {{\n  _alternative {choices}\n}}\n",
        },
    }


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    return [
        command
        for action in parser._actions  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
        for command in action.choices.values()
    ]
