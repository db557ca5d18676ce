"""An explanation as users get it: the pair of scores and maps, which also says where it comes from."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .core import Explanation, Recipe, Show
from .core.layouts import Layout
from .errors import XaikitWarning

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .images.saving import Target


class Explained(Explanation):
    """Scores and maps as NumPy arrays, with what was explained by what.

    It is the pair `scores, maps`, and in a notebook it shows itself: see `plot`.

    Attributes:
        scores: [N, T].
        maps: [N, ..., T], raw and signed.
        explainer: The explainer that made it, whose `repr` is its spelling.
        targets: [N, T], the class indices that were explained; None for a target function.
        notes: What was chosen: "scores" are "logits" or "outputs", "layer" is the layer that was read.
        inputs: The inputs where they are at hand as an array, to be shown; else None.
        details: Figures of each map, [N, T], by name, such as "completeness_gap"; empty unless they were asked for.
        layout: How inputs and maps are to be read, or None where there is no one map for each example and target.
    """

    explainer: Any
    targets: Any
    notes: dict[str, str]
    inputs: Any
    details: dict[str, Any]
    layout: Layout | None

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
        layout: Layout | None = None,
    ) -> Self:
        """Make the pair, and keep the rest beside it."""
        made = super().__new__(cls, scores, maps)
        made.explainer, made.targets, made.notes = explainer, targets, notes
        made.inputs, made.details, made.layout = inputs, details, layout
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

    def plot(
        self,
        *,
        target: int = 0,
        most: int = 8,
        show: Show = "auto",
        labels: Sequence[str] = (),
        names: Sequence[str] = (),
        words: Sequence[str] | Sequence[Sequence[str]] | None = None,
        inputs: Any = None,
        to: "Target | None" = None,
    ) -> "Figure":
        """Draw the first explanations, as it is right for their kind of data, with the targets' names and scores.

        Pictures and volumes, slice by slice, have the heat laid over them; series are lines coloured by it, one strip
        for each channel; tables are bars, the largest first, with the features' values; tokens are words on a coloured
        background. Tables and tokens show the raw values, signed, unless `show` says otherwise.

        Args:
            target: Which of the explained targets, 0 for the first.
            most: How many examples at most.
            show: As of `heatmap`: "auto", "for", "size" or "signed". Series keep their channels apart.
            labels: The classes' names, for the titles.
            names: The names of a table's features or of a series' channels.
            words: Of tokens: the words of each example, or the vocabulary, whose i-th word is that of token i.
            inputs: What was explained, where it is not at hand: see the attribute.
            to: Write it there too: a path that ends in .png, .pdf or .svg, or a binary buffer, which gets png.

        Returns:
            A figure, which a notebook shows by itself; nothing stays open.

        Raises:
            UsageError: The inputs are not at hand, or they are several.
            InputError: They are of no kind that can be drawn, such as pictures of two channels.
            ParameterError: A value is out of range, or numbers of things disagree.
            OutputError: The file cannot be written.
        """
        from .showing import plot

        return plot(
            self, target=target, most=most, show=show, labels=labels, names=names, words=words, inputs=inputs, to=to
        )

    def _repr_png_(self) -> bytes | None:
        """Show the first explanations, where their inputs are at hand and can be drawn."""
        from .showing import picture

        return picture(self)

    def _repr_html_(self) -> str | None:
        """Show the first explanations of tokens as words, which a notebook can wrap, copy and search."""
        from .showing import markup

        return markup(self)


def described(recipe: Any, scores: Any, maps: Any, targets: Any, parts: Sequence[Any], inputs: Any = None) -> Explained:
    """Make the result of some batches, with all their details, and warn of what was seen in them."""
    for text in dict.fromkeys(text for part in parts for text in part.warnings):
        warnings.warn(text, XaikitWarning, stacklevel=4)
    shown = np.asarray(inputs) if hasattr(inputs, "__array__") else None
    details = {name: np.concatenate([part.details[name] for part in parts]) for name in parts[0].details}
    return Explained(
        scores,
        maps,
        explainer=recipe,
        targets=targets,
        notes=dict(parts[0].notes),
        inputs=shown,
        details=details,
        layout=parts[0].layout,
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
