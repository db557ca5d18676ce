"""Scores of masked copies of the inputs, or of a layer's features, within the row budget.

That is what perturbation methods are made of. As in `copies`, a batch with room left takes several copies of its
examples at a time, a full one takes them in turn. Here one score per copy is kept, and nothing is averaged: a method
weighs them as its paper says.
"""

from collections.abc import Callable

from .copies import Number, columns_of, dims, helpings, joined, parted, room_for, signature
from .explanation import Tensor
from .lazy import tf
from .taps import Tap
from .tracing import current
from .view import Model, forward


def masked_scores(
    model: Model,
    inputs: Tensor,
    targets: Tensor,
    count: int,
    copy: Callable[[Number], Tensor],
    *,
    layer: Tap | None = None,
    like: Tensor | None = None,
) -> Tensor:
    """Give the scores of `copy(0)` to `copy(count - 1)`, [B, T, count], each in its own place whatever the budget.

    Cost: `count` forward passes, as many at a time as the budget has room for; with a layer, of what follows it alone.

    Args:
        model: The view that `bind` received.
        inputs: [B, ...], of which the copies are made.
        targets: [B, T], the same for every copy.
        count: How many copies, at least 1.
        copy: From the number of a copy to inputs like `inputs`, each example masked by itself.
        layer: Where it is given, the copies are of the features that it gives, and the inputs stay as they are.
        like: The scores of the inputs, [B, T], where the caller has them: for their type and number.
    """
    # looked at for its type: where nobody else asks for the clean scores, they are not computed
    clean = forward(model, inputs, targets) if like is None else like
    empty = tf.zeros([count, dims(tf.nest.flatten(inputs)[0])[0], columns_of(clean, targets)], clean.dtype)

    def add(start: Number, size: Number, total: Tensor) -> Tensor:
        places = start + tf.range(size)
        scores = scores_at_once(model, inputs, targets, copy, start, size, layer=layer)
        return tf.tensor_scatter_nd_update(total, places[:, tf.newaxis], scores)

    # where maps are looked at for their shape alone, no copy is made
    total = empty if current().only_shapes else helpings(add, count, room_for(inputs), empty)
    return tf.transpose(total, [1, 2, 0])


def scores_at_once(
    model: Model,
    inputs: Tensor,
    targets: Tensor,
    copy: Callable[[Number], Tensor],
    start: Number,
    size: Number,
    *,
    layer: Tap | None = None,
) -> Tensor:
    """Give the scores of `copy(start)` to `copy(start + size - 1)`, [size, B, T], by one forward pass for all."""
    if isinstance(size, int) and size == 1:
        masked = copy(start)
    else:
        stacked = tf.map_fn(copy, start + tf.range(size), fn_output_signature=signature(copy, start))
        masked = tf.nest.map_structure(joined, stacked)
    columns = tf.tile(targets, [size, 1])
    if layer is None:
        return parted(forward(model, masked, columns), size)
    # what the features replace is traced, and then pruned: nothing asks for it
    tiled = tf.nest.map_structure(lambda leaf: tf.tile(leaf, [size] + [1] * (leaf.shape.rank - 1)), inputs)
    return parted(forward(model.changed(writes=layer.replaced(masked)), tiled, columns), size)
