"""Filters as functions of maps, for one, two and three axes of positions."""

import numpy as np
import pytest
import tensorflow as tf

from xaikit.core.filters import channels_reduced, negative_part, positive_part, to_signed_range, to_unit_range

SHAPES = [(3, 5, 2), (3, 4, 6, 2), (3, 2, 4, 3, 2), (3, 4, 4, 3, 2)]


def draws(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def ramp(rank):
    """[0, -1, 2, -3] along the last axis of positions, one example and target."""
    return tf.reshape(tf.constant([0.0, -1.0, 2.0, -3.0]), [1] * rank + [4, 1])


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (positive_part, [0, 0, 2, 0]),
        (negative_part, [0, -1, 0, -3]),
        (to_unit_range, [0.6, 0.4, 1, 0]),
        (to_signed_range, [0, -1 / 3, 2 / 3, -1]),
    ],
)
def test_filters_on_a_ramp(rank, change, expected):
    actual = change(ramp(rank)).numpy().ravel()

    np.testing.assert_allclose(actual, expected, atol=1e-7)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_example_and_each_target_is_ranged_by_itself(shape):
    maps = draws(*shape) * np.array([1.0, 100.0], "float32")
    axes = tuple(range(1, maps.ndim - 1))

    unit, signed = to_unit_range(tf.constant(maps)).numpy(), to_signed_range(tf.constant(maps)).numpy()

    np.testing.assert_allclose(unit.min(axis=axes), 0, atol=1e-6)
    np.testing.assert_allclose(unit.max(axis=axes), 1, atol=1e-6)
    np.testing.assert_allclose(np.abs(signed).max(axis=axes), 1, atol=1e-6)
    assert (np.sign(signed) == np.sign(maps)).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_unit_range_does_not_see_scale_and_shift(shape):
    maps = tf.constant(draws(*shape))
    expected = to_unit_range(maps).numpy()

    actual = to_unit_range(3.0 * maps - 5.0).numpy()

    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 7.0, -3e38, 3e38])
def test_constants_become_zeros(value):
    assert (to_unit_range(tf.fill([2, 4, 4, 1], value)).numpy() == 0).all()


def test_zeros_stay_zeros_in_the_signed_range():
    assert (to_signed_range(tf.zeros([2, 4, 4, 1])).numpy() == 0).all()


@pytest.mark.parametrize("size", [1e-37, 1e-30, 1e30, 3e38])
def test_ranges_at_the_ends_of_the_floats_are_finite_and_whole(size):
    maps = tf.constant([[-size], [0.0], [size]], tf.float32)[tf.newaxis]

    np.testing.assert_allclose(to_unit_range(maps).numpy().ravel(), [0, 0.5, 1], atol=1e-6)
    np.testing.assert_allclose(to_signed_range(maps).numpy().ravel(), [-1, 0, 1], atol=1e-6)


@pytest.mark.parametrize("dtype", [tf.float16, tf.float32, tf.float64])
@pytest.mark.parametrize("change", [positive_part, negative_part, to_unit_range, to_signed_range])
def test_the_type_is_kept(dtype, change):
    assert change(tf.cast(draws(2, 4, 1), dtype)).dtype == dtype


@pytest.mark.parametrize("size", [(4,), (4, 3), (2, 3, 4)])
@pytest.mark.parametrize("how", ["max", "mean", "sum", "l2"])
def test_channels_are_reduced_for_inputs_of_any_rank(size, how):
    maps, inputs = draws(2, *size, 3, 2), tf.zeros([2, *size, 3])
    written = {"max": maps.max(-2), "mean": maps.mean(-2), "sum": maps.sum(-2), "l2": np.sqrt((maps**2).sum(-2))}

    actual = channels_reduced(tf.constant(maps), inputs, how).numpy()

    np.testing.assert_allclose(actual, written[how], atol=1e-6)


@pytest.mark.parametrize("how", ["max", "mean", "sum", "l2"])
def test_location_maps_and_those_of_tables_pass(how):
    location, table = tf.constant(draws(2, 4, 4, 2)), tf.constant(draws(2, 5, 2))

    assert channels_reduced(location, tf.zeros([2, 8, 8, 3]), how) is location
    assert channels_reduced(table, tf.zeros([2, 5]), how) is table
