"""Input times gradient: the terms of a linear score."""

import keras
import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.functions import model_of
from tests.oracles.networks import Pooled
from xaikit import explain, find, gradients, input_x_gradient
from xaikit.errors import InputError


def test_of_a_linear_score_the_map_is_its_terms(linear64, rectangles64):
    weights = linear64.get_layer("head").kernel.numpy().reshape(4, 6, 2, 3)
    expected = rectangles64[..., np.newaxis] * weights

    actual = explain(input_x_gradient, linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_it_is_the_input_times_the_slopes_of_the_chain_rule(pooled64, images64):
    oracle = Pooled(pooled64)
    expected = np.stack([images64 * oracle.slopes(images64, target) for target in range(4)], axis=-1)

    actual = explain(input_x_gradient, pooled64, images64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_without_biases_a_map_of_a_piecewise_linear_model_adds_up_to_the_score(pooled64, images64):
    layers = [pooled64.get_layer(name) for name in ("conv1", "conv2", "head")]
    before = [layer.bias.numpy() for layer in layers]
    try:
        for layer in layers:
            layer.bias.assign(0 * layer.bias)
        scores, maps = explain(input_x_gradient, pooled64, images64, "all")
    finally:
        for layer, bias in zip(layers, before, strict=True):
            layer.bias.assign(bias)

    np.testing.assert_allclose(maps.sum(axis=(1, 2, 3)), scores, atol=1e-12)


def test_a_product_gives_each_factor_the_whole():
    expected = [[[6.0], [6.0]]]

    actual = explain(input_x_gradient, model_of(lambda a, b: a * b, 2), np.array([[3.0, 2.0]])).maps

    np.testing.assert_allclose(actual, expected)


def test_another_unit_of_the_input_changes_nothing(pooled64, images64):
    expected = explain(input_x_gradient, pooled64, images64, 1).maps
    layer = pooled64.get_layer("conv1")
    before = layer.kernel.numpy()
    try:
        layer.kernel.assign(before * 255)
        actual = explain(input_x_gradient, pooled64, images64 / 255, 1).maps
        slopes = explain(gradients, pooled64, images64 / 255, 1).maps
    finally:
        layer.kernel.assign(before)

    np.testing.assert_allclose(actual, expected, atol=1e-12)
    np.testing.assert_allclose(slopes, 255 * explain(gradients, pooled64, images64, 1).maps, atol=1e-10)


def test_another_zero_of_the_input_changes_the_map(linear64, rectangles64):
    head = linear64.get_layer("head")
    kernel, bias = head.get_weights()
    expected = explain(input_x_gradient, linear64, rectangles64, 1)
    try:
        head.bias.assign(bias - 5 * kernel.sum(axis=0))
        moved = explain(input_x_gradient, linear64, rectangles64 + 5, 1)
    finally:
        head.bias.assign(bias)

    np.testing.assert_allclose(moved.scores, expected.scores, atol=1e-12)
    assert np.abs(moved.maps - expected.maps).max() > 0.1


def test_every_input_of_a_model_has_its_own_map(rows):
    inputs = {name: keras.Input((5,), name=name) for name in ("first", "second")}
    outputs = keras.layers.Dense(2, kernel_initializer="ones")(keras.layers.Multiply()(list(inputs.values())))
    data = {"first": rows, "second": 2 * rows}
    expected = (2 * rows**2)[..., np.newaxis]

    maps = explain(input_x_gradient, keras.Model(inputs, outputs), data, 0).maps

    assert set(maps) == {"first", "second"}
    np.testing.assert_allclose(maps["first"], expected, rtol=1e-6)
    np.testing.assert_allclose(maps["second"], expected, rtol=1e-6)


def test_half_precision_models_give_float32_maps(halved, images):
    assert explain(input_x_gradient, halved, images).maps.dtype == np.float32


def test_the_model_sees_each_example_once():
    counting = RowsOf()

    seen = counting.counted(lambda: explain(input_x_gradient, counting.model, counting.images, "all", batch_size=6))

    assert seen == [6]


def test_it_reads_back_as_it_is_written():
    assert repr(input_x_gradient) == "input_x_gradient"
    assert find("input_x_gradient") == input_x_gradient


def test_whole_numbers_are_refused_with_a_way_out():
    inputs = keras.Input((4,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(10, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(embedded)))

    with pytest.raises(InputError, match="int32 and cannot be differentiated"):
        explain(input_x_gradient, model, np.zeros((2, 4), "int32"))
