"""Sparseness: the Gini index as the mean difference that it is, and its closed forms."""

import numpy as np
import pytest

from xaikit import gradients, sparseness


def gini(values):
    """Half the mean absolute difference of all pairs, by the mean."""
    sizes = np.abs(values)
    return np.abs(sizes[:, np.newaxis] - sizes).mean() / (2 * sizes.mean())


def test_it_is_half_the_mean_difference_of_pairs_by_the_mean(linear64, rectangles64):
    maps = np.random.default_rng(3).normal(size=(3, 4, 6, 2, 1))
    expected = [gini(one.sum(axis=2).ravel()) for one in maps[..., 0]]

    np.testing.assert_allclose(sparseness(maps, linear64, rectangles64, 0), expected, atol=1e-12)
    np.testing.assert_allclose(sparseness(-1e200 * maps, linear64, rectangles64, 0), expected, atol=1e-12)


def test_one_position_has_everything_or_all_have_the_same_or_nobody_has_any(linear64, rectangles64):
    maps = np.zeros((3, 4, 6, 1))
    maps[0, 2, 3] = -5.0
    maps[1] = 0.1

    np.testing.assert_allclose(sparseness(maps, linear64, rectangles64, 0), [1 - 1 / 24, 0, np.nan], atol=1e-12)


def test_features_of_a_table_are_positions(table, rows):
    maps = np.zeros((4, 5, 1), "float32")
    maps[:, 2] = 1

    np.testing.assert_allclose(sparseness(maps, table, rows, 0), [0.8] * 4, atol=1e-6)
    assert sparseness(gradients, table, rows, "all").shape == (4, 3)


def test_it_has_no_parameters():
    assert repr(sparseness) == "sparseness"
    assert sparseness.declaration.better == "higher"
    with pytest.raises(Exception, match="steps"):
        sparseness(steps=3)
