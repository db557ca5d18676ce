"""Gradients: the slopes of the score, signed and of the input's shape."""

import numpy as np
import pytest

from tests.oracles.networks import Pooled, slope_by_differences
from xaikit import explain, gradients
from xaikit.errors import InputError


def test_of_a_linear_score_the_gradient_is_its_weights(linear64, rectangles64):
    weights = linear64.get_layer("head").kernel.numpy()  # [features, 3]
    expected = np.broadcast_to(weights.reshape(4, 6, 2, 3), (3, 4, 6, 2, 3))

    actual = explain(gradients, linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_gradients_follow_the_chain_rule(pooled64, images64):
    oracle = Pooled(pooled64)
    expected = np.stack([oracle.slopes(images64, target) for target in range(4)], axis=-1)

    actual = explain(gradients, pooled64, images64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_gradients_are_limits_of_differences(flattened64):
    example = np.random.default_rng(5).normal(size=(6, 6, 2))
    kernel, bias = (np.asarray(w) for w in flattened64.get_layer("conv").get_weights())
    head, shift = (np.asarray(w) for w in flattened64.get_layer("head").get_weights())

    def score(values):
        windows = np.lib.stride_tricks.sliding_window_view(values, (3, 3), axis=(0, 1))  # [4, 4, C, 3, 3]
        features = np.maximum(np.einsum("ijchw,hwck->ijk", windows, kernel) + bias, 0)
        return (features.ravel() @ head + shift)[1]

    expected = slope_by_differences(score, example)

    actual = explain(gradients, flattened64, example[np.newaxis], 1).maps[0, ..., 0]

    np.testing.assert_allclose(actual, expected, atol=1e-8)


def test_the_scores_are_the_logits(pooled64, images64):
    expected = Pooled(pooled64).logits(images64)

    actual = explain(gradients, pooled64, images64, "all").scores

    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize(("model", "inputs"), [("table", "rows"), ("series", "waves"), ("volumes", "blocks")])
def test_gradients_have_the_shape_of_inputs_of_any_rank(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)

    actual = explain(gradients, model, inputs, [[0, 2]] * len(inputs)).maps

    assert actual.shape == (*inputs.shape, 2)
    assert np.abs(actual).reshape(len(inputs), -1).max(axis=1).min() > 0  # every example has its own


def test_every_example_has_a_gradient(pooled, images):
    maps = explain(gradients, pooled, images).maps

    assert (np.abs(maps).max(axis=(1, 2, 3, 4)) > 0).all()


def test_a_constant_added_to_the_logits_changes_no_gradient(pooled64, images64):
    expected = explain(gradients, pooled64, images64, 2).maps
    head = pooled64.get_layer("head")
    before = head.bias.numpy()
    try:
        head.bias.assign(before + 7.0)
        actual = explain(gradients, pooled64, images64, 2).maps
    finally:
        head.bias.assign(before)

    np.testing.assert_allclose(actual, expected, atol=1e-14)


def test_logits_times_a_factor_scale_gradients_by_it(pooled64, images64):
    expected = 3.0 * explain(gradients, pooled64, images64, 2).maps
    head = pooled64.get_layer("head")
    before = head.get_weights()
    try:
        head.set_weights([3.0 * values for values in before])
        actual = explain(gradients, pooled64, images64, 2).maps
    finally:
        head.set_weights(before)

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_an_unused_input_gets_exactly_nothing(linear64, rectangles64):
    head = linear64.get_layer("head")
    before = head.get_weights()
    unused = before[0].copy()
    unused[5] = 0.0
    try:
        head.set_weights([unused, before[1]])
        actual = explain(gradients, linear64, rectangles64, "all").maps.reshape(3, 48, 3)[:, 5]
    finally:
        head.set_weights(before)

    assert (actual == 0).all()


def test_where_the_score_is_saturated_the_gradient_is_nothing():
    import keras

    inputs = keras.Input((1,), dtype="float64")
    hidden = keras.layers.Dense(1, activation="relu", dtype="float64")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, dtype="float64")(hidden))
    model.set_weights([np.array([[-1.0]]), np.array([1.0]), np.array([[-1.0]]), np.array([1.0])])  # 1 - relu(1 - x)

    scores, maps = explain(gradients, model, np.array([[2.0], [0.5]]), 0)

    np.testing.assert_allclose(scores, [[1.0], [0.5]])
    np.testing.assert_allclose(maps, [[[0.0]], [[1.0]]])


def test_whole_numbers_are_refused_with_a_way_out():
    import keras

    inputs = keras.Input((4,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(10, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(embedded)))

    with pytest.raises(InputError, match=r"int32 and cannot be differentiated: use a perturbation method"):
        explain(gradients, model, np.zeros((2, 4), "int32"))
