"""A map depends on its own example alone, and on no chance."""

from typing import Any

import numpy as np

from ..core import Explainer
from .law import ROWS, count, equal, explained, on_device, rows


def independent_of_batches(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that no batch size, and no short last batch, changes a map."""
    expected = explained(explainer, model, inputs, batch_size=count(inputs))
    for size in sorted({1, 2, 3, 4 * count(inputs)}):
        actual = explained(explainer, model, inputs, batch_size=size)
        equal(actual.maps, expected.maps, f"maps by batches of {size}", on_device(ROWS))
        equal(actual.scores, expected.scores, f"scores by batches of {size}", on_device(ROWS))


def independent_of_neighbours(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that an example alone has the map that it has among others."""
    together = explained(explainer, model, inputs).maps
    for i in range(count(inputs)):
        alone = explained(explainer, model, rows(inputs, slice(i, i + 1))).maps
        equal(alone, rows(together, slice(i, i + 1)), f"the map of example {i} alone", on_device(ROWS))


def independent_of_order(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that examples in another order have the same maps in that order."""
    order = np.random.default_rng(2).permutation(count(inputs))
    expected = rows(explained(explainer, model, inputs).maps, order)
    actual = explained(explainer, model, rows(inputs, order)).maps
    equal(actual, expected, f"maps in the order {order.tolist()}", on_device(0.0))


def repeatable(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that a second run gives the same maps."""
    first, second = (explained(explainer, model, inputs) for _ in range(2))
    equal(second.maps, first.maps, "maps of a second run")
    equal(second.scores, first.scores, "scores of a second run")
