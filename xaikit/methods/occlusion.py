"""Occlusion: how far the score falls when a window of the input is hidden."""

from math import prod
from typing import Annotated, Any

from pydantic import Field

from ..core import Explanation, Model, Step, Tensor, forward, method, note, tf
from ..core.masking import masked_scores
from ..core.windows import Windows, averaged, covered, lay
from ..errors import ModelError, ParameterError

Side = Annotated[int, Field(ge=0)]


@method
def occlusion(
    model: Model,
    *,
    patch: Side | tuple[Side, ...] = 0,
    stride: Side | tuple[Side, ...] = 0,
    baseline: Annotated[float, Field(allow_inf_nan=False)] = 0.0,
) -> Step:
    """Hide one window of the input after the other, and give each position the mean drop of the windows over it.

    All windows are of one size: the last one along an axis ends at the border, wherever the stride would put it. So
    every position is covered, and a model that reads all positions alike has a map that is the same everywhere. Of
    several inputs one is hidden at a time. Inputs of whole numbers, such as tokens, are explained too.

    Maps: [B, *input positions, T], signed, in the units of the scores; on tables [B, F, T].
    Cost: one forward pass, and one per window; targets are free.
    Claims: linear, class-discriminative.

    Args:
        patch: Side of the window, or one for each axis of positions; 0 is an eighth of the input's, at least 1. On
            tables each feature is hidden by itself.
        stride: Step from window to window, at most its side, or one for each axis; 0 is half of the side, at least 1.
        baseline: What hidden values become, in the input's units.

    Raises:
        ParameterError: A window larger than the input, a stride above the window, or not one number for each axis; or
            a baseline that inputs of whole numbers cannot hold.
        ModelError: The input's size is not known.

    Source:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013. arXiv:1311.2901, section 4.2.
    """
    leaves = tf.nest.flatten(model.spec)
    if (patch or stride) and all(leaf.shape.rank == 2 for leaf in leaves):
        raise ParameterError("occlusion: patch and stride are for positions; a table's features are hidden one by one.")
    for leaf in leaves:
        _windows(leaf, patch, stride, unknown=2**30)  # what can be refused whatever the size is refused now
        _check(baseline, leaf.dtype)
    note("baseline", str(baseline))

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)  # [B, T]

        def explained(hidden: Tensor) -> Tensor:  # one of the inputs, [B, *positions, C]
            windows = _windows(hidden, patch, stride)
            fill = tf.cast(tf.constant(baseline, tf.float64), hidden.dtype)

            def occluded(i: Tensor) -> Tensor:
                here = covered(i, windows)
                masked = tf.where(here if hidden.shape.rank == 2 else here[..., tf.newaxis], fill, hidden)
                return tf.nest.map_structure(lambda leaf: masked if leaf is hidden else leaf, inputs)

            count = prod(len(along.starts) for along in windows)
            drops = scores[..., tf.newaxis] - masked_scores(model, inputs, targets, count, occluded)  # [B, T, windows]
            return averaged(drops, windows)

        return Explanation(scores, tf.nest.map_structure(explained, inputs))

    return step


def _check(baseline: float, dtype: Any) -> None:
    """Refuse a baseline that inputs of whole numbers cannot hold: it would be another one, silently."""
    if dtype.is_integer and not (float(baseline).is_integer() and dtype.min <= baseline <= dtype.max):
        raise ParameterError(f"occlusion: baseline must be whole, such as {dtype.name} holds, not {baseline}.")


def _windows(inputs: Any, patch: Any, stride: Any, unknown: int | None = None) -> list[Windows]:
    """Lay windows over the positions of one input; a table's are its features, with windows of one."""
    table = inputs.shape.rank == 2
    shape = inputs.shape[1:] if table else inputs.shape[1:-1]
    sides: list[Any] = [unknown if side is None else side for side in shape]
    if None in sides:
        raise ModelError("occlusion lays windows over inputs of a known size: trace its step with their whole shape.")
    try:
        return lay(sides, 1, 1) if table else lay(sides, patch, stride)
    except ParameterError as error:
        raise ParameterError(f"occlusion: {error}") from None
