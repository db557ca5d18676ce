"""Ways from a baseline to an input, one example after the other, in plain NumPy."""

from itertools import pairwise

import numpy as np


def blurred(values, sigma):
    """Blur [B, *positions, C] with plain loops, by one sigma or one for each axis of positions.

    At a border the weights that are left add up to 1.
    """
    for axis, width in enumerate(np.broadcast_to(sigma, values.ndim - 2), start=1):
        if width > 0:
            values = np.apply_along_axis(_line_blurred, axis, values, width)
    return values


def _line_blurred(line, sigma):
    result = np.zeros_like(line)
    for i in range(len(line)):
        weights = np.array([np.exp(-((i - j) ** 2) / (2 * sigma**2)) for j in range(len(line))])
        result[i] = (weights * line).sum() / weights.sum()
    return result


def guided(slopes_at, start, end, steps, fraction, max_distance):
    """The points of Guided IG's way for one example, as the paper's algorithm walks it, and the slopes at each.

    Args:
        slopes_at: From a point to the slopes there.
        start: The baseline.
        end: The input, of the same shape.
        steps: How often the slopes are looked at.
        fraction: Of the values, that move at a time.
        max_distance: From the straight way, as a share of it.
    """
    total = np.abs(end - start).sum()
    point = start.copy()
    points, slopes = [point.copy()], [slopes_at(point)]
    for step in range(1, steps + 1):
        alpha = step / steps
        least = start + max(alpha - max_distance, 0) * (end - start)
        most = start + min(alpha + max_distance, 1) * (end - start)
        target = total * (1 - alpha)
        behind = np.abs(end - point) > np.abs(end - least)
        point = np.where(behind, least, point)
        there = np.isclose(point, most, rtol=0, atol=1e-12)  # and where there is no way at all
        while True:
            gap = np.abs(end - point).sum() - target
            if gap < 1e-12 * total or there.all():
                break
            sizes = np.abs(slopes[-1])
            sizes = np.where(there, np.inf, np.round(sizes / sizes.max() * 2**14))  # the last bits decide nothing
            chosen = (sizes <= np.quantile(sizes, fraction, method="lower")) & ~there
            gamma = gap / np.abs(most - point)[chosen].sum()
            if gamma < 1:
                point = np.where(chosen, point + gamma * (most - point), point)
                break
            point = np.where(chosen, most, point)
            there |= chosen
        points.append(point.copy())
        slopes.append(slopes_at(point))
    return np.array(points), np.array(slopes)


def along_chords(points, slopes_at):
    """The integral of the slopes from point to point, each step with those in its middle."""
    return sum(slopes_at((start + end) / 2) * (end - start) for start, end in pairwise(points))


def along(points, slopes):
    """The integral of the slopes from point to point, each step with the mean of its two ends."""
    return (np.diff(points, axis=0) * (slopes[1:] + slopes[:-1]) / 2).sum(axis=0)
