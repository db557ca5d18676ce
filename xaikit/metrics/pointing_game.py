"""The pointing game."""

from typing import Annotated

from pydantic import Field

from ..core import Model, Tensor, tf
from ..core.lazy import np
from ..errors import ModelError
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.marked import marked, mask_of, one_input, unless_empty
from ..measuring.ratio import ratio

Tolerance = Annotated[int, Field(ge=0)]


def _check(model: Model, *, tolerance: int) -> None:
    one_input(model)
    if tolerance and model.spec.shape.rank == 2 and model.spec.dtype.is_floating:
        raise ModelError("pointing_game: a table has no positions, and no distance between them: leave tolerance at 0.")


@metric(better="higher", masks=True, requires=_check)
def pointing_game(model: Model, *, tolerance: Tolerance = 0) -> Measure:
    """Say whether the most relevant position lies in the mask, or near it: 1 is a hit, 0 a miss.

    Where several positions are the most relevant ones, it is the share of them that hit. The mean over examples is the
    accuracy that is reported. The relevance of a position is the sum over its channels; a location map is resized to
    the input's positions first. NaN where the mask is empty.

    Cost: none.

    Args:
        tolerance: How far from the mask a hit may be, in positions, as the crow flies; the paper takes 15 pixels.

    Raises:
        ModelError: The model has several inputs, or a tolerance is asked for on a table.
        InputError: The masks do not have the positions of the inputs.

    Source:
        Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016. arXiv:1608.00507: the pointing game.
    """

    def measure(case: Case) -> Measurement:
        values, inside = marked(case)
        most = tf.equal(values, tf.reduce_max(values, axis=1, keepdims=True))
        near = tf.reshape(_widened(mask_of(case), tolerance), tf.shape(inside)) if tolerance else inside
        hits, peaks = (tf.reduce_sum(tf.cast(chosen, tf.float64), axis=1) for chosen in (most & near, most))
        return Measurement(unless_empty(ratio(hits, peaks), inside))

    return measure


def _widened(masks: Tensor, tolerance: int) -> Tensor:
    """Take positions within a distance of [B, *positions] in: by counting those in a ball around each."""
    rank = masks.shape.rank - 1
    away = np.arange(-tolerance, tolerance + 1)
    ball = sum(axis**2 for axis in np.meshgrid(*[away] * rank, indexing="ij")) <= tolerance**2
    kernel = tf.constant(ball[..., np.newaxis, np.newaxis], tf.float32)
    counts = tf.nn.convolution(tf.cast(masks, tf.float32)[..., tf.newaxis], kernel, padding="SAME")
    return counts[..., 0] > 0.5
