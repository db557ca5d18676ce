"""Scores of masked copies of the inputs, within the row budget.

That is what perturbation methods are made of. As in `copies`, a batch with room left takes several copies of its
examples at a time, a full one takes them in turn. Here one score per copy is kept, and nothing is averaged: a method
weighs them as its paper says.
"""

from collections.abc import Callable

from .copies import Number, columns_of, dims, helpings, joined, parted, room_for, signature
from .explanation import Tensor
from .lazy import tf
from .tracing import current
from .view import Model, forward


def masked_scores(
    model: Model,
    inputs: Tensor,
    targets: Tensor,
    count: int,
    copy: Callable[[Number], Tensor],
    *,
    like: Tensor | None = None,
) -> Tensor:
    """Give the scores of `copy(0)` to `copy(count - 1)`, [B, T, count], each in its own place whatever the budget.

    Cost: `count` forward passes, as many at a time as the budget has room for.

    Args:
        model: The view that `bind` received.
        inputs: [B, ...], of which the copies are made.
        targets: [B, T], the same for every copy.
        count: How many copies, at least 1.
        copy: From the number of a copy to inputs like `inputs`, each example masked by itself.
        like: The scores of the inputs, [B, T], where the caller has them: for their type and number.
    """
    clean = forward(model, inputs, targets) if like is None else like

    def at_once(start: Number, size: Number) -> Tensor:
        return scores_at_once(model, inputs, targets, copy, start, size)

    return scores_in_turn(inputs, targets, count, at_once, like=clean)


def scores_in_turn(
    inputs: Tensor, targets: Tensor, count: int, at_once: Callable[[Number, Number], Tensor], *, like: Tensor
) -> Tensor:
    """Give the scores of `count` copies, [B, T, count], from what gives those of `size` ones from `start` on at once.

    Args:
        inputs: [B, ...].
        targets: [B, T], the same for every copy.
        count: How many copies, at least 1.
        at_once: From start and size to scores [size, B, T].
        like: The scores of the inputs, [B, T], for their type and number.
    """
    # looked at for its type: where nobody else asks for the clean scores, they are not computed
    empty = tf.zeros([count, dims(tf.nest.flatten(inputs)[0])[0], columns_of(like, targets)], like.dtype)

    def add(start: Number, size: Number, total: Tensor) -> Tensor:
        places = start + tf.range(size)
        return tf.tensor_scatter_nd_update(total, places[:, tf.newaxis], at_once(start, size))

    # where maps are looked at for their shape alone, no copy is made
    total = empty if current().only_shapes else helpings(add, count, room_for(inputs), empty)
    return tf.transpose(total, [1, 2, 0])


def scores_at_once(
    model: Model, inputs: Tensor, targets: Tensor, copy: Callable[[Number], Tensor], start: Number, size: Number
) -> Tensor:
    """Give the scores of `copy(start)` to `copy(start + size - 1)`, [size, B, T], by one forward pass for all."""
    if isinstance(size, int) and size == 1:
        masked = copy(start)
    else:
        stacked = tf.map_fn(copy, start + tf.range(size), fn_output_signature=signature(copy, start))
        masked = tf.nest.map_structure(joined, stacked)
    return parted(forward(model, masked, tf.tile(targets, [size, 1])), size)
