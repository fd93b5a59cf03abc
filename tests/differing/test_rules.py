"""Edits of keypaths that explain the renames between the forms of one model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import orbscan
from orbscan import ArrayMetadata, Diff
from orbscan.differing.changes import AmbiguousRename, Place, Rename
from orbscan.differing.rules import explained

F32 = np.dtype("float32")
LAYERS = range(3)


def array(*shape: int) -> ArrayMetadata:
    return ArrayMetadata(shape, F32)


def place(*keypath: str | int) -> Place:
    return Place(None, keypath)


def told(found: Diff) -> list[tuple[str, int, int]]:
    return [(str(rule), rule.explains, rule.of) for rule in found.rules]


def linen(name: str = "Dense") -> dict[str, Any]:
    """The parameters of `flax.linen`: `params/Dense_0/kernel`."""
    return {f"{name}_{n}": {"kernel": array(8, 8), "bias": array(8)} for n in LAYERS}


def nnx(*, values: bool) -> dict[str, Any]:
    """The state of `flax.nnx`: an entry `value` below each variable, none in the pure dict."""

    def variable(*shape: int) -> Any:
        return {"value": array(*shape)} if values else array(*shape)

    layer = {"kernel": (8, 8), "bias": (8,), "scale": (8,)}
    return {
        "blocks": {
            str(n): {"linear": {name: variable(*shape) for name, shape in layer.items()}}
            for n in LAYERS
        },
        "embed": {"embedding": variable(100, 8)},
        "norm": {"scale": variable(8), "bias": variable(8)},
    }


def keras(*above: str) -> dict[str, Any]:
    """The state of Keras: the name of a Sequential model stands above its layers, or not."""

    def placed(layers: dict[str, Any]) -> Any:
        for name in reversed(above):
            layers = {name: layers}
        return layers

    dense = {"kernel": array(4, 4), "bias": array(4)}
    norm = {"moving_mean": array(4), "moving_variance": array(4)}
    return {
        "trainable_variables": placed({"dense": dense, "dense_1": dense}),
        "non_trainable_variables": placed({"normalization": norm}),
        "optimizer_variables": {"adam": {"iteration": 1}},
    }


def haiku(separator: str) -> dict[str, Any]:
    """The parameters of haiku: a key is the path of a module, `mlp/~/linear_0`."""
    names = ["mlp/~/linear_0", "mlp/~/linear_1", "mlp/~/linear_2"]
    found: dict[str, Any] = {}
    for name in names:
        place = found
        for part in [name] if separator == "/" else name.split("/"):
            place = place.setdefault(part, {})
        place |= {"w": array(8, 8), "b": array(8)}
    return found


def maxtext(*above: str, scanned: bool) -> dict[str, Any]:
    """The parameters of MaxText, below `params` twice in a train state."""
    layer = {
        "mlp": {"wi_0": {"kernel": array(8, 32)}, "wo": {"kernel": array(32, 8)}},
        "self_attention": {"query": {"kernel": array(8, 8)}, "out": {"kernel": array(8, 8)}},
    }
    layers: dict[str, Any] = {"layers": {str(n): layer for n in LAYERS}}
    if scanned:
        layers = {f"layers_{n}": layer for n in LAYERS}
    tree: dict[str, Any] = {"decoder": layers, "token_embedder": {"embedding": array(100, 8)}}
    for name in reversed(above):
        tree = {name: tree}
    return tree


def test_nnx_to_its_pure_dict() -> None:
    found = orbscan.diff(nnx(values=True), nnx(values=False))
    assert told(found) == [("X/value -> X", 12, 12)]
    assert found.ambiguous == ()
    pairs = {str(rename) for rename in found.renamed}
    assert "blocks/1/linear/scale/value -> blocks/1/linear/scale" in pairs
    assert "norm/bias/value -> norm/bias" in pairs
    back = orbscan.diff(nnx(values=False), nnx(values=True))
    assert told(back) == [("X -> X/value", 12, 12)]


def test_linen_to_nnx() -> None:
    after = {
        name: {part: {"value": leaf} for part, leaf in layer.items()}
        for name, layer in linen().items()
    }
    found = orbscan.diff({"params": linen()}, after)
    assert told(found) == [("params/X -> X/value", 6, 6)]


def test_keras_with_and_without_the_name_of_the_model() -> None:
    found = orbscan.diff(keras(), keras("sequential"))
    assert told(found) == [("X/Y -> X/sequential/Y", 2, 2)]
    assert [str(rename) for rename in found.renamed] == [
        "trainable_variables -> trainable_variables/sequential",
        "non_trainable_variables/normalization -> non_trainable_variables/sequential/normalization",
    ]


def test_haiku_with_the_path_of_a_module_as_keys() -> None:
    found = orbscan.diff(haiku("/"), haiku("."))
    assert told(found) == [("'mlp/~/linear_{n}' -> mlp/~/linear_{n}", 3, 3)]
    assert told(orbscan.diff(haiku("."), haiku("/"))) == [
        ("mlp/~/linear_{n} -> 'mlp/~/linear_{n}'", 3, 3)
    ]


def test_haiku_to_linen() -> None:
    after = {
        f"Dense_{n}": {"kernel": layer["w"], "bias": layer["b"]}
        for n, layer in enumerate(haiku("/").values())
    }
    found = orbscan.diff(haiku("/"), after)
    assert told(found) == [
        ("'mlp/~/linear_{n}'/w -> Dense_{n}/kernel", 3, 6),
        ("'mlp/~/linear_{n}'/b -> Dense_{n}/bias", 3, 6),
    ]


def test_maxtext_with_layers_as_names_and_as_keys() -> None:
    found = orbscan.diff(maxtext(scanned=True), maxtext(scanned=False))
    assert told(found) == [("X/layers_{n} -> X/layers/{n}", 3, 3)]
    above = orbscan.diff(maxtext("params", "params", scanned=True), maxtext("params", scanned=True))
    assert [str(rename) for rename in above.renamed] == ["params/params -> params"]
    assert above.rules == ()


def test_several_stacks_are_split_alike() -> None:
    before = {**linen("enc"), **{f"dec_{n}": {"w": array(3, 3)} for n in LAYERS}}
    after = {
        "enc": {str(n): {"kernel": array(8, 8), "bias": array(8)} for n in LAYERS},
        "dec": {str(n): {"w": array(3, 3)} for n in LAYERS},
    }
    assert told(orbscan.diff(before, after)) == [("X_{n} -> X/{n}", 6, 6)]
    assert told(orbscan.diff(after, before)) == [("X/{n} -> X_{n}", 6, 6)]


def test_members_of_a_list_are_numbers() -> None:
    after = {"layers": [*linen().values()]}
    found = orbscan.diff(linen(), after)
    assert told(found) == [("Dense_{n} -> layers[{n}]", 3, 3)]


def test_a_rule_decides_what_places_do_not() -> None:
    before = [place("a", "scale"), place("a", "bias"), place("b", "scale")]
    after = [
        place("a", "scale", "value"),
        place("a", "bias", "value"),
        place("b", "scale", "value"),
    ]
    group = AmbiguousRename(tuple(before), tuple(reversed(after)), 1)
    known = [Rename(place(n, "w"), place(n, "w", "value"), 1) for n in "ab"]
    renamed, left, rules = explained(known, [group])
    assert left == []
    assert [*map(str, rules)] == ["X -> X/value"]
    assert {(rename.before, rename.after) for rename in renamed[2:]} == {
        *zip(before, after, strict=True)
    }
    other = AmbiguousRename((place("x"), place("y")), (place("v"), place("w")), 1)
    assert explained(known, [other])[1] == [other]


def test_nothing_is_a_rule_that_explains_less_than_half() -> None:
    before = {"a": array(2), "b": array(3), "c": array(4), "d": array(5)}
    after = {"w": array(2), "x": array(3), "y": array(4), "z": array(5)}
    assert orbscan.diff(before, after).rules == ()


def test_one_rename_is_no_rule() -> None:
    found = orbscan.diff({"params": linen()}, {"model": {"params": linen()}})
    assert len(found.renamed) == 1
    assert found.rules == ()
    assert explained([], []) == ([], [], [])


@pytest.mark.parametrize("number", [2_000])
def test_time_is_linear_in_the_renames(number: int) -> None:
    before = {f"a_{n}": {"w": array(n + 1)} for n in range(number)}
    after = {f"b_{n}": {"w": array(n + 1)} for n in range(number)}
    found = orbscan.diff(before, after)
    assert told(found) == [("a_{n}/X -> b_{n}/X", number, number)] or found.rules


def test_the_report_tells_a_rule_once_and_all_lists_the_renames() -> None:
    found = orbscan.diff(nnx(values=True), nnx(values=False))
    lines = str(found).splitlines()
    at = lines.index("perhaps renamed")
    assert lines[at + 1].split("  ") == ["", "rule", "X/value -> X", "explains 12 of 12 renames"]
    assert lines[at + 2 :] == []
    assert not any("but to which" in line for line in lines)
    from orbscan.differing.text import report

    every = "\n".join(report(found, None))
    assert every.count("/value -> ") == 12 + 1


def test_one_row_says_more_than_its_rule() -> None:
    found = orbscan.diff(linen(), linen("Layer"))
    assert found.rules
    assert "Dense_{0..2} -> Layer_{0..2}" in str(found)
    assert "rule" not in str(found)


def test_the_document_has_the_rules() -> None:
    found = orbscan.diff(nnx(values=True), nnx(values=False)).to_dict()
    assert found["rules"] == [
        {"checkpointable": None, "before": "X/value", "after": "X", "explains": 12, "of": 12}
    ]
    renamed: Any = found["renamed"]
    assert {rename["rule"] for rename in renamed} == {"X/value -> X"}
