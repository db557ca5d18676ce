"""Every transformer takes every explainer, and some compositions are known to be the explainer itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import Explainer, Explanation, Model, Recipe, Step, Tensor, tf
from ..core.steps import bound
from ..errors import ModelError, UnfitInput
from ..registry import find, registry
from .law import FLOAT32, Skipped, count, equal, explained, on_device, view_of

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


def around(transformer: Recipe[Any], explainer: Explainer) -> Recipe[Any]:
    """Put a transformer around an explainer, or around several of it."""
    return transformer(*(explainer,) * (transformer.declaration.operands or 2))


def composes(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that every transformer of the catalogue works around the explainer, where it takes such a model at all."""
    made = [_cheaply(transformer, explainer, model, inputs) for transformer in _transformers()]
    for text, maps in side_by_side({repr(each): each for each in made if each}, model, inputs).items():
        for leaf in tf.nest.flatten(maps):
            assert leaf.shape[0] == count(inputs), f"{text} gives maps of the shape {leaf.shape}"
            assert np.isfinite(leaf).all(), f"{text} gives maps that are not finite"


def smoothing_without_noise_changes_nothing(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that `smooth(e, noise=0)` is e."""
    maps = _identities(explainer, model, inputs)
    return equal(maps["smooth"], maps["e"], "maps of smooth(e, noise=0)", FLOAT32)


def parts_make_the_whole(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that `positive(e) + negative(e)` is e."""
    maps = _identities(explainer, model, inputs)
    together = tf.nest.map_structure(np.add, maps["positive"], maps["negative"])
    return equal(together, maps["e"], "maps of positive(e) + negative(e)")


def mirrors(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that the views of a mirrored input make the mirrored map: `tta(e, scales=())`."""
    maps = _identities(explainer, model, inputs)
    if "tta" not in maps:
        raise Skipped("tta makes no mirrored views of such inputs")
    mirrored = _identities(explainer, model, np.flip(inputs, axis=-2).copy())["tta"]
    width = np.ndim(inputs) - 2
    return equal(mirrored, np.flip(maps["tta"], axis=width), "maps of mirrored inputs under tta", on_device(FLOAT32))


def _identities(explainer: Explainer, model: Any, inputs: Any) -> Any:
    """Give the maps of an explainer, and of compositions of which it is made up, in one trace for all the laws.

    Targets are given: the best class of a mirrored input may be another.
    """
    made = {"e": explainer, "smooth": find("smooth")(explainer, noise=0, repetitions=2)}
    made |= {name: find(name)(explainer) for name in ("positive", "negative")}
    if _mirrored(model, inputs):
        made["tta"] = find("tta")(explainer, scales=())
    return explained(SideBySide(tuple(made.items())), model, inputs, 0).maps


def _mirrored(model: Any, inputs: Any) -> bool:
    """Whether inputs have a width that tta mirrors."""
    try:
        _required(find("tta")(find("gradients"), scales=()), view_of(model, inputs))
    except ModelError:
        return False
    return np.ndim(inputs) > 3


def _transformers() -> list[Recipe[Any]]:
    found = [entry.value for entry in registry().catalogue.values() if entry.kind == "transformer"]
    return [explainer for explainer in found if isinstance(explainer, Recipe)]


def _cheaply(transformer: Recipe[Any], explainer: Explainer, model: Any, inputs: Any) -> Explainer | None:
    """Put a transformer around an explainer, with cheap parameters; None where it does not take the model."""
    known = transformer.declaration.parameters
    made = around(transformer, explainer)(**{name: value for name, value in _CHEAP.items() if name in known})
    try:
        _required(made, view_of(model, inputs))
    except UnfitInput:
        return made(scales=()) if "scales" in known else None
    except ModelError:
        return None
    return made


def _required(recipe: Recipe[Any], view: Model) -> None:
    if recipe.declaration.requires is not None:
        recipe.declaration.requires(view, **recipe.parameters)
