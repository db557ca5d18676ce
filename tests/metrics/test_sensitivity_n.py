"""Sensitivity-n: each point an oracle's, exact for parts of a linear score, and every kind of input."""

import keras
import numpy as np
import pytest

from tests.oracles.networks import Pooled
from tests.oracles.removals import drawn_subsets, sums_and_drops
from tests.oracles.weights import settled
from xaikit import gradients, integrated_gradients, occlusion, sensitivity_n
from xaikit.errors import ParameterError


def test_points_are_correlations_over_subsets_of_each_size_and_the_value_their_mean(pooled64, images64):
    images, maps = images64[:2, :5, :4], np.random.default_rng(3).normal(size=(2, 5, 4, 3, 1))
    network, units = Pooled(pooled64), np.arange(20).reshape(5, 4)
    subsets = drawn_subsets(20, [1] * 9 + [6] * 9 + [19] * 9)
    expected = np.zeros((2, 3))
    for b in range(2):
        sums, drops = sums_and_drops(
            lambda one: network.logits(one[np.newaxis])[0, 1],
            images[b],
            maps[b, ..., 0].sum(axis=2),
            units,
            subsets,
            np.zeros((5, 4, 3)),
        )
        for point in range(3):
            expected[b, point] = np.corrcoef(sums[9 * point : 9 * point + 9], drops[9 * point : 9 * point + 9])[0, 1]
    measure = sensitivity_n(shares=(0.01, 0.3, 0.99), samples=9)

    curve = measure.curve(maps, pooled64, images, 1)

    np.testing.assert_allclose(curve.at, [0.01, 0.3, 0.99])
    np.testing.assert_allclose(curve.values, expected, atol=1e-12)
    np.testing.assert_allclose(measure(maps, pooled64, images, 1), expected.mean(axis=1), atol=1e-12)


def test_of_a_linear_score_the_parts_are_exact_for_all_n(linear64, rectangles64):
    measure = sensitivity_n(samples=10, baseline=0.5)

    curve = measure.curve(integrated_gradients(steps=1, baseline=0.5), linear64, rectangles64, "all")

    np.testing.assert_allclose(curve.values, np.ones((3, 5, 3)), atol=1e-12)


def test_points_without_a_correlation_are_left_out_of_the_mean(linear64):
    image = np.zeros((2, 4, 6, 2))
    image[0, 0, 0] = 1  # of 24 positions one counts
    met = [[0 in one for one in drawn_subsets(24, [1] * 4 + [12] * 4, seed)] for seed in range(20)]
    seed = next(i for i, one in enumerate(met) if not any(one[:4]) and 0 < sum(one[4:]) < 4)
    measure = sensitivity_n(shares=(0.01, 0.5), samples=4, seed=seed)

    curve = measure.curve(integrated_gradients(steps=1), linear64, image, 0)

    np.testing.assert_allclose(curve.values, [[np.nan, 1], [np.nan, np.nan]], atol=1e-12)
    np.testing.assert_allclose(measure(integrated_gradients(steps=1), linear64, image, 0), [1, np.nan], atol=1e-12)


@pytest.mark.parametrize(("model", "inputs"), [("table", "rows"), ("series", "waves"), ("volumes", "blocks")])
def test_inputs_of_any_rank_are_measured(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)

    found = sensitivity_n(shares=(0.3,), samples=6)(gradients, model, inputs)

    assert found.shape == (len(inputs),)
    assert (np.abs(found) <= 1).all()


def test_tokens_are_replaced_by_other_tokens():
    inputs = keras.Input((6,), dtype="int32")
    embedded = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 4)(inputs))
    model = settled(keras.Model(inputs, keras.layers.Dense(3)(embedded)))
    tokens = np.array([[1, 2, 3, 7, 5, 5], [8, 7, 6, 5, 4, 1]])

    found = sensitivity_n(shares=(0.2, 0.5), samples=6)(occlusion, model, tokens)

    np.testing.assert_allclose(found, 1, atol=1e-5)  # a mean over tokens is additive


def test_positions_of_several_inputs_stand_side_by_side():
    picture, row = keras.Input((2, 3, 2), dtype="float64"), keras.Input((4,), dtype="float64")
    joined = keras.layers.Concatenate(dtype="float64")([keras.layers.Flatten(dtype="float64")(picture), row])
    model = settled(keras.Model([picture, row], keras.layers.Dense(2, dtype="float64")(joined)))
    draws = np.random.default_rng(5)
    data = [draws.normal(size=(3, 2, 3, 2)), draws.normal(size=(3, 4))]

    found = sensitivity_n(shares=(0.3, 0.8), samples=6)(integrated_gradients(steps=1), model, data)

    np.testing.assert_allclose(found, 1, atol=1e-12)


def test_no_shares_are_refused():
    with pytest.raises(ParameterError, match="shares"):
        sensitivity_n(shares=())
    with pytest.raises(ParameterError, match="shares must be more than 0, not"):
        sensitivity_n(shares=(0.0, 0.5))
