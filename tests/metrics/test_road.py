"""ROAD: the score of a loop over dense imputations, and the laws of imputation seen through the metric."""

import keras
import numpy as np
import pytest

from tests.conftest import draws
from tests.oracles import removal
from tests.oracles.counting import RowsOf
from xaikit import gradients, road
from xaikit.errors import ModelError, ParameterError


def test_curves_are_those_of_a_loop_over_dense_imputations(flattened64):
    images, maps = draws((2, 6, 6, 2), "float64"), draws((2, 6, 6, 1), "float64", seed=2)
    counts, expected = [0, 9, 18, 27], []
    for image, one in zip(images, maps[..., 0], strict=True):
        order, curve = removal.order_of(one), []
        for count in counts:
            removed = np.zeros((6, 6), bool)
            removed[tuple(zip(*order[:count], strict=True)) or ([], [])] = True
            curve.append(flattened64(removal.imputed(image, removed)[np.newaxis]).numpy()[0, 1])
        expected.append(curve)
    metric = road(steps=4, noise=0.0)

    actual = metric.curve(maps, flattened64, images, 1)

    np.testing.assert_allclose(actual.values, expected, atol=1e-4)
    np.testing.assert_allclose(actual.at, np.array(counts) / 36)
    areas = [removal.trapezoids(actual.at, curve) for curve in actual.values]
    np.testing.assert_allclose(metric(maps, flattened64, images, 1), areas, atol=1e-12)


def test_a_constant_picture_scores_the_same_whatever_is_removed(pooled, images):
    constant = np.full_like(images, 0.6)
    score = pooled.predict(constant, verbose=0)[:, 1]

    curve = road(noise=0.0).curve(draws((5, 8, 8, 1)), pooled, constant, 1)

    np.testing.assert_allclose(curve.values, np.tile(score[:, np.newaxis], 10), rtol=1e-5)


def test_noise_is_seeded_and_of_the_size_asked_for():
    inputs = keras.Input((12, 12, 1), dtype="float64")
    model = keras.Model(inputs, keras.layers.Flatten(dtype="float64")(inputs))
    constant, maps = np.full((1, 12, 12, 1), 5.0), np.zeros((1, 12, 12, 144))
    first, again, other = (
        road(steps=2, on="logit", noise=0.5, seed=seed).curve(maps, model, constant, "all").values[0, 1] - 5
        for seed in (0, 0, 1)
    )

    np.testing.assert_array_equal(again, first)
    assert (other != first).any()
    assert np.count_nonzero(first) == 72  # what is not removed gets no noise
    assert abs(first[first != 0].std() - 0.5) <= 4 * 0.5 / np.sqrt(2 * 72)


def test_every_batch_counts_and_none_changes_another(pooled, images):
    metric = road(steps=4)
    expected = metric(gradients, pooled, images)

    assert expected.shape == (5,)
    assert len(np.unique(expected)) == 5
    for size in (1, 2):
        np.testing.assert_allclose(metric(gradients, pooled, images, batch_size=size), expected, rtol=1e-5)


def test_the_least_relevant_are_the_most_relevant_of_the_negative_map(pooled, images):
    maps = draws((5, 8, 8, 1))
    expected = road(steps=4)(-maps, pooled, images)

    np.testing.assert_array_equal(road(steps=4, order="least_relevant")(maps, pooled, images), expected)


@pytest.mark.parametrize("case", [("series", "waves"), ("volumes", "blocks")])
def test_series_and_volumes_are_imputed(case, request):
    model, inputs = (request.getfixturevalue(name) for name in case)
    constant = np.full_like(inputs, 0.3)
    score = model.predict(constant, verbose=0)[:, [1]]

    curve = road(steps=3, noise=0.0).curve(draws((*inputs.shape[:-1], 1)), model, constant, 1)

    np.testing.assert_allclose(curve.values, np.tile(score, 3), rtol=1e-5)


def test_pictures_of_whole_numbers_are_imputed_by_whole_numbers():
    inputs = keras.Input((6, 6, 1), dtype="uint8")
    model = keras.Model(inputs, keras.layers.Flatten()(keras.layers.Rescaling(1.0)(inputs)))
    data = np.random.default_rng(2).integers(0, 256, (2, 6, 6, 1)).astype("uint8")

    fed = road(steps=2, on="logit", noise=40.0).curve(np.zeros((2, 6, 6, 36), "float32"), model, data, "all").values

    np.testing.assert_array_equal(fed, np.round(fed))
    assert fed.min() >= 0
    assert fed.max() <= 255


def test_there_is_one_row_for_the_input_and_one_for_each_share_removed():
    counting = RowsOf()

    counted = counting.counted(lambda: road(steps=4)(draws((6, 4, 4, 1)), counting.model, counting.images, 0))

    assert sum(counted) == 6 * (1 + 3)


def test_something_is_always_left():
    inputs = keras.Input((3, 1), dtype="float64")
    model = keras.Model(inputs, keras.layers.Flatten(dtype="float64")(inputs))
    series, maps = np.array([[[1.0], [2], [6]]]), np.array([[[3.0], [2], [1]]])

    curve = road(steps=9, noise=0.0, on="logit").curve(maps, model, series, 0)

    np.testing.assert_allclose(curve.at, [0, 1 / 3, 2 / 3])
    np.testing.assert_allclose(curve.values, [[1, 2, 6]], atol=1e-3)  # the first step becomes its neighbour's


def test_tables_have_no_neighbours(table, rows):
    with pytest.raises(ModelError, match="needs one input with positions"):
        road(gradients, table, rows)


def test_one_step_is_refused():
    with pytest.raises(ParameterError, match="steps must be at least 2, not 1"):
        road(steps=1)
