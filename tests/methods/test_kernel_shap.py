"""Kernel SHAP: exact where all coalitions fit, complete at any number of samples, and right about its own error."""

from math import comb

import keras
import numpy as np
import pytest

from tests.oracles.coalitions import Watched, constrained, kernel, shapley
from tests.oracles.functions import model_of
from tests.oracles.networks import Pooled
from xaikit import explain, kernel_shap
from xaikit.core.segments import _laid, _superpixels


@pytest.fixture(scope="module")
def small():
    return Watched(5)


@pytest.fixture(scope="module")
def wide():
    return Watched(10)


def game(logits, row, labels, fill=0.0):
    """What the model says of one example of which a set of segments is seen."""

    def worth(seen):
        there = np.isin(labels, list(seen))
        there = there if row.ndim == labels.ndim else there[..., np.newaxis]
        return logits(np.where(there, row, fill)[np.newaxis])[0]

    return worth


@pytest.mark.parametrize("fill", [0.0, 0.7])
def test_where_all_coalitions_fit_values_are_the_mean_over_all_orders(small, fill):
    expected = [shapley(game(small.logits, row, np.arange(5), fill), 5) for row in small.rows]

    found = explain(kernel_shap(baseline=fill, samples=30), small.model, small.rows, "all", details=True)

    np.testing.assert_allclose(found.maps, expected, atol=1e-9)
    np.testing.assert_array_equal(found.details["standard_error"], 0)
    np.testing.assert_array_equal(found.details["samples"], 30)
    np.testing.assert_allclose(found.details["completeness_gap"], 0, atol=1e-12)


def test_all_coalitions_are_taken_only_where_they_fit_and_none_twice(small):
    kept = small.kept(lambda: explain(kernel_shap(samples=30), small.model, small.rows[:1], 1))
    fewer = small.kept(lambda: explain(kernel_shap(samples=29), small.model, small.rows[:1], 1))

    assert len(kept) == 32  # with none, and the clean input
    assert len({tuple(row) for row in kept}) == 32
    assert len(fewer) == 31
    assert len({tuple(row) for row in fewer}) < 31


def test_a_tolerance_changes_nothing_where_all_coalitions_fit(small):
    expected = explain(kernel_shap, small.model, small.rows, 1).maps

    found = explain(kernel_shap(tolerance=1e-9), small.model, small.rows, 1, details=True)

    np.testing.assert_array_equal(found.maps, expected)
    np.testing.assert_array_equal(found.details["samples"], 30)


@pytest.mark.parametrize("superpixels", [True, False])
def test_positions_share_the_exact_value_of_their_segment(superpixels, pooled64, images64, monkeypatch):
    if not superpixels:
        monkeypatch.setattr("xaikit.core.segments.available", lambda: False)
    asked = 6 if superpixels else 5  # values of their own: a step is compiled once
    labels = _superpixels(images64[:3], asked) if superpixels else np.stack([_laid([8, 8], [2, 2])] * 3)
    logits = Pooled(pooled64).logits
    values = [shapley(game(logits, *pair), pair[1].max() + 1) for pair in zip(images64, labels, strict=False)]
    expected = [(one / np.bincount(of.ravel())[:, None])[of] for one, of in zip(values, labels, strict=True)]

    found = explain(kernel_shap(segments=asked), pooled64, images64[:3], "all", details=True)

    assert not superpixels or len({of.max() for of in labels}) > 1  # some have fewer segments than others
    np.testing.assert_allclose(found.maps, expected, atol=1e-9)
    np.testing.assert_array_equal(found.details["standard_error"], 0)


@pytest.mark.parametrize(
    ("function", "features", "row", "expected"),
    [
        (lambda a, b: keras.ops.maximum(a, b), 2, [3, 2], [2, 1]),
        (lambda a, b: a * b, 2, [3, 4], [6, 6]),
        (lambda a, b, c: a * b * c, 3, [2, 3, 4], [8, 8, 8]),
        (lambda a, b, c: (a + b) ** 2 + 0 * c, 3, [2, 2, 9], [8, 8, 0]),
        (lambda a: a**2, 1, [3], [9]),
    ],
)
def test_closed_forms(function, features, row, expected):
    maps = explain(kernel_shap, model_of(function, features), np.array([row], "float64")).maps

    np.testing.assert_allclose(maps[0, :, 0], expected, atol=1e-9)


def test_of_a_linear_score_each_position_has_its_weight_times_its_way(linear64, rectangles64):
    weights = linear64.get_layer("head").get_weights()[0].reshape(4, 6, 2, 3)
    expected = np.einsum("bhwc,hwct->bhwt", rectangles64 - 0.4, weights)

    actual = explain(kernel_shap(samples=100, baseline=0.4), linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-9)


