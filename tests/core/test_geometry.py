"""Positions: maps brought from one grid to another, for one, two and three axes of them."""

import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import grids
from xaikit.core.geometry import is_location, map_maps, mirrored, resized, to_positions
from xaikit.errors import ModelError

SIZES = [((4,), (9,)), ((9,), (4,)), ((4, 3), (8, 7)), ((8, 7), (3, 3)), ((2, 3, 4), (5, 3, 7)), ((5, 4, 6), (2, 4, 3))]


def draws(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_values_are_found_linearly_between_the_centres_of_cells(old, new):
    values = draws(2, *old, 3)
    expected = grids.each(values, new)

    actual = resized(tf.constant(values), list(new)).numpy()

    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize(
    "method", ["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]
)
@pytest.mark.parametrize(("old", "new"), SIZES[::2])
def test_constants_stay_constants(method, old, new):
    actual = resized(tf.fill([2, *old, 1], 3.0), list(new), method).numpy()

    assert actual.shape == (2, *new, 1)
    np.testing.assert_allclose(actual, 3.0, rtol=1e-5)


@pytest.mark.parametrize("size", [(4,), (4, 3), (2, 3, 4)])
def test_the_same_size_is_the_identity(size):
    values = tf.constant(draws(2, *size, 3))

    assert resized(values, list(size)) is values


@pytest.mark.parametrize("dtype", [tf.float64, tf.float16])
def test_the_type_of_the_values_is_kept(dtype):
    assert resized(tf.zeros([1, 4, 4, 1], dtype), [8, 8]).dtype == dtype


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_a_mirrored_map_is_resized_to_the_mirrored_result(old, new):
    values = draws(2, *old, 3)
    axis = len(old)
    expected = np.flip(resized(tf.constant(values), list(new)).numpy(), axis=axis)

    actual = resized(mirrored(tf.constant(values), axis), list(new)).numpy()

    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_sides_may_be_known_only_when_running(old, new):
    values = draws(2, *old, 3)
    expected = resized(tf.constant(values), list(new)).numpy()

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None] * (len(old) + 2)), tf.TensorSpec([len(old)], tf.int32)]
    )
    def run(values, size):
        return resized(values, [size[i] for i in range(len(old))])

    np.testing.assert_allclose(run(values, list(new)).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("method", ["nearest", "bicubic", "area", "lanczos3", "gaussian", "mitchellcubic"])
@pytest.mark.parametrize(("old", "new"), [((4, 3, 5), (7, 6, 9)), ((4, 3, 5), (7, 3, 5)), ((6, 5, 4), (3, 2, 2))])
def test_volumes_are_resized_axis_by_axis(method, old, new):
    values = draws(2, *old, 3)
    expected = values
    for axis in range(1, 4):
        front = np.moveaxis(expected, axis, 1)
        if axis > 1 and old[1:] == new[1:]:
            continue  # the same height and width are left alone
        line = resized(tf.constant(front.reshape(2, front.shape[1], -1)), [new[axis - 1]], method).numpy()
        expected = np.moveaxis(line.reshape(2, new[axis - 1], *front.shape[2:]), 1, axis)

    actual = resized(tf.constant(values), list(new), method).numpy()

    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_nearest_value_is_that_of_the_nearest_centre(count):
    old, new = (4, 3, 5)[:count], (7, 6, 2)[:count]
    values = draws(2, *old, 3)
    expected = values
    for axis, (before, after) in enumerate(zip(old, new, strict=True), start=1):
        places = [int((i + 0.5) * before / after) for i in range(after)]
        expected = np.take(expected, places, axis=axis)

    np.testing.assert_array_equal(resized(tf.constant(values), list(new), "nearest").numpy(), expected)


def test_four_axes_of_positions_are_refused():
    with pytest.raises(ModelError, match="4 axes of positions cannot be resized"):
        resized(tf.zeros([1, 2, 2, 2, 2, 1]), [3, 3, 3, 3])


@pytest.mark.parametrize("size", [(8,), (8, 6), (4, 6, 5)])
def test_input_shaped_maps_stand_at_their_positions_already(size):
    inputs, maps = tf.zeros([2, *size, 3]), tf.constant(draws(2, *size, 3, 2))

    assert to_positions(maps, inputs) is maps


@pytest.mark.parametrize("size", [(8,), (8, 6), (4, 6, 5)])
def test_input_shaped_maps_of_a_view_are_resized_channel_by_channel(size):
    half = tuple(-(-side // 2) for side in size)
    maps = draws(2, *half, 3, 2)
    expected = grids.each(maps.reshape(2, *half, 6), size).reshape(2, *size, 3, 2)

    actual = to_positions(tf.constant(maps), tf.zeros([2, *size, 3])).numpy()

    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_location_maps_are_told_by_their_rank_and_those_of_tables_pass():
    table, pictures = tf.zeros([2, 5]), tf.zeros([2, 8, 8, 3])

    assert is_location(tf.zeros([2, 4, 4, 1]), pictures)
    assert not is_location(tf.zeros([2, 8, 8, 3, 1]), pictures)
    assert is_location(tf.zeros([2, 5, 1]), table)
    maps = tf.zeros([2, 5, 1])
    assert to_positions(maps, table) is maps


def test_location_maps_lie_on_the_one_input_of_their_rank():
    inputs = {"picture": tf.zeros([2, 8, 8, 3]), "table": tf.zeros([2, 5])}
    maps = tf.ones([2, 4, 4, 1])

    actual = map_maps(to_positions, maps, inputs)

    assert actual.shape == (2, 8, 8, 1)
    with pytest.raises(ModelError, match="not plain on which of them"):
        map_maps(to_positions, maps, [inputs["picture"], inputs["picture"]])


def test_maps_of_several_inputs_are_changed_each_with_its_own():
    inputs = [tf.ones([2, 8, 8, 3]), tf.ones([2, 5])]
    maps = [tf.ones([2, 8, 8, 3, 1]), tf.ones([2, 5, 1])]

    actual = map_maps(lambda one, of: one * of.shape.rank, maps, inputs)

    assert [float(tf.reduce_max(one)) for one in actual] == [4.0, 2.0]
