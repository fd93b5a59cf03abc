"""What makes an item JSON is one rule, which the core and the package both spell out."""

from __future__ import annotations

import re

from orbscan.reading import items
from tests.support.processes import ROOT

CORE = ROOT / "rust" / "orbscan-core" / "src"


def test_the_documents_of_json_items_are_those_of_the_core() -> None:
    text = (CORE / "orbax" / "names.rs").read_text("utf-8")
    value_of = dict(re.findall(r'pub const (\w+): &str = "([^"]*)";', text))
    (listed,) = re.findall(r"pub const JSON_DOCUMENTS: [^=]*= \[([^\]]*)\];", text)
    assert tuple(value_of[name.strip()] for name in listed.split(",")) == items._DOCUMENTS


def test_the_handlers_that_write_json_are_those_of_the_core() -> None:
    text = (CORE / "layout" / "expected.rs").read_text("utf-8")
    body = text.partition("pub fn is_json_handler")[2].partition("\n}\n")[0]
    assert tuple(re.findall(r'starts_with\("(\w+)"\)', body)) == items._WRITERS_OF_JSON