@pytest.mark.parametrize("samples", [1, 2, 3, 10, 40, 100])
@pytest.mark.parametrize("segments", [12, 64])
def test_a_map_adds_up_at_any_number_of_samples(segments, samples, pooled64, images64):
    found = explain(kernel_shap(samples=samples, segments=segments), pooled64, images64, [[0, 3]] * 5, details=True)
    logits = Pooled(pooled64).logits
    expected = (logits(images64) - logits(np.zeros_like(images64)))[:, [0, 3]]

    np.testing.assert_allclose(found.maps.sum(axis=(1, 2)), expected, atol=1e-10)
    np.testing.assert_allclose(found.details["completeness_gap"], 0, atol=1e-10)


@pytest.mark.parametrize("baseline", ["mean", "blur", "uniform"])
def test_other_baselines_are_what_it_adds_up_from(baseline, pooled64, images64):
    found = explain(kernel_shap(samples=10, baseline=baseline), pooled64, images64, 1, details=True)

    assert found.notes["baseline"] == baseline
    np.testing.assert_allclose(found.details["completeness_gap"], 0, atol=1e-10)


@pytest.mark.parametrize("samples", [61, 400])
def test_samples_are_fitted_as_the_constrained_regression_says(wide, samples):
    row = wide.rows[:1]
    found = []
    explainer = kernel_shap(samples=samples, seed=3)
    kept = wide.kept(lambda: found.append(explain(explainer, wide.model, row, "all", batch_size=16)))
    clean, none = kept.all(axis=1), ~kept.any(axis=1)
    drawn = kept[~clean & ~none]
    scores = wide.logits(drawn * row) - wide.logits(0 * row)
    gain = (wide.logits(row) - wide.logits(0 * row))[0]
    expected = [constrained(drawn, scores[:, t], gain[t], np.ones(samples)) for t in range(3)]

    assert len(drawn) == samples
    np.testing.assert_allclose(found[0].maps[0].T, expected, atol=1e-9)


@pytest.mark.parametrize("samples", [50, 51, 300])
def test_the_standard_error_is_the_spread_of_the_values_where_one_pair_is_left_out(wide, samples):
    row = wide.rows[1:2]
    found = []
    explainer = kernel_shap(samples=samples, seed=1)
    kept = wide.kept(lambda: found.append(explain(explainer, wide.model, row, 2, batch_size=7, details=True)))
    drawn = kept[~kept.all(axis=1) & kept.any(axis=1)]
    scores = (wide.logits(drawn * row) - wide.logits(0 * row))[:, 2]
    gain = (wide.logits(row) - wide.logits(0 * row))[0, 2]
    without = []
    for pair in range(0, samples, 2):
        rest = np.delete(np.arange(samples), [i for i in (pair, pair + 1) if i < samples])
        without.append(constrained(drawn[rest], scores[rest], gain, np.ones(len(rest))))
    expected = np.sqrt(((without - found[0].maps[0, :, 0]) ** 2).sum(axis=0)).max()

    np.testing.assert_allclose(found[0].details["standard_error"], expected, rtol=1e-6)


def test_coalitions_come_in_pairs_and_their_sizes_follow_the_kernel(wide):
    kept = wide.kept(lambda: explain(kernel_shap(samples=1000), wide.model, wide.rows[:1], 1, batch_size=1))
    drawn = kept[(~kept.all(axis=1)) & kept.any(axis=1)]
    sizes = np.array([len(drawn[0::2][drawn[0::2].sum(axis=1) == k]) for k in range(1, 10)]) / 500
    odds = np.array([kernel(k, 10) * comb(10, k) for k in range(1, 10)])
    odds /= odds.sum()

    np.testing.assert_array_equal(drawn[1::2], ~drawn[0::2])
    assert (np.abs(sizes - odds) < 4 * np.sqrt(odds * (1 - odds) / 500)).all()
    np.testing.assert_allclose(drawn.mean(axis=0), 0.5, atol=1e-12)


def test_samples_tend_to_the_exact_values_within_four_standard_errors(wide):
    exact = explain(kernel_shap(samples=1022), wide.model, wide.rows, "all", batch_size=128).maps

    found = explain(kernel_shap(samples=400), wide.model, wide.rows, "all", batch_size=128, details=True)

    errors = np.abs(found.maps - exact).max(axis=1)
    assert (errors > 0).all()
    assert (errors < 4 * found.details["standard_error"]).all()


def test_too_few_samples_leave_what_they_do_not_tell_apart_alike(wide):
    found = explain(kernel_shap(samples=1), wide.model, wide.rows, 1, details=True)

    for values in found.maps[..., 0]:
        assert len(np.unique(values.round(6))) == 2  # in the coalition, and out of it
    np.testing.assert_array_equal(found.details["standard_error"], np.inf)


def test_around_as_many_samples_as_segments_no_certainty_is_claimed(wide):
    exact = explain(kernel_shap(samples=1022), wide.model, wide.rows, 1, batch_size=128).maps
    for samples in (16, 18, 22):
        found = explain(kernel_shap(samples=samples), wide.model, wide.rows, 1, details=True)
        errors = np.abs(found.maps - exact).max(axis=1)
        assert (errors < 4 * found.details["standard_error"]).all()
