"""Windows: whole ones, up to both borders, every position covered."""

import numpy as np
import pytest
import tensorflow as tf

from xaikit.core.windows import averaged, covered, lay
from xaikit.errors import ParameterError


@pytest.mark.parametrize(
    ("side", "patch", "stride", "starts"),
    [
        (8, 2, 2, [0, 2, 4, 6]),
        (7, 3, 2, [0, 2, 4]),
        (7, 3, 3, [0, 3, 4]),
        (8, 3, 2, [0, 2, 4, 5]),
        (5, 5, 2, [0]),
        (1, 0, 0, [0]),
        (7, 0, 0, [0, 1, 2, 3, 4, 5, 6]),
        (24, 0, 0, [*range(22)]),
        (32, 0, 0, [*range(0, 29, 2)]),
        (8, 5, 0, [0, 2, 3]),
    ],
)
def test_windows_are_whole_and_end_at_the_border(side, patch, stride, starts):
    (windows,) = lay([side], patch, stride)

    assert windows.starts == starts
    assert {*range(side)} == {p for start in starts for p in range(start, start + windows.patch)}


def test_windows_are_numbered_along_the_last_axis_first():
    windows = lay([3, 4, 2], (2, 3, 1), (1, 2, 1))
    expected = []
    for first in (0, 1):
        for second in (0, 1):
            for third in (0, 1):
                one = np.zeros((3, 4, 2), bool)
                one[first : first + 2, second : second + 3, third] = True
                expected.append(one)

    actual = [covered(number, windows).numpy() for number in range(8)]

    np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(covered(tf.constant(5), windows), expected[5])


def test_a_position_has_the_mean_of_the_windows_over_it():
    windows = lay([5, 6], (2, 3), (2, 3))
    values = np.random.default_rng(2).normal(size=(2, 3, 6))  # [B, T, windows]
    marks = np.stack([covered(number, windows).numpy() for number in range(6)])
    expected = np.einsum("btn,nhw->bhwt", values, marks) / marks.sum(axis=0)[..., np.newaxis]

    actual = averaged(tf.constant(values), windows)

    np.testing.assert_allclose(actual, expected, atol=1e-14)


@pytest.mark.parametrize(
    ("patch", "stride", "message"),
    [
        (9, 0, "patch must be at most 8, the input's side, not 9"),
        (2, 3, "stride must be at most 2, the patch's side, or positions are missed, not 3"),
        (0, 2, "stride must be at most 1"),
        ((2, 2, 2), 0, r"patch must be one number, or one for each axis of positions \(2\), not \(2, 2, 2\)"),
        (2, (1,), r"stride must be one number, or one for each axis of positions \(2\), not \(1,\)"),
    ],
)
def test_windows_that_miss_positions_or_the_input_are_refused(patch, stride, message):
    with pytest.raises(ParameterError, match=message):
        lay([8, 8], patch, stride)
