"""Values brought from one grid of positions to another, in plain loops."""

import itertools

import numpy as np


def resized(values, size):
    """Bring [*positions] to `size` positions, linearly between the centres of the cells, the border repeated."""
    for axis, new in enumerate(size):
        values = _along(values, axis, new)
    return values


def _along(values, axis, new):
    old = values.shape[axis]
    moved = np.moveaxis(values, axis, 0)
    result = np.zeros((new, *moved.shape[1:]))
    for i in range(new):
        place = (i + 0.5) * old / new - 0.5
        low = int(np.floor(place))
        share = place - low
        first, second = (min(max(index, 0), old - 1) for index in (low, low + 1))
        result[i] = (1 - share) * moved[first] + share * moved[second]
    return np.moveaxis(result, 0, axis)


def each(values, size):
    """Resize [B, *positions, N] example by example and channel by channel."""
    result = np.zeros((len(values), *size, values.shape[-1]))
    for i, k in itertools.product(range(len(values)), range(values.shape[-1])):
        result[i, ..., k] = resized(values[i, ..., k], size)
    return result
