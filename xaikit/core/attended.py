"""Relevance at the product of an attention: half goes to the values, half through the softmax, and nothing is lost.

By AttnLRP's rule a softmax hands on its slopes times its logits. It is no line through 0, so that this does not add up
to what came in; what is left over goes to the values, in proportion to the sizes of what they contribute.
"""

from collections.abc import Mapping
from typing import Any

from .explanation import Tensor
from .lazy import tf
from .parts import Part
from .replays import again, back_through, widened


def softmax_of(part: Part) -> tuple[int, Any] | None:
    """Give which source of a product is the weights of an attention, 0 or 1, and the softmax that made them."""
    for i, source in enumerate(part.sources):
        op = source.op
        while op.type in ("Identity", "Cast"):
            op = op.inputs[0].op
        if op.type == "Softmax" and part.op.type != "Mul":
            return i, op
    return None


def attended(part: Part, which: int, softmax: Any, slopes: Mapping[int, Tensor]) -> list[Tensor]:
    """Give c of the weights and of the values, in the order of the sources, from c of their product."""
    halves = [slope / 2 for slope in back_through(part.op, part.places, slopes)]
    weights, values = widened(part.sources[which]), widened(part.sources[1 - which])
    total = tf.reduce_sum(weights * halves[which], axis=-1, keepdims=True)
    handed = widened(softmax.inputs[0]) * weights * (halves[which] - total)
    kept = total - tf.reduce_sum(handed, axis=-1, keepdims=True)  # of each row of the weights
    halves[1 - which] += _more(part, which, weights, values, kept, tf.abs(slopes[0]))
    return halves


def _more(part: Part, which: int, weights: Tensor, values: Tensor, kept: Tensor, sizes: Tensor) -> Tensor:
    """Hand what each row kept to the values, in proportion to the sizes of weight, value and c: give c."""
    op, here, there = part.op, part.places[which], part.places[1 - which]

    def sent(to: int, changes: Mapping[int, Tensor], slope: Tensor) -> Tensor:
        return tf.gradients(again(op, changes)[0], changes[to], grad_ys=slope)[0]

    lengths = sent(here, {here: tf.identity(weights), there: tf.abs(values)}, sizes)
    whole = tf.reduce_sum(weights * lengths, axis=-1, keepdims=True)
    share = tf.math.divide_no_nan(kept, whole) * tf.ones_like(weights) / tf.cast(tf.shape(weights)[-1], weights.dtype)
    rows = again(op, {here: share, there: tf.ones_like(values)})[0]  # a row's share, at all that the row made
    return tf.sign(values) * sent(there, {here: weights, there: tf.identity(values)}, sizes * rows)
