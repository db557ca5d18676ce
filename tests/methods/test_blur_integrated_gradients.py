"""Blur integrated gradients: against plain loops, and what it adds up to."""

import keras
import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.networks import Pooled
from tests.oracles.paths import along_chords, blurred
from tests.oracles.weights import settled
from xaikit import blur_integrated_gradients, explain, find
from xaikit.errors import InputError, ModelError, ParameterError


@pytest.fixture(scope="module")
def smooth64():
    """A convolution with tanh: no kinks, so that the sum reaches its own order."""
    inputs = keras.Input((8, 8, 3), dtype="float64")
    features = keras.layers.Conv2D(4, 3, activation="tanh", dtype="float64")(inputs)
    flat = keras.layers.Flatten(dtype="float64")(features)
    return settled(keras.Model(inputs, keras.layers.Dense(2, dtype="float64")(flat)), scale=0.2)


@pytest.fixture(scope="module")
def pair():
    """Pictures and a row of numbers, that meet in a product."""
    inputs = {"picture": keras.Input((6, 6, 1), name="picture"), "row": keras.Input((4,), name="row")}
    features = keras.layers.Conv2D(4, 3, activation="tanh")(inputs["picture"])
    pooled = keras.layers.GlobalMaxPooling2D()(features)
    return settled(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Multiply()([pooled, inputs["row"]]))))


@pytest.fixture(scope="module")
def counting():
    return RowsOf()


def gap_of(model, inputs, target, **parameters):
    return explain(blur_integrated_gradients(**parameters), model, inputs, target, details=True).details[
        "completeness_gap"
    ]


def test_the_map_is_the_integral_along_the_blurs_in_plain_loops(pooled64, images64):
    oracle = Pooled(pooled64)
    blurs = [blurred(images64, sigma) for sigma in (9.0, 4.0, 1.0, 0.0)]  # even steps of the square root
    expected = [along_chords(blurs, lambda point, t=target: oracle.slopes(point, t)) for target in (2, 0)]

    actual = explain(blur_integrated_gradients(steps=3, max_sigma=9.0), pooled64, images64, [[2, 0]] * 5).maps

    np.testing.assert_allclose(actual, np.stack(expected, axis=-1), atol=1e-12)


