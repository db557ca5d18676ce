"""An explanation as users get it: the pair of scores and maps, which also says where it comes from."""

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from .core import Explanation, Recipe
from .errors import XaikitWarning


class Explained(Explanation):
    """Scores and maps as NumPy arrays, with what was explained by what.

    It is the pair `scores, maps`, and in a notebook it shows itself.

    Attributes:
        scores: [N, T].
        maps: [N, ..., T], raw and signed.
        explainer: The explainer that made it, whose `repr` is its spelling.
        targets: [N, T], the class indices that were explained; None for a target function.
        notes: What was chosen: "scores" are "logits" or "outputs", "layer" is the layer that was read.
        inputs: The inputs where they are at hand as an array, to be shown; else None.
        details: Figures of each map, [N, T], by name, such as "completeness_gap"; empty unless they were asked for.
    """

    explainer: Any
    targets: Any
    notes: dict[str, str]
    inputs: Any
    details: dict[str, Any]

    def __new__(
        cls,
        scores: Any,
        maps: Any,
        *,
        explainer: Any,
        targets: Any,
        notes: dict[str, str],
        inputs: Any,
        details: dict[str, Any],
    ) -> Self:
        """Make the pair, and keep the rest beside it."""
        made = super().__new__(cls, scores, maps)
        made.explainer, made.targets, made.notes = explainer, targets, notes
        made.inputs, made.details = inputs, details
        return made

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter in full, defaults included, level by level."""
        return spelled_out(self.explainer)

    def __repr__(self) -> str:
        shapes = f"scores {self.scores.shape}"
        maps = f"maps {self.maps.shape}" if hasattr(self.maps, "shape") else "maps of each input"
        notes = "".join(f", {name} {text}" for name, text in self.notes.items())
        notes += "".join(f", {name} at most {abs(figures).max():.3g}" for name, figures in self.details.items())
        return f"Explained({self.explainer!r}: {shapes}, {maps}{notes})"

    def _repr_png_(self) -> bytes | None:
        """Show the first explanations, over their pictures where those are at hand."""
        from .showing import picture

        return picture(self)


def described(recipe: Any, scores: Any, maps: Any, targets: Any, parts: Sequence[Any], inputs: Any = None) -> Explained:
    """Make the result of some batches, with all their details, and warn of what was seen in them."""
    for text in dict.fromkeys(text for part in parts for text in part.warnings):
        warnings.warn(text, XaikitWarning, stacklevel=4)
    shown = inputs if isinstance(inputs, np.ndarray) else None
    details = {name: np.concatenate([part.details[name] for part in parts]) for name in parts[0].details}
    return Explained(
        scores, maps, explainer=recipe, targets=targets, notes=dict(parts[0].notes), inputs=shown, details=details
    )


def spelled_out(explainer: Any) -> dict[str, Any]:
    """Write an explainer with all its parameters: {"name", "parameters", "explainers"}, for a saved result."""
    if not isinstance(explainer, Recipe):
        return {"name": repr(explainer), "parameters": {}, "explainers": []}
    parameters = {
        name: value if isinstance(value, (bool, int, float, str, tuple, type(None))) else repr(value)
        for name, value in explainer.parameters.items()
    }
    return {
        "name": explainer.name,
        "parameters": parameters,
        "explainers": [spelled_out(operand) for operand in explainer.explainers],
    }
