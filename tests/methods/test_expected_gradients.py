"""Expected gradients: unbiased, with the standard error that chance leaves."""

import keras
import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.functions import model_of
from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import expected_gradients, explain, find, integrated_gradients, smooth
from xaikit.errors import InputError, ParameterError


@pytest.fixture(scope="module")
def counting():
    return RowsOf()


def samples_of(oracle, example, target, background, count=400):
    """Single terms of the expectation, drawn by NumPy: [count, *example]."""
    draws = np.random.default_rng(0)
    starts = background[draws.integers(len(background), size=count)]
    ways = example - starts
    shares = draws.random((count, 1, 1, 1))
    return ways * oracle.slopes(starts + shares * ways, target)


def test_a_map_is_the_expectation_within_four_standard_errors(pooled64, images64):
    terms = samples_of(Pooled(pooled64), images64[0], 1, images64[1:])
    error = terms.std(axis=0) * np.sqrt(1 / 400 + 1 / 500)

    maps = explain(expected_gradients(samples=500, baseline=images64[1:]), pooled64, images64[:1], 1).maps[0, ..., 0]

    assert (np.abs(maps - terms.mean(axis=0)) > 4 * error + 1e-12).mean() < 0.02  # of 192 at once a few may stray


def test_in_expectation_a_map_adds_up_to_the_score_less_the_mean_over_the_baselines(pooled64, images64):
    oracle = Pooled(pooled64)
    terms = samples_of(oracle, images64[0], 1, images64[1:])
    error = terms.sum(axis=(1, 2, 3)).std() / np.sqrt(500)
    expected = oracle.logits(images64[:1])[0, 1] - oracle.logits(images64[1:])[:, 1].mean()

    maps = explain(expected_gradients(samples=500, baseline=images64[1:]), pooled64, images64[:1], 1).maps

    assert abs(maps.sum() - expected) < 4 * error


def test_the_default_draws_baselines_over_the_examples_range(linear64, rectangles64):
    weights = linear64.get_layer("head").kernel.numpy()[:, 0].reshape(4, 6, 2)
    low, high = rectangles64.min(axis=(1, 2), keepdims=True), rectangles64.max(axis=(1, 2), keepdims=True)
    expected = weights * (rectangles64 - (low + high) / 2)
    error = np.abs(weights) * (high - low) / np.sqrt(12 * 2000)

    maps = explain(expected_gradients(samples=2000), linear64, rectangles64, 0).maps[..., 0]

    assert (np.abs(maps - expected) < 4.5 * error).all()


def test_with_one_baseline_it_tends_to_integrated_gradients():
    model = model_of(lambda a, b: (2 * a + b) ** 2, 2)  # (54, 27) at (3, 3)
    error = np.array([54, 27]) / np.sqrt(3) / np.sqrt(4000)  # the gradient grows linearly along the way

    maps = explain(expected_gradients(samples=4000, baseline=0.0), model, np.array([[3.0, 3.0]])).maps[0, :, 0]

    assert (np.abs(maps - [54, 27]) < 4 * error).all()


def test_of_a_linear_score_one_baseline_gives_integrated_gradients_at_any_number_of_samples(linear64, rectangles64):
    expected = explain(integrated_gradients(steps=1, baseline="mean"), linear64, rectangles64, "all").maps

    actual = explain(expected_gradients(samples=3, baseline="mean"), linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_one_background_example_is_one_baseline(linear64, rectangles64):
    expected = explain(expected_gradients(baseline=rectangles64[0]), linear64, rectangles64, 1).maps

    actual = explain(expected_gradients(baseline=rectangles64[:1]), linear64, rectangles64, 1).maps

    np.testing.assert_array_equal(actual, expected)


def test_a_seed_draws_its_own_and_the_same_each_time(pooled, images):
    first, again, other = (
        explain(expected_gradients(samples=3, seed=seed), pooled, images, 1).maps for seed in (0, 0, 1)
    )

    np.testing.assert_array_equal(again, first)
    assert np.abs(other - first).max() > 1e-3


def test_wrapping_it_changes_no_draw(pooled64, images64):
    expected = explain(expected_gradients(samples=3), pooled64, images64, 1).maps

    actual = explain(smooth(expected_gradients(samples=3), noise=0, repetitions=2), pooled64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize("baseline", ["uniform", 0.5])
def test_neither_budget_nor_neighbours_change_a_map(baseline, linear64, rectangles64):
    explainer = expected_gradients(samples=7, baseline=baseline)
    expected = explain(explainer, linear64, rectangles64, "all", batch_size=1).maps

    for budget in (2, 3, 10, 64):
        actual = explain(explainer, linear64, rectangles64, "all", batch_size=budget).maps
        np.testing.assert_array_equal(actual, expected)


def test_the_model_sees_each_sample_and_the_clean_input_once_and_never_more_than_the_budget(counting):
    for budget in (1, 6, 64):
        seen = counting.counted(
            lambda budget=budget: explain(
                expected_gradients(samples=4), counting.model, counting.images, "all", batch_size=budget
            )
        )

        assert sum(seen) == 6 * (4 + 1)
        assert max(seen) <= budget


@pytest.mark.parametrize(("model", "inputs"), [("table", "rows"), ("series", "waves"), ("volumes", "blocks")])
def test_inputs_of_any_rank_are_explained(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)

    maps = explain(expected_gradients(samples=2), model, inputs, [[0, 2]] * len(inputs)).maps

    assert maps.shape == (*inputs.shape, 2)
    assert np.abs(maps).max() > 0


def test_every_input_of_a_model_has_its_own_map(rows):
    inputs = [keras.Input((5,), name="first"), keras.Input((3,), name="second")]
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Concatenate()(inputs))))

    maps = explain(expected_gradients(samples=2), model, [rows, rows[:, :3]], 0).maps

    assert [leaf.shape for leaf in maps] == [(4, 5, 1), (4, 3, 1)]


def test_half_precision_models_give_float32_maps(halved, images):
    assert explain(expected_gradients(samples=2), halved, images).maps.dtype == np.float32


def test_defaults_are_left_out_and_the_rest_reads_back(tmp_path):
    path = str(tmp_path / "background.npy")
    np.save(path, np.zeros((3, 4, 6, 2)))
    explainer = expected_gradients(samples=9, baseline=path, seed=3)

    assert repr(expected_gradients(samples=50, baseline="uniform", seed=0)) == "expected_gradients"
    assert find(repr(explainer)) == explainer
    assert repr(expected_gradients(baseline=np.zeros((3, 2)))).startswith("expected_gradients(baseline=array('3x2', ")


def test_an_array_of_another_shape_is_refused_before_anything_runs(linear64):
    with pytest.raises(ParameterError, match=r"or of several, \(None, 4, 6, 2\), not \(9, 6, 2\)"):
        expected_gradients(baseline=np.zeros((9, 6, 2))).bind(linear64)


def test_a_count_refuses_zero():
    with pytest.raises(ParameterError, match="samples must be at least 1, not 0"):
        expected_gradients(samples=0)


def test_whole_numbers_are_refused_with_a_way_out():
    inputs = keras.Input((4,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(10, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(embedded)))

    with pytest.raises(InputError, match="int32 and cannot be differentiated"):
        explain(expected_gradients, model, np.zeros((2, 4), "int32"))
