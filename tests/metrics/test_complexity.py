"""Complexity: the entropy of shares, and its closed forms."""

import numpy as np
from scipy import stats

from xaikit import complexity


def test_it_is_the_entropy_of_the_absolute_values_as_shares(linear64, rectangles64):
    maps = np.random.default_rng(3).normal(size=(3, 4, 6, 2, 1))
    expected = [stats.entropy(np.abs(one.sum(axis=2)).ravel()) for one in maps[..., 0]]

    np.testing.assert_allclose(complexity(maps, linear64, rectangles64, 0), expected, atol=1e-12)
    np.testing.assert_allclose(complexity(-1e200 * maps, linear64, rectangles64, 0), expected, atol=1e-12)


def test_one_position_has_everything_or_all_have_the_same_or_nobody_has_any(linear64, rectangles64):
    maps = np.zeros((3, 4, 6, 1))
    maps[0, 2, 3] = -5.0
    maps[1] = 0.1
    actual = complexity(maps, linear64, rectangles64, 0)

    np.testing.assert_allclose(actual, [0, np.log(24), np.nan], atol=1e-12)
    assert not np.signbit(actual[0])
    assert complexity.declaration.better == "lower"
