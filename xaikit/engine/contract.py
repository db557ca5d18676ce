"""What every result is held to: one row for each example, one column for each target, and finite maps."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core import Explainer, Tensor, keras
from ..core.makers import maker, whose
from ..errors import ModelError, PluginError


def check_form(explainer: Explainer, scores: Any, maps: Tensor, size: int, columns: int | None) -> None:
    """Hold a batch's result to its shape.

    Args:
        explainer: Whose result it is.
        scores: [B, T].
        maps: [B, ..., T], arrays.
        size: The number of examples, B.
        columns: The number of targets, T, or None where a function of the outputs decides.

    Raises:
        PluginError: There are more or fewer rows or columns.
    """
    columns = scores.shape[-1] if columns is None else columns
    for subject, array in [("scores", scores), *(("maps", leaf) for leaf in keras.tree.flatten(maps))]:
        if (len(array), array.shape[-1]) != (size, columns):
            raise PluginError(
                f"{_named(explainer)} gave {subject} of the shape {array.shape} for {size} examples and {columns} "
                "targets: a step must return scores [B, T] and maps [B, ..., T]."
            )


def check_finite(explainer: Explainer, scores: Any, maps: Tensor, first: int) -> None:
    """Refuse maps with NaN or infinity in them.

    Raises:
        PluginError: The scores are finite, and a plugin had a hand in the maps.
        ModelError: Else it is the model that overflows, as far as one can see.
    """
    for leaf in keras.tree.flatten(maps):
        if not np.isfinite(leaf).all():
            bad = np.flatnonzero(~np.isfinite(leaf).reshape(len(leaf), -1).all(axis=1))[0]
            if list(_plugins(explainer)) and np.isfinite(scores[bad]).all():
                raise PluginError(
                    f"The map of example {first + bad} is not finite, and its score is: look at {_named(explainer)}."
                )
            raise ModelError(
                f"The map of example {first + bad} is not finite: look at the model's weights and the range of its "
                "inputs for values that overflow."
            )


def _named(explainer: Explainer) -> str:
    """Write an expression, with the plugins that had a hand in it."""
    return " ".join([repr(explainer), *(f"({whose(each).rstrip(',')})" for each in _plugins(explainer))])


def _plugins(explainer: Any) -> Iterator[Any]:
    """Go through the parts of an expression that plugins brought."""
    if maker(explainer):
        yield explainer
    for operand in getattr(explainer, "explainers", ()):
        yield from _plugins(operand)
