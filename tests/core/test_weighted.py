"""Means of scores weighted by masks, and how well they are known."""

import numpy as np

from xaikit.core import tf
from xaikit.core.weighted import no_sums


def summed(masks, scores, helping=7, squares=True):
    sums = no_sums(*scores.shape[1:], masks.shape[1], squares=squares)
    for start in range(0, len(masks), helping):
        sums = sums.plus(tf.constant(masks[start : start + helping]), tf.constant(scores[start : start + helping]))
    return sums


def test_the_mean_is_weighted_by_the_masks():
    draws = np.random.default_rng(0)
    masks, scores = draws.random((20, 4)), draws.normal(size=(20, 2, 3))
    expected = np.einsum("nbt,np->btp", scores, masks) / masks.sum(axis=0)

    np.testing.assert_allclose(summed(masks, scores).means(20), expected, atol=1e-12)
    np.testing.assert_allclose(summed(masks, scores, squares=False).means(20), expected, atol=1e-12)


def test_a_position_that_no_mask_lets_through_has_the_mean_of_all_and_an_error_that_nobody_knows():
    masks = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    scores = np.array([1.0, 2.0, 6.0])[:, np.newaxis, np.newaxis]

    sums = summed(masks, scores)

    np.testing.assert_array_equal(sums.means(3), [[[1.5, 3.0]]])
    assert np.isinf(sums.errors(3)).all()


def test_one_mask_says_nothing_of_its_error():
    assert np.isinf(summed(np.ones((1, 2)), np.ones((1, 1, 1))).errors(1)).all()


def test_the_standard_error_is_the_spread_over_runs():
    draws = np.random.default_rng(1)
    effects = np.array([1.0, -2.0, 0.5, 0.0])
    means, errors = [], []
    for _ in range(150):
        masks = (draws.random((200, 4)) < 0.5) * draws.random((200, 4))
        scores = (masks @ effects + 5 + 0.2 * draws.normal(size=200))[:, np.newaxis, np.newaxis]
        sums = summed(masks, scores, helping=200)
        means.append(sums.means(200)[0, 0])
        errors.append(sums.errors(200)[0, 0])
    spread = np.std(means, axis=0).max()

    assert 0.85 * spread < np.mean(errors) < 1.2 * spread
