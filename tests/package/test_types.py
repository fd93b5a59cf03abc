"""The types of `orbscan.types` are those of what there is."""

from __future__ import annotations

import inspect
import typing

import orbscan
from orbscan import _core, types


def test_kinds_of_errors_are_those_of_the_core() -> None:
    assert typing.get_args(types.ErrorKind) == _core.ERROR_KINDS


def test_atomicities_are_those_of_the_core() -> None:
    assert typing.get_args(types.Atomicity) == ("auto", *_core.ATOMICITIES)


def test_options_of_scans_are_the_keywords_of_scan() -> None:
    keywords = {
        name: parameter.annotation
        for name, parameter in inspect.signature(orbscan.scan).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    options = types.ScanOptions.__annotations__
    assert {name: option.__forward_arg__ for name, option in options.items()} == keywords


def test_every_public_type_is_defined() -> None:
    assert all(hasattr(types, name) for name in types.__all__)
    typing.get_type_hints(types.ScanOptions)
