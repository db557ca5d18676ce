"""What a transformer keeps by itself, whatever stands inside of it."""

from typing import Any

import numpy as np

from ..core import Recipe, tf
from ..registry import find
from .composition import around
from .contract import spells_itself
from .law import Broken, Law, count, explained
from .refusals import refused

OPERANDS = ("gradients", "gradcam", "rise(samples=8)")  # an attribution, a location map, and one that draws


def takes_its_operands(transformer: Recipe[Any], model: Any, inputs: Any) -> None:
    """Check that it is refused without explainers, and with too many, and with what is none."""
    gradients, wanted = find("gradients"), transformer.declaration.operands
    refused(lambda: transformer.bind(model), "bind without an explainer")
    refused(lambda: transformer(0.5), f"{transformer.name}(0.5)")
    if wanted is not None:
        refused(lambda: transformer(*[gradients] * (wanted + 1)), f"{wanted + 1} explainers")


def keeps_the_structure(transformer: Recipe[Any], model: Any, inputs: Any) -> None:
    """Check that its maps have their explainer's structure, rows and targets."""
    for text in ("gradients", "gradcam"):
        made = around(transformer, find(text))
        targets = np.zeros([count(inputs), 2], int)
        inside = explained(find(text), model, inputs, targets).maps
        maps = explained(made, model, inputs, targets).maps
        try:
            tf.nest.assert_same_structure(inside, maps)
        except (ValueError, TypeError) as error:
            raise Broken(f"maps of {made!r} have another structure than those of {text}") from error
        for one, other in zip(tf.nest.flatten(maps), tf.nest.flatten(inside), strict=True):
            ends, wanted = (one.shape[0], one.shape[-1]), (other.shape[0], other.shape[-1])
            if ends != wanted:
                raise Broken(f"maps of {made!r} are {one.shape}: not {wanted[0]} rows that end in {wanted[1]} targets")


def composes_with_itself(transformer: Recipe[Any], model: Any, inputs: Any) -> None:
    """Check that it takes what it makes itself."""
    twice = around(transformer, around(transformer, find("gradients")))
    for leaf in tf.nest.flatten(explained(twice, model, inputs).maps):
        if leaf.shape[0] != count(inputs) or not np.isfinite(leaf).all():
            raise Broken(f"{twice!r} gives maps {leaf.shape} that are not well-formed")


TRANSFORMER_LAWS: tuple[Law, ...] = (
    Law("name", "Its bare name reads back.", spells_itself),
    Law("operands", "It refuses too few explainers, too many, and what is none.", takes_its_operands),
    Law("structure", "Its maps have its explainer's structure, rows and targets.", keeps_the_structure),
    Law("itself", "It composes with itself.", composes_with_itself),
)
