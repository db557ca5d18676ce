"""Midranks, correlations, subsets and ratios, against SciPy and by their laws."""

import numpy as np
import pytest
from scipy import stats

from xaikit.core import tf
from xaikit.measuring.correlation import pearson, spearman
from xaikit.measuring.midranks import midranks
from xaikit.measuring.ratio import ratio
from xaikit.measuring.subsets import size_of, subsets

DRAWS = np.random.default_rng(0)
TIED = np.array([[3.0, 1, 3, 3, -2, 1, 0], [0, 0, 0, 0, 0, 0, 0], [7, 6, 5, 4, 3, 2, 1], [0.0, -0.0, 1, 1, 1, 2, 2]])


def test_midranks_are_those_of_scipy_and_rows_know_nothing_of_each_other():
    expected = stats.rankdata(TIED, axis=1)

    actual = midranks(tf.constant(TIED))

    np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(midranks(tf.constant(TIED[2:3])), expected[2:3])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_midranks_of_a_million_tied_values_are_exact(dtype):
    values = np.repeat(DRAWS.permutation(1000).astype(dtype), 1000)[np.newaxis]
    expected = stats.rankdata(values, axis=1)

    np.testing.assert_array_equal(midranks(tf.constant(values)), expected)


def test_pearson_and_spearman_are_those_of_scipy():
    first, second = DRAWS.normal(size=(2, 4, 30))
    second[2] = np.round(second[2])  # ties
    first[3] += 1e6

    np.testing.assert_allclose(pearson(tf.constant(first), tf.constant(second)), _each(stats.pearsonr, first, second))
    np.testing.assert_allclose(spearman(tf.constant(first), tf.constant(second)), _each(stats.spearmanr, first, second))


def _each(correlation, first, second):
    return [correlation(a, b).statistic for a, b in zip(first, second, strict=True)]


def test_of_values_on_a_line_the_correlation_is_one_of_the_line_s_sign():
    values = tf.constant(DRAWS.normal(size=(3, 20)))
    factors = tf.constant([[2.0], [-1e-30], [1e200]], tf.float64)

    for correlation in (pearson, spearman):
        np.testing.assert_allclose(correlation(values, factors * values), [1, -1, 1], atol=1e-12)


def test_ranks_do_not_mind_how_a_curve_bends():
    values = tf.constant(DRAWS.normal(size=(1, 20)))

    assert spearman(values, tf.exp(3 * values)).numpy() == pytest.approx(1)
    assert pearson(values, tf.exp(3 * values)).numpy() < 0.9


def test_to_ranks_values_are_equal_that_differ_by_rounding_alone():
    values = np.repeat(DRAWS.normal(size=(1, 6)), 5, axis=1)
    rounded = values + 2e-16 * DRAWS.normal(size=values.shape)

    assert spearman(tf.constant(values), tf.constant(rounded)).numpy() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_stays_the_same_but_for_rounding_has_no_correlation(dtype):
    moving = tf.constant(DRAWS.normal(size=(3, 8)), dtype)
    still = np.full((3, 8), 0.1, dtype)
    still[1, 3] = np.nextafter(still[1, 3], 1, dtype=dtype)
    still[2, 3] += 1e-4  # this one moves

    for correlation in (pearson, spearman):
        for pair in ((moving, tf.constant(still)), (tf.constant(still), moving)):
            assert np.isnan(correlation(*pair)).tolist() == [True, True, False]
    assert np.isnan(pearson(tf.zeros([1, 8]), tf.zeros([1, 8])))


def test_subsets_have_their_sizes_and_are_all_alike():
    sizes = [3] * 4000 + [1] * 500
    chosen = tf.function(lambda: subsets(5, sizes, 0), autograph=False)().numpy()

    assert (chosen.sum(axis=1) == sizes).all()
    _, counts = np.unique(chosen[:4000], axis=0, return_counts=True)
    assert len(counts) == 10  # all that there are
    assert stats.chisquare(counts).pvalue > 1e-3
    assert stats.chisquare(chosen[4000:].sum(axis=0)).pvalue > 1e-3


def test_another_seed_draws_other_subsets():
    assert (subsets(30, [10], 0) != subsets(30, [10], 1)).numpy().any()


def test_a_subset_is_never_empty_and_never_everything():
    assert [size_of(share, 10) for share in (0.01, 0.2, 0.26, 0.99)] == [1, 2, 3, 9]
    assert size_of(0.5, 1) == 1


def test_a_ratio_to_nothing_is_nan_and_never_infinite():
    np.testing.assert_array_equal(ratio(tf.constant([1.0, 0, 3]), tf.constant([0.0, 0, 2])), [np.nan, np.nan, 1.5])
