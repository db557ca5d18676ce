"""Ways from a baseline to an input, one example after the other, in plain NumPy."""

import numpy as np


def blurred(values, sigma):
    """Blur [B, *positions, C] with plain loops; at a border the weights that are left add up to 1."""
    if sigma == 0:
        return values
    for axis in range(1, values.ndim - 1):
        moved = np.moveaxis(values, axis, 0)
        side = len(moved)
        result = np.zeros_like(moved)
        for i in range(side):
            weights = np.array([np.exp(-((i - j) ** 2) / (2 * sigma**2)) for j in range(side)])
            result[i] = sum(weight * moved[j] for j, weight in enumerate(weights)) / weights.sum()
        values = np.moveaxis(result, 0, axis)
    return values


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
            sizes = np.where(there, np.inf, np.abs(slopes[-1]))
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


def along(points, slopes):
    """The integral of the slopes from point to point, each step with the mean of its two ends."""
    return (np.diff(points, axis=0) * (slopes[1:] + slopes[:-1]) / 2).sum(axis=0)
