"""Pixel flipping: the AOPC of a loop over positions, orders, seeds, and what replaces positions."""

import keras
import numpy as np
import pytest

from tests.conftest import draws
from tests.oracles import removal
from tests.oracles.counting import RowsOf
from tests.oracles.weights import settled
from xaikit import gradients, pixel_flipping
from xaikit.errors import ModelError, ParameterError


@pytest.fixture(scope="module")
def identity64():
    """f_i = the i-th value, on rows of 12: the scores of all targets show what the model was fed."""
    inputs = keras.Input((12,), dtype="float64")
    model = keras.Model(inputs, keras.layers.Dense(12, use_bias=False, dtype="float64")(inputs), name="identity")
    model.set_weights([np.eye(12)])
    return model


def test_the_value_is_the_aopc_of_a_loop_over_positions(linear64, rectangles64):
    maps = draws((3, 4, 6, 2, 1), "float64", seed=2)
    kernel, bias = linear64.get_layer("head").get_weights()
    counts = [0, 5, 10, 12]  # shares 0, 0.2, 0.4 of 24, and the last 0.1
    expected = [
        removal.curve(lambda x: x.ravel() @ kernel[:, 1] + bias[1], image, one, counts, np.full_like(image, -2))
        for image, one in zip(rectangles64, maps[..., 0].sum(-1), strict=True)
    ]
    metric = pixel_flipping(percent=0.5, step=0.2, replace=-2.0)

    curve = metric.curve(maps, linear64, rectangles64, 1)

    np.testing.assert_allclose(curve.values, expected, atol=1e-10)
    np.testing.assert_allclose(curve.at, np.array(counts) / 24)
    drops = [np.mean([one[0] - score for score in one]) for one in expected]
    np.testing.assert_allclose(metric(maps, linear64, rectangles64, 1), drops, atol=1e-10)


def test_least_relevant_first_is_most_relevant_first_of_the_negative_map(pooled, images):
    maps = np.round(draws((5, 8, 8, 1)))  # with many ties
    expected = pixel_flipping(percent=1.0, step=0.25).curve(-maps, pooled, images)

    actual = pixel_flipping(percent=1.0, step=0.25, order="least_relevant").curve(maps, pooled, images)

    np.testing.assert_array_equal(actual.values, expected.values)


def test_a_constant_map_scores_as_a_random_order_of_any_map(pooled, images):
    settings = pixel_flipping(percent=0.5, step=0.25, seed=3)
    expected = settings(order="random").curve(draws((5, 8, 8, 1)), pooled, images)

    actual = settings.curve(np.full((5, 8, 8, 1), 2.0, "float32"), pooled, images)

    np.testing.assert_array_equal(actual.values, expected.values)


def test_values_are_drawn_from_the_mean_and_deviation_of_the_data(identity64):
    data = draws((40, 12), "float64") * np.arange(1, 13) + 10 * np.arange(12)
    metric = pixel_flipping(percent=1.0, step=1.0)
    drawn = [
        metric(seed=seed).curve(np.zeros((1, 12, 12)), identity64, data[:1], "all", batch_size=1).values[0, -1]
        for seed in (0, 1)
    ]
    given = metric(reference=data).curve(np.zeros((1, 12, 12)), identity64, data[:1], "all").values[0, -1]
    alone = (given - data.mean(axis=0)) / data.std(axis=0)
    whole = metric.curve(np.zeros((40, 12, 12)), identity64, data, "all").values

    assert (np.abs(alone) < 5).all()
    assert len(np.unique(alone)) == 12
    np.testing.assert_allclose(drawn, [data[0]] * 2, atol=1e-9)  # one example deviates from itself by nothing
    np.testing.assert_allclose(whole[:, 0], data, atol=1e-9)
    np.testing.assert_allclose(whole[:, -1], [given] * 40, atol=1e-9)  # the inputs are the data; all get the same


