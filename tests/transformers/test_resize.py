"""resize: maps at the input's positions."""

import keras
import numpy as np
import pytest

from tests.oracles import grids
from tests.oracles.explainers import coarse, constant
from tests.oracles.weights import settled
from xaikit import absolute, explain, gradcam, gradients, heatmap, occlusion, over_channels, resize


@pytest.mark.parametrize(
    ("model", "inputs"), [("pooled", "images"), ("series", "waves"), ("volumes", "blocks")], ids=["2-D", "1-D", "3-D"]
)
@pytest.mark.parametrize("explainer", [gradcam, coarse], ids=str)
def test_location_maps_are_brought_to_the_inputs_positions_linearly(explainer, model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    raw = explain(explainer, model, inputs, [[0, 1]] * len(inputs)).maps
    expected = grids.each(raw, inputs.shape[1:-1])

    actual = explain(resize(explainer), model, inputs, [[0, 1]] * len(inputs)).maps

    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "area", "lanczos3"])
def test_a_constant_stays_that_constant(method, pooled, images):
    maps = explain(resize(constant(value=2.0, located=True), method=method), pooled, images).maps

    np.testing.assert_allclose(maps, 2, rtol=1e-6)


def test_maps_at_the_inputs_positions_are_left_as_they_are(pooled, images):
    expected = explain(constant(located=True), pooled, images).maps

    actual = explain(resize(constant(located=True)), pooled, images).maps

    np.testing.assert_array_equal(actual, expected)


def test_input_shaped_maps_pass(pooled, images):
    expected = explain(gradients, pooled, images).maps

    actual = explain(resize(gradients), pooled, images).maps

    np.testing.assert_array_equal(actual, expected)


def test_maps_of_tables_pass(table, rows):
    expected = explain(gradients, table, rows).maps

    actual = explain(resize(gradients), table, rows).maps

    np.testing.assert_array_equal(actual, expected)


def test_each_new_position_of_the_nearest_method_is_one_of_the_old_values(pooled, images):
    raw = explain(gradcam, pooled, images).maps

    maps = explain(resize(gradcam, method="nearest"), pooled, images).maps

    np.testing.assert_array_equal(maps, raw.repeat(2, axis=1).repeat(2, axis=2))


@pytest.fixture(scope="module")
def several():
    """A picture, a series, a table and tokens, by name."""
    inputs = {
        "picture": keras.Input((6, 4, 2), name="picture"),
        "wave": keras.Input((7, 2), name="wave"),
        "row": keras.Input((5,), name="row"),
        "words": keras.Input((3,), dtype="int32", name="words"),
    }
    embedded = keras.layers.Embedding(9, 2)(inputs["words"])
    parts = [keras.layers.Flatten()(part) for part in (*list(inputs.values())[:3], embedded)]
    return settled(keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Concatenate()(parts)), name="several"))


@pytest.fixture(scope="module")
def mixed():
    draws = np.random.default_rng(0)
    shapes = {"picture": (2, 6, 4, 2), "wave": (2, 7, 2), "row": (2, 5)}
    return {name: draws.normal(size=shape).astype("float32") for name, shape in shapes.items()} | {
        "words": draws.integers(0, 9, (2, 3))
    }


@pytest.mark.parametrize(
    ("transformer", "change"),
    [
        (resize, lambda maps: maps),
        (over_channels(how="sum"), lambda maps: maps),
        (absolute, np.abs),
        (
            heatmap(show="signed"),
            lambda maps: maps / np.abs(maps).max(axis=tuple(range(1, maps.ndim - 1)), keepdims=True),
        ),
    ],
    ids=["resize", "over_channels", "absolute", "heatmap"],
)
def test_each_of_several_inputs_is_treated_as_its_own_kind(transformer, change, several, mixed):
    raw = explain(occlusion(patch=1), several, mixed, 1).maps
    expected = {name: change(maps) for name, maps in raw.items()}

    actual = explain(transformer(occlusion(patch=1)), several, mixed, 1).maps

    for name in mixed:
        np.testing.assert_allclose(actual[name], expected[name], atol=1e-6)


def test_maps_of_tokens_pass(several):
    words = keras.Input((3,), dtype="int32")
    reader = settled(
        keras.Model(words, keras.layers.Dense(2)(keras.layers.Flatten()(keras.layers.Embedding(9, 2)(words))))
    )
    tokens = np.array([[1, 2, 3], [4, 0, 8]])
    expected = explain(occlusion, reader, tokens, 0).maps

    for transformer in (resize, over_channels):
        np.testing.assert_array_equal(explain(transformer(occlusion), reader, tokens, 0).maps, expected)
    shown = explain(heatmap(occlusion), reader, tokens, 0).maps
    size = np.abs(expected)
    low, high = size.min(axis=1, keepdims=True), size.max(axis=1, keepdims=True)
    np.testing.assert_allclose(shown, (size - low) / (high - low), atol=1e-6)


@pytest.mark.parametrize(("model", "inputs"), [("series", "waves"), ("volumes", "blocks")])
@pytest.mark.parametrize("explainer", [gradcam, gradients], ids=str)
def test_the_heat_of_series_and_volumes_is_in_their_positions(model, inputs, explainer, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    raw = explain(explainer, model, inputs, 1).maps
    located = raw.ndim == inputs.ndim
    heat = grids.each(np.maximum(raw, 0), inputs.shape[1:-1]) if located else np.abs(raw).max(axis=-2)
    axes = tuple(range(1, heat.ndim - 1))
    low, high = heat.min(axis=axes, keepdims=True), heat.max(axis=axes, keepdims=True)

    actual = explain(heatmap(explainer), model, inputs, 1).maps

    np.testing.assert_allclose(actual, (heat - low) / (high - low), atol=1e-5)
