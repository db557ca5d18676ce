"""The layers of a model by their paths, `backbone/conv5`, however deep they lie."""

from collections.abc import Iterator
from typing import Any


def layers_of(model: Any) -> Iterator[tuple[str, Any]]:
    """Give each layer inside of a model with its path, a layer before those that it holds.

    A layer that is held in several places comes once, under the first.
    """
    seen = {id(model)}
    ahead = [("", model)]
    while ahead:
        path, layer = ahead.pop()
        if path:
            yield path, layer
        inner = []
        # Keras has no public walk over the layers inside of custom layers.
        for child in layer._flatten_layers(include_self=False, recursive=False):
            if id(child) not in seen:
                seen.add(id(child))
                inner.append((f"{path}/{child.name}" if path else child.name, child))
        ahead += reversed(inner)


def own_weights(layer: Any) -> list[Any]:
    """List the variables of a layer that are none of the layers inside of it."""
    inner = {id(weight) for child in layer._flatten_layers(include_self=False) for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in inner]
