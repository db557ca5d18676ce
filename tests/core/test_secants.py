"""Secants of rectifiers: what float32 gives next to where the two runs meet, beside float64."""

import numpy as np
import pytest
import tensorflow as tf

from xaikit.core.secants import rectifier


def ratios(function, x, x0):
    """Multipliers of one op between two runs."""

    @tf.function(autograph=False)
    def traced(x, x0):
        y, y0 = function(x), function(x0)
        known = {x.name: (x, x0), y.name: (y, y0)}
        back = rectifier(y.op, [x], lambda tensor: known[tensor.name])
        return back([tf.ones_like(y)])[0]

    return traced(tf.constant(x), tf.constant(x0)).numpy()


def around(*points):
    """Values from far away to the next one on both sides of some points, float32."""
    near = [np.float32(point) for point in points]
    for point in points:
        low = high = np.float32(point)
        for _ in range(4):
            low, high = np.nextafter(low, np.float32(-9)), np.nextafter(high, np.float32(9))
            near += [low, high]
        near += [np.float32(point + way) for size in (1e-6, 1e-3, 1, 30) for way in (-size, size)]
    smallest = np.finfo("float32").tiny  # TensorFlow takes what is smaller for 0
    return np.array([value for value in near if abs(value) >= smallest] + [0, smallest, -smallest], "float32")


@pytest.mark.parametrize(
    ("function", "points", "largest"), [(tf.nn.relu, (0, 1), np.inf), (tf.nn.relu6, (0, 1, 6), 6.0)]
)
def test_the_quotient_of_a_rectifier_is_right_however_near_the_runs_are(function, points, largest):
    values = around(*points)
    x, x0 = (side.ravel() for side in np.meshgrid(values, values))
    wide, wide0 = x.astype("float64"), x0.astype("float64")
    rise = np.clip(wide, 0, largest) - np.clip(wide0, 0, largest)
    slope = ((wide > 0) & (wide < largest)).astype("float64")  # TensorFlow's gradient at the corners: 0
    way = wide - wide0
    expected = np.where(way == 0, slope, rise / np.where(way == 0, 1, way))

    actual = ratios(function, x, x0)

    np.testing.assert_allclose(actual, expected, rtol=3e-7, atol=1e-37)
    assert {0.0, 1.0} < set(actual.tolist())


def test_one_run_stands_for_all_rows():
    x, x0 = np.array([[1.0, -1], [2, 3], [-2, 5]]), np.array([[-1.0, 5]])

    np.testing.assert_array_equal(ratios(tf.nn.relu, x, x0), ratios(tf.nn.relu, x, np.broadcast_to(x0, x.shape).copy()))
