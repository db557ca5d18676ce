"""Subsets rebuilt from the draws that metrics make, taken away one example and one subset at a time in plain NumPy."""

import numpy as np

from xaikit.core.draws import bits, normal, uniform
from xaikit.core.tracing import at_level

LEVEL = 10_000  # at which metrics draw


def drawn_subsets(count, sizes, seed=0):
    """What is drawn for subsets of `count` units: lists of the units in each."""
    with at_level(LEVEL):
        words = [bits([count], (seed, i)).numpy() for i in range(len(sizes))]
    return [np.flatnonzero(np.argsort(one, kind="stable") < size) for one, size in zip(words, sizes, strict=True)]


def drawn_normals(count, shape, seed=0, number=0):
    """What is drawn for the perturbations 0 to `count` - 1 of one input."""
    with at_level(LEVEL):
        return [normal(shape, (seed, i, number), "float64").numpy() for i in range(count)]


def drawn_uniforms(count, shape, seed=0, number=0):
    """What is drawn from [0, 1) for the copies 0 to `count` - 1 of one input."""
    with at_level(LEVEL):
        return [uniform(shape, (seed, i, number), "float64").numpy() for i in range(count)]


def sums_and_drops(score, example, relevance, units, subsets, fill):
    """Add up the relevance of each subset of one example, and say how far the score drops without it.

    Args:
        score: From one example to a number.
        example: [*positions, C], or [F] for a table.
        relevance: [*positions].
        units: The number of the unit of each position, [*positions].
        subsets: Lists of units.
        fill: Like the example.
    """
    sums, drops = [], []
    for subset in subsets:
        changed, total = example.copy(), 0.0
        for place in np.ndindex(*relevance.shape):
            if units[place] in subset:
                changed[place] = fill[place]
                total += relevance[place]
        sums.append(total)
        drops.append(score(example) - score(changed))
    return np.array(sums), np.array(drops)
