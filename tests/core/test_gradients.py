"""Slopes: where they cannot be had, that is an error; where the model computes in halves, they do not vanish."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit import explain, gradcam, gradients, method
from xaikit.core import Explanation, forward, gradient, layer, per_target
from xaikit.errors import InputError


class Cut(keras.layers.Layer):
    """Let values pass, and no gradient."""

    def call(self, inputs):
        return tf.stop_gradient(inputs)


def relative(actual, expected):
    return np.abs(actual - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("explainer", [gradients, gradcam], ids=str)
def test_half_precision_gives_the_maps_of_single_precision(explainer, pooled, halved, images):
    expected = explain(explainer, pooled, images, 1)

    result = explain(explainer, halved, images, 1)

    assert result.maps.dtype == result.scores.dtype == np.float32
    assert relative(result.scores, expected.scores) < 0.05
    assert relative(result.maps, expected.maps) < 0.05


def test_gradients_too_small_for_half_precision_are_not_lost(halved, pooled, images):
    before = pooled.get_weights()
    *first, kernel, shift, head, bias = before
    small = [*first, kernel * 2e-3, shift, head * 1e-3, bias]
    try:
        for model in (pooled, halved):
            model.set_weights(small)
        expected = explain(gradients, pooled, images, 1).maps
        actual = explain(gradients, halved, images, 1).maps
    finally:
        for model in (pooled, halved):
            model.set_weights(before)

    assert relative(actual, expected) < 0.05


def test_gradients_too_large_for_a_scale_are_scaled_less(halved, pooled, images):
    before = pooled.get_weights()
    large = [*before[:-2], before[-2] * 3e3, before[-1]]
    try:
        for model in (pooled, halved):
            model.set_weights(large)
        expected = explain(gradients, pooled, images, 1).maps
        actual = explain(gradients, halved, images, 1).maps
    finally:
        for model in (pooled, halved):
            model.set_weights(before)

    assert relative(actual, expected) < 0.05


@pytest.mark.parametrize(
    "cut",
    [Cut, lambda: keras.layers.Lambda(lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32), output_shape=lambda s: s)],
    ids=["stop_gradient", "whole numbers"],
)
def test_an_input_that_the_score_does_not_depend_on_is_an_error(cut, rows):
    inputs = keras.Input((5,), name="features")
    model = settled(keras.Model(inputs, keras.layers.Dense(3)(cut()(inputs))))

    with pytest.raises(InputError, match=r"does not depend on .* a stop_gradient cuts it off"):
        explain(gradients, model, rows)


def test_an_unused_input_of_several_is_an_error_and_not_zeros(rows):
    used, unused = keras.Input((5,), name="used"), keras.Input((5,), name="unused")
    model = settled(keras.Model([used, unused], keras.layers.Dense(3)(used)))

    with pytest.raises(InputError, match="does not depend on"):
        explain(gradients, model, [rows, rows])


@pytest.mark.parametrize("structure", [list, dict])
def test_maps_have_the_structure_of_the_inputs(structure, rows):
    first, second = keras.Input((5,), name="first"), keras.Input((3,), name="second")
    joined = keras.layers.Concatenate()([first, second])
    inputs = [first, second] if structure is list else {"first": first, "second": second}
    model = settled(keras.Model(inputs, keras.layers.Dense(2, name="head")(joined)))
    weights = model.get_layer("head").kernel.numpy()
    data = [rows, rows[:, :3]] if structure is list else {"first": rows, "second": rows[:, :3]}

    maps = explain(gradients, model, data, "all").maps

    one, two = maps if structure is list else (maps["first"], maps["second"])
    np.testing.assert_allclose(one, np.broadcast_to(weights[:5], (4, 5, 2)), atol=1e-6)
    np.testing.assert_allclose(two, np.broadcast_to(weights[5:], (4, 3, 2)), atol=1e-6)


def test_a_gradient_stops_at_the_tensor_that_is_asked_for(pooled64, images64):
    @method
    def at_a_layer(model, *, name: str = "conv2"):
        """Differentiate by a layer's features."""
        tap = layer(model, name)

        def step(inputs, targets):
            scores, features = forward(model, inputs, targets, read=tap)
            return Explanation(scores, per_target(lambda score: gradient(score, features), scores))

        return step

    weights = pooled64.get_layer("head").kernel.numpy()
    expected = np.broadcast_to(weights / 16, (5, 4, 4, 5, 4))

    actual = explain(at_a_layer, pooled64, images64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_an_embeddings_features_have_gradients():
    inputs = keras.Input((4,), dtype="int32")
    embedded = keras.layers.Embedding(10, 3, name="embedding")(inputs)
    model = settled(keras.Model(inputs, keras.layers.Dense(2, name="head")(keras.layers.Flatten()(embedded))))
    weights = model.get_layer("head").kernel.numpy()

    @method
    def by_token(model):
        """Differentiate by the embedded tokens."""
        tap = layer(model, "embedding")

        def step(inputs, targets):
            scores, features = forward(model, inputs, targets, read=tap)
            return Explanation(scores, per_target(lambda score: gradient(score, features), scores))

        return step

    maps = explain(by_token, model, np.arange(8).reshape(2, 4).astype("int32"), "all").maps

    np.testing.assert_allclose(maps, np.broadcast_to(weights.reshape(4, 3, 2), (2, 4, 3, 2)), atol=1e-6)


def test_pictures_of_bytes_are_cast_to_the_models_type(pooled, images):
    pictures = (images * 40 + 128).clip(0, 255).astype("uint8")
    expected = explain(gradients, pooled, pictures.astype("float32"))

    result = explain(gradients, pooled, pictures)

    np.testing.assert_array_equal(result.maps, expected.maps)
