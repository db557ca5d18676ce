"""A map depends on its own example alone, and on no chance."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Explainer, tf
from ..engine.compiled import forget
from .law import ROWS, count, equal, explained, on_device, rows


def independent_of_batches(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that no batch size, and no short last batch, changes a map."""
    expected = explained(explainer, model, inputs, batch_size=count(inputs))
    figures = []
    for size in sorted({1, 2, 3, 4 * count(inputs)}):
        actual = explained(explainer, model, inputs, batch_size=size)
        figures.append(equal(actual.maps, expected.maps, f"maps by batches of {size}", on_device(ROWS)))
        figures.append(equal(actual.scores, expected.scores, f"scores by batches of {size}", on_device(ROWS)))
    return max(figures)


def independent_of_neighbours(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that an example alone has the map that it has among others."""
    together = explained(explainer, model, inputs).maps
    figures = []
    for i in range(count(inputs)):
        alone = explained(explainer, model, rows(inputs, slice(i, i + 1))).maps
        expected = rows(together, slice(i, i + 1))
        figures.append(equal(alone, expected, f"the map of example {i} alone", on_device(ROWS)))
    return max(figures)


def independent_of_order(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that examples in another order have the same maps in that order."""
    order = np.random.default_rng(2).permutation(count(inputs))
    expected = rows(explained(explainer, model, inputs).maps, order)
    actual = explained(explainer, model, rows(inputs, order)).maps
    return equal(actual, expected, f"maps in the order {order.tolist()}", on_device(0.0))


def repeatable(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that a second run gives the same maps."""
    first, second = (explained(explainer, model, inputs) for _ in range(2))
    scores = equal(second.scores, first.scores, "scores of a second run")
    return max(scores, equal(second.maps, first.maps, "maps of a second run"))


def independent_of_seeds(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that maps are the same when they are traced anew, under another seed of NumPy and TensorFlow.

    It seeds TensorFlow's generator; NumPy's is put back.
    """
    first, second = reseeded(model, lambda: explained(explainer, model, inputs).maps)
    return equal(second, first, "maps under another global seed", on_device(0.0))


def reseeded(model: Any, run: Callable[[], Any]) -> tuple[Any, Any]:
    """Run twice, traced anew, under two seeds of NumPy and TensorFlow. NumPy's generator is put back."""
    state = np.random.get_state()
    found = []
    try:
        for seed in (1, 2):
            forget(model)
            np.random.seed(seed)
            tf.random.set_seed(seed)
            found.append(run())
    finally:
        np.random.set_state(state)
    return found[0], found[1]
