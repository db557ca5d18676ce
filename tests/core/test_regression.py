"""Least squares from sums: what NumPy solves from the observations themselves."""

import numpy as np
import pytest

from xaikit.core import tf
from xaikit.core.copies import helpings
from xaikit.core.regression import Observations, Regression, _inverse, adder, nothing, solved


def observations(count, size=6, seed=0):
    draws = np.random.default_rng(seed)
    return draws.normal(size=(1, count, size)), draws.random((1, count)), draws.normal(size=(2, count, 3))


def fit(data, ridge=0.0, room=7):
    """Solve with the observations taken `room` at a time."""
    count, size = data[0].shape[1:]

    def observe(numbers):
        return Observations(*(tf.gather(leaf, numbers, axis=1) for leaf in data))

    regression = Regression(
        observe, tf.fill([size], tf.constant(ridge, tf.float64)), tf.zeros([1, size, size], tf.float64), None, None
    )

    @tf.function
    def run():
        return solved(regression, helpings(adder(observe), count, room, nothing(regression, 2, 3, 0)))[0]

    return [leaf.numpy() for leaf in run()]


@pytest.mark.parametrize("ridge", [0.0, 2.0])
@pytest.mark.parametrize("count", [2, 4, 7, 30])
def test_coefficients_are_the_smallest_of_those_that_fit_best(count, ridge):
    design, weights, targets = observations(count)
    root = np.sqrt(weights[0])[:, None]
    rows = np.concatenate([root * design[0], np.sqrt(ridge) * np.eye(6)])

    coefficients, _ = fit((design, weights, targets), ridge)

    for one, wanted in zip(coefficients, targets, strict=True):
        sides = np.concatenate([root * wanted, np.zeros((6, 3))])
        expected = np.linalg.lstsq(rows, sides, rcond=1e-10)[0]
        np.testing.assert_allclose(one, expected, atol=1e-6 if count < 6 and not ridge else 1e-10)


def test_the_share_explained_is_that_of_the_weighted_variance():
    design, weights, targets = observations(40)
    design = np.concatenate([design, np.ones((1, 40, 1))], axis=2)
    coefficients, r2 = fit((design, weights, targets))
    residuals = targets - design[0] @ coefficients
    mean = np.average(targets, axis=1, weights=weights[0])[:, None]
    expected = 1 - (weights[0] @ residuals**2) / (weights[0] @ (targets - mean) ** 2)

    np.testing.assert_allclose(r2, expected, atol=1e-10)


def test_targets_that_are_all_one_are_explained():
    design, weights, targets = observations(9)

    coefficients, r2 = fit((design, weights, np.zeros_like(targets)))

    np.testing.assert_array_equal(coefficients, 0)
    np.testing.assert_array_equal(r2, 1)


def test_how_many_are_taken_at_a_time_changes_rounding_alone():
    data = observations(23)
    expected = fit(data, room=1)

    for room in (5, 23, 100):
        for one, other in zip(fit(data, room=room), expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-12)


def test_the_latest_observations_are_kept_as_they_were():
    data = observations(23)
    anchors = tf.zeros([1, 6, 6], tf.float64)
    regression = Regression(None, None, anchors, None, None)

    def observe(numbers):
        return Observations(*(tf.gather(leaf, numbers, axis=1) for leaf in data))

    @tf.function
    def run():
        return helpings(adder(observe), 23, 3, nothing(regression, 2, 3, 8)).recent

    for kept, leaf in zip(run(), data, strict=True):
        np.testing.assert_array_equal(kept, np.swapaxes(leaf, 0, 1)[[16, 17, 18, 19, 20, 21, 22, 15]])


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_a_singular_matrix_has_its_pseudo_inverse_on_what_it_can_reach(rank):
    basis = np.linalg.qr(np.random.default_rng(4).normal(size=(6, 6)))[0][:, :rank]
    matrix = basis @ np.diag(np.geomspace(1e-3, 2.0, rank)) @ basis.T
    side = matrix @ np.random.default_rng(5).normal(size=6)

    actual = _inverse(tf.constant(matrix[None])).numpy()[0] @ side

    np.testing.assert_allclose(actual, np.linalg.pinv(matrix, rcond=1e-10) @ side, atol=1e-6)
