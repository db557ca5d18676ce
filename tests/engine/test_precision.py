"""precision="bfloat16": the layers compute in 16 bits, the result says how far off it is, and the model stays."""

import re

import numpy as np
import pytest

from xaikit import explain
from xaikit.core import keras
from xaikit.core.precision import computing_in


@pytest.fixture(scope="module")
def exact(model, images):
    return explain("gradients", model, images, 1)


def test_the_notes_say_how_far_the_first_maps_are_from_those_of_the_model_as_it_is(model, images, exact):
    found = explain("gradients", model, images, 1, precision="bfloat16")

    gaps = np.abs(found.maps - exact.maps)[..., 0].max(axis=(1, 2, 3)) / np.abs(exact.maps)[..., 0].max(axis=(1, 2, 3))
    said = re.fullmatch(
        r"bfloat16, within ([\d.]+)% of the maps' largest values for the first \d+ examples", found.notes["precision"]
    )
    assert said
    assert float(said[1]) == pytest.approx(100 * gaps.max(), abs=0.06)
    assert 0 < gaps.max() < 0.2
    assert found.maps.dtype == np.float32
    assert "precision" not in exact.notes


def test_every_layer_computes_in_16_bits_meanwhile_and_in_its_own_afterwards(model):
    def dtypes():
        return [layer.compute_dtype for layer in model.layers]

    before, policies = dtypes(), [layer.__dict__["_dtype_policy"] for layer in model.layers]

    def stopped():
        with computing_in(model, "bfloat16"):
            assert set(dtypes()) == {"bfloat16"}
            raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        stopped()

    assert dtypes() == before
    assert all(layer.__dict__["_dtype_policy"] is policy for layer, policy in zip(model.layers, policies, strict=True))


def test_what_is_compiled_in_other_numbers_is_compiled_anew(model, images, exact):
    explain("gradients", model, images, 1, precision="bfloat16")

    again = explain("gradients", model, images, 1)

    np.testing.assert_array_equal(again.maps, exact.maps)


def test_layers_of_64_bits_and_lookups_of_whole_numbers_stay_as_they_are():
    wide = keras.layers.Dense(2, dtype="float64")
    lookup = keras.layers.Embedding(1000, 4)
    model = keras.Sequential([keras.Input((3,), dtype="int32"), lookup, keras.layers.Flatten(), wide])

    with computing_in(model, "bfloat16"):
        assert wide.compute_dtype == "float64"
        assert lookup.compute_dtype == "float32"
