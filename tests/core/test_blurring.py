"""Gaussian blur along the axes of positions."""

import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import paths
from xaikit.core.blurring import blurred

SHAPES = [(2, 9, 2), (2, 5, 8, 3), (2, 4, 6, 5, 1)]


def values_of(shape):
    return np.random.default_rng(5).normal(size=shape)


def blurred_by(sigma, values):
    return blurred(tf.constant(values), [tf.constant(sigma, tf.float64)] * (values.ndim - 2)).numpy()


@pytest.mark.parametrize("shape", SHAPES, ids=len)
@pytest.mark.parametrize("sigma", [0.4, 2.0, 50.0])
def test_it_is_a_gaussian_along_every_axis_of_positions(sigma, shape):
    values = values_of(shape)

    np.testing.assert_allclose(blurred_by(sigma, values), paths.blurred(values, sigma), atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES, ids=len)
def test_a_gaussian_of_no_width_changes_no_bit(shape):
    values = values_of(shape)

    np.testing.assert_array_equal(blurred_by(0.0, values), values)


def test_a_constant_stays_that_constant_at_the_borders_too():
    np.testing.assert_allclose(blurred_by(3.0, np.full((1, 7, 12, 3), 2.5)), 2.5, atol=1e-13)


def test_each_axis_has_its_own_width():
    values = values_of((2, 5, 8, 3))

    actual = blurred(tf.constant(values), [tf.constant(0.7, tf.float64), tf.constant(1.5, tf.float64)])

    np.testing.assert_allclose(actual, paths.blurred(values, [0.7, 1.5]), atol=1e-13)


def test_a_table_has_nothing_to_blur():
    table = tf.constant(values_of((3, 4)))

    assert blurred(table, []) is table
