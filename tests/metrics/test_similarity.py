"""How alike two maps are, against SciPy's ranks and slow loops."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import pearsonr, spearmanr

from tests.conftest import draws
from xaikit.core import as_view
from xaikit.errors import ModelError
from xaikit.measuring.similarity import comparison


@pytest.fixture(scope="module")
def compare(pooled):
    """Compare by a kind, as within a trace."""
    view = as_view(pooled)
    return lambda kind, a, b: comparison(kind, view)(tf.constant(a), tf.constant(b)).numpy()


def tied(seed, shape=(4, 5, 6)):
    return np.round(draws(shape, "float64", seed), 0)


@pytest.mark.parametrize(("kind", "oracle"), [("spearman", spearmanr), ("pearson", pearsonr)])
def test_correlations_are_those_of_each_example_by_itself(compare, kind, oracle):
    first, second = tied(1), tied(2)

    expected = [oracle(a.ravel(), b.ravel())[0] for a, b in zip(first, second, strict=True)]

    np.testing.assert_allclose(compare(kind, first, second), expected, atol=1e-12)
    np.testing.assert_allclose(compare(kind, first * 1e-200, second * 1e200), expected, atol=1e-12)


def test_values_that_are_much_smaller_than_the_largest_have_ranks_of_their_own(compare):
    first, second = draws((2, 400), seed=1), draws((2, 400), seed=2)
    first[:, 0] = second[:, 0] = 1e12
    expected = [spearmanr(a, b)[0] for a, b in zip(first, second, strict=True)]

    np.testing.assert_allclose(compare("spearman", first, second), expected, atol=1e-12)


@pytest.mark.parametrize("kind", ["spearman", "pearson", "ssim"])
def test_a_map_is_its_own_likeness_and_a_constant_one_is_none(compare, kind):
    maps = draws((3, 8, 9))
    flat = np.full_like(maps, 0.3)

    np.testing.assert_allclose(compare(kind, maps, maps), 1, atol=1e-6)
    np.testing.assert_array_equal(compare(kind, maps, flat), 0)
    assert np.isnan(compare(kind, flat, maps)).all()
    assert np.isnan(compare(kind, flat, flat)).all()


def test_ranks_do_not_see_scale_nor_bend_and_the_opposite_is_minus_one(compare):
    maps = draws((3, 8, 9))

    np.testing.assert_allclose(compare("spearman", maps, np.exp(maps) * 3 + 1), 1, atol=1e-12)
    np.testing.assert_allclose(compare("spearman", maps, -maps), -1, atol=1e-12)
    np.testing.assert_allclose(compare("pearson", maps, 1 - 2 * maps), -1, atol=1e-6)


def gaussian(size):
    """The window of Wang et al. 2004: a Gaussian of deviation 1.5 whose weights add up to 1."""
    line = np.exp(-((np.arange(size) - (size - 1) / 2) ** 2) / 4.5)
    return np.outer(line, line) / line.sum() ** 2


def structural(a, b, size):
    """The mean over windows of eq. 13, with K1 = 0.01, K2 = 0.03 and L = 1."""
    window, found = gaussian(size), []
    for i in range(a.shape[0] - size + 1):
        for j in range(a.shape[1] - size + 1):
            x, y = a[i : i + size, j : j + size], b[i : i + size, j : j + size]
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy, cov = (
                (window * x * x).sum() - mx**2,
                (window * y * y).sum() - my**2,
                (window * x * y).sum() - mx * my,
            )
            found.append((2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)))
    return np.mean(found)


@pytest.mark.parametrize(("sides", "size"), [((13, 12), 11), ((6, 8), 6)])
def test_structural_similarity_is_that_of_the_paper_on_maps_from_0_to_1(compare, sides, size):
    first, second = draws((2, *sides), seed=1), draws((2, *sides), seed=2)
    second = first + second / 2

    def unit(values):
        return (values - values.min()) / np.ptp(values)

    expected = [structural(unit(a), unit(b), size) for a, b in zip(first, second, strict=True)]

    np.testing.assert_allclose(compare("ssim", first, second), expected, atol=1e-4)
    np.testing.assert_allclose(compare("ssim", first[..., None], second[..., None]), expected, atol=1e-4)


def test_structures_are_compared_as_one(pooled):
    first, second = draws((3, 4)), draws((3, 2, 5))
    alike = comparison("pearson", as_view(pooled))

    expected = [pearsonr([*a, *b.ravel()], [*b.ravel(), *a])[0] for a, b in zip(first, second, strict=True)]

    one = {"a": tf.constant(first), "b": tf.constant(second)}
    other = {"a": tf.constant(second.reshape(3, 10)), "b": tf.constant(first)}
    np.testing.assert_allclose(alike(one, other), expected, atol=1e-6)


def test_what_is_no_picture_has_no_structural_similarity(table):
    with pytest.raises(ModelError, match="compares pictures"):
        comparison("ssim", as_view(table))
