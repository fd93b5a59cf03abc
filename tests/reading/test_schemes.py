"""The schemes of URLs that can be read are those of the stores."""

from __future__ import annotations

import re
from pathlib import Path

from orbscan.places import SCHEMES, Url, in_store_of

STORES = Path(__file__).parents[2] / "rust" / "orbscan-remote" / "src" / "url.rs"


def test_the_package_and_the_stores_know_the_same_schemes() -> None:
    (table,) = re.findall(r"const SCHEMES: .*?= \[(.*?)\];", STORES.read_text("utf-8"), re.DOTALL)
    assert {*re.findall(r'\("(\w+)", Scheme', table)} == SCHEMES


def test_what_is_said_of_a_store_is_not_said_of_one_whose_name_begins_alike() -> None:
    root = Url("gs://bucket/run", store="said")
    assert isinstance(in_store_of([root], "gs://bucket/run/7"), Url)
    assert not isinstance(in_store_of([root], "gs://bucket/run-2"), Url)
