"""Keras: its callback writes, and a model loads the weights from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tests.libraries.agreement import agree, same_with_and_without

if TYPE_CHECKING:
    from pathlib import Path


def _model() -> Any:
    # The kernels of a Sequential model are not found again: see docs/diff.md.
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(2, name="hidden")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, name="last")(hidden), name="model")
    model.compile("adam", "mse")
    return model


def test_weights_of_the_callback(tmp_path: Path) -> None:
    # Only over devices does Keras ask for metadata.
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    model = _model()
    callback = keras.callbacks.OrbaxCheckpoint(
        str(tmp_path), save_freq="epoch", save_weights_only=True
    )
    model.fit(np.ones((8, 3)), np.ones((8, 1)), epochs=1, verbose=0, callbacks=[callback])
    assert agree(tmp_path) > 3

    def restored() -> Any:
        other = _model()
        other.load_weights(str(tmp_path))
        return [np.asarray(weight) for weight in other.get_weights()]

    found = same_with_and_without(restored)
    for wanted, got in zip(model.get_weights(), found, strict=True):
        assert np.array_equal(wanted, got)
