"""What is removed from inputs, and imputed in them, in slow NumPy: one example and one position at a time."""

import itertools

import numpy as np


def order_of(relevance):
    """The positions of one example, most relevant first, as indices of its positions; no two are alike."""
    assert len(np.unique(relevance)) == relevance.size, "the oracle knows no order of equals"
    places = sorted(np.ndindex(*relevance.shape), key=lambda place: relevance[place], reverse=True)
    return [tuple(place) for place in places]


def curve(score, example, relevance, counts, fill):
    """The scores of one example with the first `counts` positions of the order replaced, [P].

    Args:
        score: From inputs [1, ...] to a number.
        example: [*positions, C] or [F].
        relevance: [*positions] or [F].
        counts: How many positions.
        fill: Like the example.
    """
    order, scores = order_of(relevance), []
    for count in counts:
        changed = example.copy()
        for place in order[:count]:
            changed[place] = fill[place]
        scores.append(score(changed[np.newaxis]))
    return np.array(scores)


def trapezoids(at, values):
    """The area under a curve, divided by its width."""
    pieces = [(b - a) * (low + high) / 2 for a, b, low, high in zip(at, at[1:], values, values[1:], strict=False)]
    return sum(pieces) / (at[-1] - at[0])


def neighbours(place, sides):
    """The neighbours of a position that there are, with weights that add up to 1."""
    axes, found = len(sides), {}
    for step in itertools.product((-1, 0, 1), repeat=axes):
        there = tuple(a + b for a, b in zip(place, step, strict=True))
        if any(step) and all(0 <= a < side for a, side in zip(there, sides, strict=True)):
            found[there] = 2.0 ** -sum(map(abs, step))  # direct neighbours weigh twice what diagonal ones do
    total = sum(found.values())
    return {there: weight / total for there, weight in found.items()}


def imputed(example, removed):
    """Solve the equations of the removed positions of one example, [*positions, C], by a dense matrix."""
    places = {place: row for row, place in enumerate(zip(*np.nonzero(removed), strict=True))}
    matrix, right = np.eye(len(places)), np.zeros((len(places), example.shape[-1]))
    for place, row in places.items():
        for there, weight in neighbours(place, removed.shape).items():
            if removed[there]:
                matrix[row, places[there]] -= weight
            else:
                right[row] += weight * example[there]
    solved = example.astype(float)
    for place, values in zip(places, np.linalg.solve(matrix, right), strict=True):
        solved[place] = values
    return solved
