"""Guided integrated gradients: against the paper's algorithm in plain loops, and what is known in closed form."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.counting import RowsOf
from tests.oracles.functions import model_of
from tests.oracles.networks import Pooled
from tests.oracles.paths import along, guided
from tests.oracles.weights import settled
from xaikit import explain, find, guided_integrated_gradients, integrated_gradients, smooth
from xaikit.errors import InputError, ParameterError
from xaikit.methods.guided_integrated_gradients import advanced

START = np.random.default_rng(9).normal(size=(8, 8, 3))  # a constant has equal slopes, whose last bits are chance


@pytest.fixture(scope="module")
def smooth64():
    """Two layers of tanh on tables: no kinks."""
    inputs = keras.Input((6,), dtype="float64")
    hidden = keras.layers.Dense(5, activation="tanh", dtype="float64")(inputs)
    return settled(keras.Model(inputs, keras.layers.Dense(3, dtype="float64")(hidden)))


@pytest.fixture(scope="module")
def rows64():
    return np.random.default_rng(3).normal(size=(4, 6))


@pytest.fixture(scope="module")
def counting():
    return RowsOf()


@pytest.mark.parametrize(("fraction", "max_distance"), [(0.25, 0.02), (0.1, 1.0), (0.0, 0.3)])
def test_the_map_is_the_integral_along_the_way_of_the_papers_algorithm(fraction, max_distance, pooled64, images64):
    oracle = Pooled(pooled64)
    parameters = {"steps": 8, "fraction": fraction, "max_distance": max_distance}

    def written(example, target):
        return along(*guided(lambda point: oracle.slopes(point[np.newaxis], target)[0], START, example, **parameters))

    expected = [[written(example, target) for target in (2, 0)] for example in images64[:3]]
    explainer = guided_integrated_gradients(baseline=START, **parameters)

    actual = explain(explainer, pooled64, images64[:3], [[2, 0]] * 3).maps

    np.testing.assert_allclose(actual, np.moveaxis(expected, 1, -1), atol=1e-12)


FORMS = {
    "sum": lambda a, b: 2 * a + b,
    "squares": lambda a, b: 2 * a**2 + b**2,
    "square of a sum": lambda a, b: (2 * a + b) ** 2,
}


@pytest.mark.parametrize(
    ("form", "baseline", "example", "parameters", "expected"),
    [
        ("sum", (0, 0), (10, 5), {"steps": 3}, (20, 5)),
        ("sum", (-1, -3), (10, 5), {"steps": 3, "max_distance": 1.0}, (22, 8)),
        ("squares", (0, 0), (3, 3), {}, (18, 9)),
        ("squares", (0, 0), (3, 3), {"max_distance": 1.0}, (18, 9)),
        ("squares", (0, 0), (3, 3), {"max_distance": 0.3, "fraction": 1.0}, (18, 9)),
        ("squares", (3, 3), (0, 0), {"max_distance": 1.0}, (-18, -9)),
        ("square of a sum", (0, 0), (3, 3), {"max_distance": 0.0}, (54, 27)),
        ("square of a sum", (0, 0), (3, 3), {"fraction": 1.0}, (54, 27)),
        ("square of a sum", (0, 0), (3, 3), {"max_distance": 1.0}, (72, 9)),
    ],
)
def test_closed_forms(form, baseline, example, parameters, expected):
    explainer = guided_integrated_gradients(**{"steps": 1000, "baseline": np.array(baseline, "float64"), **parameters})

    maps = explain(explainer, model_of(FORMS[form], 2), np.array([example], "float64")).maps

    np.testing.assert_allclose(maps[0, :, 0], expected, rtol=0.01)
    np.testing.assert_allclose(maps.sum(), sum(expected), rtol=1e-9)  # the mean of both ends is exact on these


@pytest.mark.parametrize("parameters", [{"max_distance": 0.0}, {"fraction": 1.0, "max_distance": 0.5}], ids=str)
def test_the_straight_way_is_that_of_integrated_gradients(parameters, pooled64, images64):
    expected = explain(integrated_gradients(steps=6, quadrature="trapezoid"), pooled64, images64, 1).maps

    actual = explain(guided_integrated_gradients(steps=6, **parameters), pooled64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_of_a_linear_score_it_is_integrated_gradients(linear64, rectangles64):
    expected = explain(integrated_gradients(steps=1, baseline="mean"), linear64, rectangles64, "all").maps

    actual = explain(guided_integrated_gradients(steps=4, baseline="mean"), linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_a_value_with_hardly_a_way_goes_all_of_it():
    explainer = guided_integrated_gradients(steps=7, max_distance=1.0)

    maps = explain(explainer, model_of(lambda a, b: a + 2 * b, 2), np.array([[1e8, 1e-9]])).maps

    np.testing.assert_allclose(maps[0, :, 0], [1e8, 2e-9], rtol=1e-12)


def test_the_error_of_the_sum_falls_with_the_steps_and_is_what_is_reported(smooth64, rows64):
    promised = (smooth64(rows64) - smooth64(0 * rows64)).numpy()

    def error(steps):
        explainer = guided_integrated_gradients(steps=steps)
        result = explain(explainer, smooth64, rows64, "all", details=True)
        expected = result.maps.sum(axis=1) - promised
        np.testing.assert_allclose(result.details["completeness_gap"], expected, atol=1e-12)
        return np.abs(expected).max()

    assert 1e-6 < 3 * error(80) < error(20) < 0.01


def test_a_value_that_is_its_baseline_gets_nothing_and_leaves_the_rest_as_it_is(pooled64, images64):
    inputs = images64.copy()
    inputs[:, :4] = START[:4]
    inputs[1] = START
    oracle = Pooled(pooled64)
    expected = along(
        *guided(lambda point: oracle.slopes(point[np.newaxis], 1)[0], START, inputs[0], 8, fraction=0.1, max_distance=1)
    )
    explainer = guided_integrated_gradients(steps=8, baseline=START, fraction=0.1, max_distance=1)

    maps = explain(explainer, pooled64, inputs, 1).maps[..., 0]

    np.testing.assert_allclose(maps[0], expected, atol=1e-12)
    np.testing.assert_array_equal(maps[:, :4], 0)
    np.testing.assert_array_equal(maps[1], 0)


def test_neither_budget_nor_neighbours_nor_other_targets_change_a_map(pooled, images):
    explainer = guided_integrated_gradients(steps=5, max_distance=1.0)
    expected = explain(explainer, pooled, images, "all", batch_size=1).maps

    for budget in (2, 64):
        actual = explain(explainer, pooled, images, "all", batch_size=budget).maps
        np.testing.assert_array_equal(actual, expected)
    alone = explain(explainer, pooled, images, 2).maps
    np.testing.assert_allclose(alone[..., 0], expected[..., 2], rtol=0, atol=1e-7)


def test_the_model_sees_each_point_of_each_targets_way_and_never_more_than_the_budget(counting):
    for budget in (1, 6):
        seen = counting.counted(
            lambda budget=budget: explain(
                guided_integrated_gradients(steps=4), counting.model, counting.images, "all", batch_size=budget
            )
        )

        assert sum(seen) == 6 * (1 + 3 * 4)
        assert max(seen) <= budget


@pytest.mark.parametrize(("model", "inputs"), [("series", "waves"), ("volumes", "blocks")])
def test_inputs_of_any_rank_are_explained(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)

    maps = explain(guided_integrated_gradients(steps=2), model, inputs, [[0, 2]] * len(inputs)).maps

    assert maps.shape == (*inputs.shape, 2)
    assert np.abs(maps).max() > 0


def test_several_inputs_are_one_point(smooth64, rows64):
    inputs = {name: keras.Input((n,), name=name, dtype="float64") for name, n in (("first", 2), ("second", 4))}
    model = keras.Model(inputs, smooth64(keras.layers.Concatenate(dtype="float64")(list(inputs.values()))))
    explainer = guided_integrated_gradients(steps=10, max_distance=0.5)
    expected = explain(explainer, smooth64, rows64, "all").maps

    maps = explain(explainer, model, {"first": rows64[:, :2], "second": rows64[:, 2:]}, "all").maps

    np.testing.assert_allclose(maps["first"], expected[:, :2], atol=1e-14)
    np.testing.assert_allclose(maps["second"], expected[:, 2:], atol=1e-14)


def test_smoothing_it_averages_ways(smooth64, rows64):
    explainer = guided_integrated_gradients(steps=3)
    expected = explain(explainer, smooth64, rows64, "all").maps

    actual = explain(smooth(explainer, noise=0, repetitions=2), smooth64, rows64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_half_precision_models_give_float32_maps_that_add_up(halved, images):
    result = explain(guided_integrated_gradients(steps=20), halved, images, 1, details=True)

    assert result.maps.dtype == np.float32
    gained = result.maps.sum(axis=(1, 2, 3)) - result.details["completeness_gap"]
    np.testing.assert_allclose(result.maps.sum(axis=(1, 2, 3)), gained, atol=0.05 * np.abs(gained).max())


# The move of one step.


def moved(shares, slopes, lengths, alpha, fraction, max_distance):
    tensors = [tf.constant(values, tf.float64) for values in (shares, slopes, lengths, alpha)]
    return advanced(*tensors, fraction, max_distance).numpy()


def test_the_lowest_slopes_go_first_as_far_as_they_may_and_the_next_take_the_rest():
    shares = moved([[0, 0, 0, 0]], [[4, -1, 3, 2]], [[0.25] * 4], 0.2, fraction=0.25, max_distance=0.3)

    np.testing.assert_allclose(shares, [[0, 0.5, 0, 0.3]], atol=1e-15)


def test_those_that_fell_behind_are_fetched_first():
    shares = moved([[0.0, 0.5]], [[2, 1]], [[0.5, 0.5]], 0.4, fraction=0.0, max_distance=0.2)

    np.testing.assert_allclose(shares, [[0.2, 0.6]], atol=1e-15)


def test_equal_slopes_move_together_whatever_their_order():
    shares = moved([[0] * 5], [[2, -2, 3, 2, 2]], [[0.1, 0.2, 0.4, 0.2, 0.1]], 0.3, fraction=0.0, max_distance=1.0)

    np.testing.assert_allclose(shares, [[0.5, 0.5, 0, 0.5, 0.5]], atol=1e-15)


@pytest.mark.parametrize("scale", [1.0, 1e-30])
def test_the_last_bits_of_slopes_decide_nothing(scale):
    slopes = np.random.default_rng(2).integers(1, 5, 40) * scale  # each about ten times
    noise = 1 + 1e-7 * np.random.default_rng(3).normal(size=40)
    lengths = [[1 / 40] * 40]
    expected = moved([[0] * 40], [slopes], lengths, 0.3, fraction=0.1, max_distance=1.0)

    actual = moved([[0] * 40], [slopes * noise], lengths, 0.3, fraction=0.1, max_distance=1.0)

    np.testing.assert_array_equal(actual, expected)
    assert len(np.unique(expected)) == 3


def test_where_all_slopes_are_zero_all_move_alike():
    np.testing.assert_allclose(moved([[0, 0]], [[0, 0]], [[0.5, 0.5]], 0.3, 0.0, 1.0), [[0.3, 0.3]], atol=1e-15)


def test_each_example_stops_by_itself():
    draws = np.random.default_rng(0)
    slopes, lengths = draws.normal(size=(3, 40)), draws.random((3, 40)) * [[1], [0], [1]]
    lengths[:, :20] = [[0], [1], [1]]
    lengths /= lengths.sum(axis=1, keepdims=True)
    shares = np.zeros((3, 40))
    for k in range(1, 11):
        together = moved(shares, slopes, lengths, k / 10, fraction=0.1, max_distance=0.15)
        alone = [
            moved(shares[i : i + 1], slopes[i : i + 1], lengths[i : i + 1], k / 10, 0.1, 0.15)[0] for i in (0, 1, 2)
        ]

        np.testing.assert_array_equal(together, alone)
        np.testing.assert_allclose((together * lengths).sum(axis=1), k / 10, atol=1e-14)
        assert np.abs(together - k / 10)[lengths > 0].max() < 0.15 + 1e-14
        shares = together


def test_slopes_that_are_no_numbers_end_the_step():
    assert np.isfinite(moved([[0, 0]], [[np.nan, np.inf]], [[0.5, 0.5]], 0.5, 0.25, 1.0)).all()


def test_defaults_are_left_out_and_the_rest_reads_back():
    explainer = guided_integrated_gradients(steps=9, baseline="mean", fraction=0.5, max_distance=1.0)

    defaults = guided_integrated_gradients(steps=50, baseline=0, fraction=0.25, max_distance=0.02)
    assert repr(defaults) == "guided_integrated_gradients"
    assert find(repr(explainer)) == explainer


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"fraction": 1.5}, "fraction must be at most 1, not 1.5"),
        ({"max_distance": -0.1}, "max_distance must be at least 0, not -0.1"),
        ({"baseline": "median"}, "'mean', 'blur' or 'uniform'.*not 'median'"),
    ],
)
def test_what_is_no_parameter_is_refused(parameters, message):
    with pytest.raises(ParameterError, match=message):
        guided_integrated_gradients(**parameters)


def test_whole_numbers_are_refused_with_a_way_out():
    inputs = keras.Input((4,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(10, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(embedded)))

    with pytest.raises(InputError, match="int32 and cannot be differentiated: use a perturbation method"):
        explain(guided_integrated_gradients, model, np.zeros((2, 4), "int32"))