@pytest.mark.parametrize("steps", [1, 7])
def test_of_a_linear_score_the_map_is_the_weights_times_the_detail(steps, linear64, rectangles64):
    weights = linear64.get_layer("head").kernel.numpy().reshape(4, 6, 2, 3)
    expected = (rectangles64 - blurred(rectangles64, 2.0))[..., np.newaxis] * weights
    explainer = blur_integrated_gradients(steps=steps, max_sigma=2.0)

    actual = explain(explainer, linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_a_map_adds_up_to_the_score_less_that_of_the_most_blurred_input(smooth64, images64):
    start = blurred(images64, 50.0)
    expected = (smooth64.predict(images64, verbose=0) - smooth64.predict(start, verbose=0))[:, 1]

    sums = explain(blur_integrated_gradients, smooth64, images64, 1).maps.sum(axis=(1, 2, 3, 4))

    np.testing.assert_allclose(sums, expected, atol=0.02)
    assert np.abs(expected).min() > 0.1


def test_the_error_of_the_sum_falls_with_the_square_of_the_steps(smooth64, images64):
    few, many = (np.abs(gap_of(smooth64, images64, 1, steps=steps, max_sigma=4.0)).max() for steps in (20, 40))

    assert 3.5 < few / many < 4.5


def test_the_gap_reported_is_the_sum_less_what_was_promised(pooled, images):
    result = explain(blur_integrated_gradients(steps=4), pooled, images, [[1, 3]] * 5, details=True)
    oracle = Pooled(pooled)
    gained = oracle.logits(images) - oracle.logits(blurred(images.astype("float64"), 50.0))
    expected = result.maps.sum(axis=(1, 2, 3)) - gained[:, [1, 3]]

    np.testing.assert_allclose(result.details["completeness_gap"], expected, atol=1e-5)
    assert np.abs(expected).max() > 1e-3


def test_a_picture_without_detail_has_a_map_of_zeros(pooled64):
    maps = explain(blur_integrated_gradients(steps=3), pooled64, np.full((1, 8, 8, 3), 0.7), 1).maps

    np.testing.assert_allclose(maps, 0, atol=1e-13)


def test_neither_budget_nor_neighbours_change_a_map(pooled64, images64):
    explainer = blur_integrated_gradients(steps=7)
    expected = explain(explainer, pooled64, images64, "all", batch_size=1).maps

    for budget in (2, 3, 10, 64):
        actual = explain(explainer, pooled64, images64, "all", batch_size=budget).maps
        np.testing.assert_allclose(actual, expected, atol=1e-14)


def test_the_model_sees_each_chord_and_the_clean_input_once_and_never_more_than_the_budget(counting):
    for budget in (1, 6, 64):
        seen = counting.counted(
            lambda budget=budget: explain(
                blur_integrated_gradients(steps=4), counting.model, counting.images, "all", batch_size=budget
            )
        )

        assert sum(seen) == 6 * (4 + 1)
        assert max(seen) <= budget


@pytest.mark.parametrize(("model", "inputs"), [("series", "waves"), ("volumes", "blocks")])
def test_series_and_volumes_are_blurred_along_all_their_positions(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    softmax = model.predict(np.stack([*inputs, *blurred(inputs.astype("float64"), 3.0)]), verbose=0)
    sharp, soft = np.split(np.log(softmax) - np.log(softmax[:, :1]), 2)  # logits less that of the first class
    explainer = blur_integrated_gradients(steps=200, max_sigma=3.0)

    maps = explain(explainer, model, inputs, lambda outputs: outputs - outputs[:, :1]).maps

    assert maps.shape == (*inputs.shape, 3)
    sums = maps.sum(axis=tuple(range(1, inputs.ndim)))
    np.testing.assert_allclose(sums, sharp - soft, atol=0.03 * np.abs(sharp - soft).max())


def test_inputs_with_positions_are_blurred_and_a_table_beside_them_stays(pair):
    draws = np.random.default_rng(4)
    inputs = {"picture": draws.normal(size=(3, 6, 6, 1)), "row": draws.normal(size=(3, 4))}
    smooth = {**inputs, "picture": blurred(inputs["picture"], 2.0)}
    expected = pair.predict(inputs, verbose=0) - pair.predict(smooth, verbose=0)

    result = explain(blur_integrated_gradients(steps=300, max_sigma=2.0), pair, inputs, "all", details=True)

    np.testing.assert_array_equal(result.maps["row"], 0)
    sums = result.maps["picture"].sum(axis=(1, 2, 3))
    np.testing.assert_allclose(sums, expected, atol=0.01 * np.abs(expected).max())
    np.testing.assert_allclose(result.details["completeness_gap"], sums - expected, atol=1e-4)


def test_a_table_has_no_positions(table):
    with pytest.raises(ModelError, match="the inputs of model 'table' have none: use integrated_gradients"):
        blur_integrated_gradients.bind(table)


def test_whole_numbers_are_refused_with_a_way_out():
    inputs = keras.Input((4, 4, 1), dtype="int32", name="levels")
    features = keras.layers.Embedding(10, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(features)))

    with pytest.raises(InputError, match="int32 and cannot be differentiated: use a perturbation method"):
        explain(blur_integrated_gradients, model, np.zeros((2, 4, 4, 1), "int32"))


def test_half_precision_models_give_float32_maps_close_to_those_of_single_precision(pooled, halved, images):
    expected = explain(blur_integrated_gradients(steps=5), pooled, images, 1).maps

    actual = explain(blur_integrated_gradients(steps=5), halved, images, 1).maps

    assert actual.dtype == np.float32
    assert np.linalg.norm(actual - expected) < 0.05 * np.linalg.norm(expected)


def test_defaults_are_left_out_and_the_rest_reads_back():
    explainer = blur_integrated_gradients(steps=9, max_sigma=3.5)

    assert repr(blur_integrated_gradients(steps=50, max_sigma=50)) == "blur_integrated_gradients"
    assert find(repr(explainer)) == explainer


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"steps": 0}, "steps must be at least 1, not 0"), ({"max_sigma": 0}, "max_sigma must be more than 0, not 0")],
)
def test_what_is_no_parameter_is_refused(parameters, message):
    with pytest.raises(ParameterError, match=message):
        blur_integrated_gradients(**parameters)
