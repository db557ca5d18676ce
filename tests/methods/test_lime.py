"""LIME: the weighted ridge regression of the paper, on coalitions of every size."""

import numpy as np
import pytest

from tests.oracles.coalitions import Watched, ridge
from tests.oracles.functions import model_of
from xaikit import explain, lime
from xaikit.core.segments import _superpixels


@pytest.fixture(scope="module")
def table():
    return Watched(7)


def drawn(table, explainer):
    """Explain one row; give the result, and the coalitions that were fed."""
    found = []
    kept = table.kept(lambda: found.append(explain(explainer, table.model, table.rows[:1], "all", details=True)))
    clean = np.flatnonzero(kept.all(axis=1))[0]  # passes come in any order, and rows of all features are alike
    return found[0], np.delete(kept, clean, axis=0)


@pytest.mark.parametrize("alpha", [0.05, 1.0, 30.0])
@pytest.mark.parametrize("samples", [5, 200])
def test_coefficients_are_those_of_the_weighted_ridge_regression(table, samples, alpha):
    found, kept = drawn(table, lime(samples=samples, alpha=alpha, seed=2))
    scores = table.logits(kept * table.rows[:1])
    distances = 1 - np.sqrt(kept.sum(axis=1) / 7)
    weights = np.exp(-(distances**2) / 0.25**2)
    coefficients, shares = zip(*[ridge(kept, scores[:, t], weights, alpha) for t in range(3)], strict=True)

    assert len(kept) == samples
    np.testing.assert_allclose(found.maps[0].T, coefficients, atol=1e-9)
    np.testing.assert_allclose(found.details["r2"][0], shares, atol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_standard_error_is_the_spread_of_the_coefficients_where_one_sample_is_left_out(table, alpha):
    found, kept = drawn(table, lime(samples=40, alpha=alpha, seed=4))
    scores = table.logits(kept * table.rows[:1])
    weights = np.exp(-(((1 - np.sqrt(kept.sum(axis=1) / 7)) / 0.25) ** 2))
    for target in range(3):
        rests = [np.delete(np.arange(40), i) for i in range(40)]
        without = [ridge(kept[rest], scores[rest, target], weights[rest], alpha)[0] for rest in rests]
        expected = np.sqrt(((without - found.maps[0, :, target]) ** 2).sum(axis=0)).max()

        np.testing.assert_allclose(found.details["standard_error"][0, target], expected, rtol=1e-6)


def test_as_many_segments_are_kept_as_any_other_number(table):
    _, kept = drawn(table, lime(samples=2000))
    counts = np.bincount(kept.sum(axis=1), minlength=8) / 2000

    np.testing.assert_allclose(counts, 1 / 8, atol=4 * np.sqrt(1 / 8 * 7 / 8 / 2000))
    np.testing.assert_allclose(kept.mean(axis=0), 0.5, atol=4 * 0.5 / np.sqrt(2000))


def test_of_a_linear_score_the_coefficients_are_the_drops_and_nothing_is_left(linear64, rectangles64):
    weights = linear64.get_layer("head").get_weights()[0].reshape(4, 6, 2, 3)
    drops = np.einsum("bhwc,hwct->bhwt", rectangles64 - 0.4, weights)
    labels = _superpixels(rectangles64, 9)
    expected = np.stack(
        [
            np.stack([np.bincount(of.ravel(), one[..., t].ravel())[of] for t in range(3)], axis=-1)
            for one, of in zip(drops, labels, strict=True)
        ]
    )
    for alpha in (0.0, 1e-12):
        explainer = lime(samples=200, segments=9, alpha=alpha, baseline=0.4)
        found = explain(explainer, linear64, rectangles64, "all", details=True)

        np.testing.assert_allclose(found.maps, expected, atol=1e-9)
        np.testing.assert_allclose(found.details["r2"], 1, atol=1e-12)
        np.testing.assert_allclose(found.details["standard_error"], 0, atol=1e-9)


def test_a_penalty_shrinks_coefficients(linear64, rectangles64):
    sizes = [
        np.abs(explain(lime(samples=100, alpha=alpha), linear64, rectangles64, 1).maps).sum()
        for alpha in (0.0, 1.0, 1e9)
    ]

    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 1e-6 * sizes[0]


@pytest.mark.parametrize("samples", [1, 2, 50])
def test_a_model_that_sees_nothing_has_an_empty_map(samples):
    model = model_of(lambda a, b, c: 0 * (a + b + c) + 7.3, 3)
    found = explain(lime(samples=samples), model, np.ones((2, 3)), details=True)

    np.testing.assert_allclose(found.maps, 0, atol=1e-12)
    np.testing.assert_allclose(found.details["r2"], 1)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("samples", [1, 2, 3])
def test_few_samples_give_finite_maps(samples, alpha, pooled, images):
    found = explain(lime(samples=samples, alpha=alpha), pooled, images, details=True)

    assert np.isfinite(found.maps).all()
    assert np.isfinite(found.details["r2"]).all()
    np.testing.assert_array_equal(found.details["standard_error"], np.inf)


def test_one_segment_has_what_all_of_it_adds():
    model = model_of(lambda a: a**2, 1)

    maps = explain(lime(alpha=0.0), model, np.array([[3.0]])).maps

    np.testing.assert_allclose(maps, 9, rtol=0.01)