def test_what_replaced_a_position_stays(identity64):
    data = draws((5, 12), "float64")
    maps = np.tile(np.arange(12.0)[::-1, np.newaxis], (5, 1, 12))

    curve = pixel_flipping(percent=1.0, step=0.25, replace="dataset").curve(maps, identity64, data, "all").values

    for k in range(1, 5):
        np.testing.assert_allclose(curve[:, k, : 3 * k], curve[:, 4, : 3 * k], atol=1e-12)
        np.testing.assert_allclose(curve[:, k, 3 * k :], data[:, 3 * k :], atol=1e-12)


def test_by_default_there_are_51_points_up_to_a_quarter_where_pictures_are_large_enough():
    inputs = keras.Input((15, 15, 1))
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inputs))
    model = settled(keras.Model(inputs, outputs))

    curve = pixel_flipping.curve(draws((2, 15, 15, 1)), model, draws((2, 15, 15, 1)), 0)

    assert curve.values.shape == (2, 51)
    np.testing.assert_allclose(curve.at, np.arange(51) * 0.005, atol=0.5 / 225 + 1e-6)


def test_tiny_inputs_lose_a_position_at_a_time_and_one_at_least(table, rows):
    many, one = (pixel_flipping(percent=share).curve(gradients, table, rows) for share in (0.6, 0.01))

    np.testing.assert_allclose(many.at, [0, 0.2, 0.4, 0.6], atol=1e-6)
    np.testing.assert_allclose(one.at, [0, 0.2], atol=1e-6)


def test_there_is_one_row_for_the_input_and_one_for_each_step():
    counting = RowsOf()

    def run():
        pixel_flipping(percent=0.5, step=0.1)(draws((6, 4, 4, 1)), counting.model, counting.images, 0)

    assert sum(counting.counted(run)) == 6 * (1 + 5)


def test_batches_and_their_order_change_nothing_where_the_data_is_the_same(pooled, images):
    metric = pixel_flipping(percent=0.2, step=0.1)
    expected = metric(gradients, pooled, images)

    np.testing.assert_allclose(metric(gradients, pooled, images[::-1], batch_size=2), expected[::-1], rtol=1e-5)


def test_pictures_of_whole_numbers_get_whole_numbers():
    inputs = keras.Input((4, 4, 1), dtype="uint8")
    floats = keras.layers.Rescaling(1.0, dtype="float64")(inputs)
    model = keras.Model(inputs, keras.layers.Flatten()(floats))
    data = np.random.default_rng(2).integers(0, 256, (9, 4, 4, 1)).astype("uint8")

    fed = pixel_flipping(percent=1.0, step=1.0).curve(np.zeros((9, 4, 4, 16)), model, data, "all").values[0, -1]

    np.testing.assert_array_equal(fed, np.round(fed))
    assert fed.min() >= 0
    assert fed.max() <= 255


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"percent": 0.0}, "percent must be more than 0"),
        ({"step": 1.5}, "step must be at most 1"),
        ({"order": "backwards"}, "order must be 'most_relevant'"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(parameters, message):
    with pytest.raises(ParameterError, match=message):
        pixel_flipping(**parameters)


def test_data_of_another_shape_is_refused(table, rows):
    with pytest.raises(ParameterError, match=r"reference must be examples, \(None, 5\), not \(4, 3\)"):
        pixel_flipping(reference=rows[:, :3])(gradients, table, rows)


def test_no_data_at_hand_is_refused(table, rows):
    with pytest.raises(ParameterError, match="give it some, reference="):
        pixel_flipping(gradients, table, iter([rows]))


def test_tokens_cannot_be_drawn():
    inputs = keras.Input((4,), dtype="int32")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(9, 2)(inputs))
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(embedded)))

    with pytest.raises(ParameterError, match="numbers, which tokens are not"):
        pixel_flipping(np.zeros((1, 4, 1)), model, np.zeros((1, 4), "int32"), 0)


def test_probabilities_are_followed_only_where_there_are_some(linear64, rectangles64):
    with pytest.raises(ModelError, match="are no probabilities"):
        pixel_flipping(on="probability")(gradients, linear64, rectangles64, 0)
