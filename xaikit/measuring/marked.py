"""What a map finds, beside the mask of what it should find."""

from typing import Any, NamedTuple

from ..core import Model, Tensor, dims, tf
from ..core.view import shape_text
from ..errors import InputError, ModelError
from .case import Case
from .ranking import relevance
from .ratio import NAN


class Marked(NamedTuple):
    """The positions of an input in one row.

    Attributes:
        relevance: [B, n].
        inside: Whether the mask holds a position, [B, n].
    """

    relevance: Tensor
    inside: Tensor


def one_input(model: Model, **_: Any) -> None:
    """Refuse a model with several inputs: a mask lies on one.

    Raises:
        ModelError: It has several.
    """
    if tf.nest.is_nested(model.spec):
        raise ModelError(f"A mask lies on one input, and {model.name} has several: measure with another metric.")


def marked(case: Case) -> Marked:
    """Lay map and mask beside each other.

    Raises:
        InputError: The masks do not have the positions of the inputs.
    """
    inside = mask_of(case)
    rows, *positions = dims(inside)
    count: Any = 1
    for side in positions:
        count = count * side
    return Marked(relevance(case.maps, case.inputs), tf.reshape(inside, [rows, count]))


def mask_of(case: Case) -> Tensor:
    """Give the masks, [B, *positions].

    Raises:
        InputError: They do not have the positions of the inputs.
    """
    rank = case.inputs.shape.rank
    wanted = case.inputs.shape if rank == 2 else case.inputs.shape[:-1]
    if case.masks is None or not case.masks.shape.is_compatible_with(wanted):
        given = "none" if case.masks is None else shape_text(case.masks.shape)
        raise InputError(f"Masks must have the positions of the inputs, {shape_text(wanted)}, not {given}.")
    return case.masks


def unless_empty(values: Tensor, inside: Tensor) -> Tensor:
    """Give the values, [B], of those whose mask, [B, n], holds anything; NaN for the others."""
    return tf.where(tf.reduce_any(inside, axis=1), values, NAN)
