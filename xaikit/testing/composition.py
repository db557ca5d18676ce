"""Every transformer takes every explainer, and some compositions are known to be the explainer itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import Explainer, Explanation, Model, Recipe, Step, Tensor, as_view, tf
from ..core.steps import bound
from ..errors import ModelError, UnfitInput
from ..registry import find, registry
from .law import FLOAT32, count, equal, explained

_CHEAP = {"repetitions": 2, "scales": (0.5,)}


@dataclass(frozen=True)
class SideBySide:
    """Several explainers in one trace, which share their forward passes: a dict of maps by name."""

    explainers: tuple[tuple[str, Explainer], ...]

    def bind(self, model: Model, /) -> Step:
        """Bind them all."""
        steps = {name: bound(explainer, model) for name, explainer in self.explainers}

        def step(inputs: Tensor, targets: Tensor, /) -> Explanation:
            results = {name: each(inputs, targets) for name, each in steps.items()}
            scores = next(iter(results.values())).scores
            return Explanation(scores, {name: result.maps for name, result in results.items()})

        return step


def side_by_side(explainers: Mapping[str, Explainer], model: Any, inputs: Any) -> Any:
    """Give the maps of several explainers, by name."""
    return explained(SideBySide(tuple(explainers.items())), model, inputs).maps


def composes(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that every transformer of the catalogue works around the explainer, where it takes such a model at all."""
    around = {
        repr(each): each
        for each in (_around(transformer, explainer, model) for transformer in _transformers())
        if each is not None
    }
    for text, maps in side_by_side(around, model, inputs).items():
        for leaf in tf.nest.flatten(maps):
            assert leaf.shape[0] == count(inputs), f"{text} gives maps of the shape {leaf.shape}"
            assert np.isfinite(leaf).all(), f"{text} gives maps that are not finite"


def smoothing_without_noise_changes_nothing(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that `smooth(e, noise=0)` is e."""
    maps = _identities(explainer, model, inputs)
    equal(maps["smooth"], maps["e"], "maps of smooth(e, noise=0)", FLOAT32)


def parts_make_the_whole(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that `positive(e) + negative(e)` is e."""
    maps = _identities(explainer, model, inputs)
    together = tf.nest.map_structure(np.add, maps["positive"], maps["negative"])
    equal(together, maps["e"], "maps of positive(e) + negative(e)")


def _identities(explainer: Explainer, model: Any, inputs: Any) -> Any:
    """Give the maps of an explainer, and of compositions of which it is made up, in one trace for all the laws."""
    smoothed = find("smooth")(explainer, noise=0, repetitions=2)
    parts = {name: find(name)(explainer) for name in ("positive", "negative")}
    return side_by_side({"e": explainer, "smooth": smoothed, **parts}, model, inputs)


def _transformers() -> list[Recipe[Any]]:
    found = [entry.value for entry in registry().catalogue.values() if entry.kind == "transformer"]
    return [explainer for explainer in found if isinstance(explainer, Recipe)]


def _around(transformer: Recipe[Any], explainer: Explainer, model: Any) -> Explainer | None:
    """Put a transformer around an explainer, with cheap parameters; None where it does not take the model."""
    known = transformer.declaration.parameters
    operands = (explainer,) * (transformer.declaration.operands or 2)
    made = transformer(*operands, **{name: value for name, value in _CHEAP.items() if name in known})
    try:
        _required(made, model)
    except UnfitInput:
        return made(scales=()) if "scales" in known else None
    except ModelError:
        return None
    return made


def _required(recipe: Recipe[Any], model: Any) -> None:
    if recipe.declaration.requires is not None:
        recipe.declaration.requires(as_view(model), **recipe.parameters)
