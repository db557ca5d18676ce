"""Copies of the inputs (noisy, mirrored, masked), explained within the row budget, and their maps added up.

A batch with room left takes several copies of its examples at a time, a full one takes them in turn. Maps are added
copy by copy in a fixed order, example by example, so that no budget changes a bit of them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from .explanation import Explanation, Step, Tensor
from .lazy import tf
from .tracing import current, shapes_only, without_details

Reduce = Literal["mean", "variance"]
Number = Any  # a whole number, or a scalar tensor of one


def clean(step: Step, inputs: Tensor, targets: Tensor) -> Explanation:
    """Explain the inputs themselves for the scores, and for the maps' shape: the maps' values mean nothing."""
    with shapes_only():
        return step(inputs, targets)


def over_copies(
    step: Step,
    inputs: Tensor,
    targets: Tensor,
    count: int,
    copy: Callable[[Number], Tensor],
    *,
    like: Explanation,
    undo: Callable[[Number, Tensor], Tensor] | None = None,
    reduce: Reduce | Sequence[float] = "mean",
    aims: Callable[[Number], Tensor] | None = None,
) -> Tensor:
    """Explain `copy(0)` to `copy(count - 1)` and average their maps, or add them up with weights.

    Cost: `count` calls of the step, as many at a time as the budget has room for.

    Args:
        step: What explains a copy.
        inputs: [B, ...], of which the copies are made.
        targets: [B, T], the same for every copy.
        count: How many copies, at least 1.
        copy: From the number of a copy to inputs, of the same shape each time.
        like: What `clean` gave: the result has the shape and structure of its maps.
        undo: From the number of a copy and its maps to maps like `like.maps`.
        reduce: "mean"; "variance", the population's; or the weights of a sum, one for each copy.
        aims: From the number of a copy to its targets, [B, T], where they are not the same.

    Returns:
        Maps like `like.maps`.
    """
    zeros = zeros_like(like.maps, dims(tf.nest.flatten(inputs)[0])[0], columns_of(like.scores, targets))
    if current().only_shapes:
        return zeros
    add = adder(step, inputs, targets, copy, undo, reduce, aims)
    total = (zeros, zeros) if reduce == "variance" else (zeros,)
    summed = helpings(add, count, room_for(inputs), total)[-1]
    parts = count if isinstance(reduce, str) else 1
    return tf.nest.map_structure(lambda leaf, zero: shared(leaf, parts, zero), summed, zeros)


def adder(
    step: Step,
    inputs: Tensor,
    targets: Tensor,
    copy: Callable[[Number], Tensor],
    undo: Callable[[Number, Tensor], Tensor] | None,
    reduce: Reduce | Sequence[float],
    aims: Callable[[Number], Tensor] | None = None,
) -> Callable[[Number, Number, Tensor], Tensor]:
    """Make what `helpings` calls: it explains some copies at once, and adds up their maps one by one.

    Arguments are those of `over_copies`. The total is (sums,), and for "variance" (means, sums of squared deviations).
    """

    return adding(lambda start, size: maps_at_once(step, targets, copy, start, size, aims=aims), undo, reduce)


def adding(
    maps: Callable[[Number, Number], Tensor],
    undo: Callable[[Number, Tensor], Tensor] | None,
    reduce: Reduce | Sequence[float],
) -> Callable[[Number, Number, Tensor], Tensor]:
    """Make what `helpings` calls, from maps of some copies, [size, B, ..., T]: it adds them up one by one."""

    def add(start: Number, size: Number, total: Tensor) -> Tensor:
        made = maps(start, size)

        def one(i: Number, total: Tensor) -> tuple[Number, Tensor]:
            each = tf.nest.map_structure(lambda leaf: leaf[i], made)
            each = undo(start + i, each) if undo is not None else each
            return i + 1, added(total, each, start + i, reduce)

        return _until(size, one, total)

    return add


def maps_at_once(
    step: Step,
    targets: Tensor,
    copy: Callable[[Number], Tensor],
    start: Number,
    size: Number,
    *,
    aims: Callable[[Number], Tensor] | None = None,
) -> Tensor:
    """Explain `copy(start)` to `copy(start + size - 1)` by one call of the step: maps [size, B, ..., T]."""
    if isinstance(size, int) and size == 1:
        with without_details():
            maps = step(copy(start), targets if aims is None else aims(start)).maps
        return tf.nest.map_structure(lambda leaf: leaf[tf.newaxis], maps)
    stacked = tf.map_fn(copy, start + tf.range(size), fn_output_signature=signature(copy))
    flat = tf.nest.map_structure(joined, stacked)
    if aims is None:
        every = tf.tile(targets, [size, 1])
    else:
        every = joined(tf.map_fn(aims, start + tf.range(size), fn_output_signature=signature(aims)))
    with without_details():
        maps = step(flat, every).maps
    return tf.nest.map_structure(lambda leaf: parted(leaf, size), maps)


def helpings(add: Callable[[Number, Number, Tensor], Tensor], count: int, room: Number, total: Tensor) -> Tensor:
    """Add all the copies, as many at a time as there is room for."""
    room = 1 if isinstance(count, int) and count == 1 else room
    if isinstance(room, int):  # sizes are known: full helpings in a loop, and the rest after it
        size = min(room, count)
        if size == count:
            return add(0, count, total)
        full = count - count % size
        total = _until(full, lambda i, total: (i + size, add(i, size, total)), total)
        return add(full, count - full, total) if count > full else total

    def helping(start: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        size = tf.minimum(room, count - start)
        return start + size, add(start, size, total)

    return _until(count, helping, total)


def _until(end: Number, body: Callable[[Number, Tensor], tuple[Number, Tensor]], total: Tensor) -> Tensor:
    """Loop from 0 until `end`, in turn: one iteration's maps are held at a time. One turn alone takes no loop."""
    if isinstance(end, int) and end == 1:
        return body(0, total)[1]
    start = tf.constant(0)
    return tf.while_loop(lambda i, _: i < end, body, (start, total), parallel_iterations=1)[1]


def room_for(inputs: Tensor) -> Number:
    """How many copies fit: a number where rows and budget are known while tracing, as XLA needs, else a tensor."""
    budget = current().budget
    if budget is None:
        return 1
    rows = dims(tf.nest.flatten(inputs)[0])[0]
    if isinstance(budget, int) and isinstance(rows, int):
        return max(1, budget // rows)
    return tf.maximum(1, budget // tf.maximum(rows, 1))


def signature(copy: Callable[[Number], Tensor], number: Number = 0) -> Any:
    """The structure, types and shapes of a copy, for which `number` is made: some know only a few of them."""
    made = copy(tf.convert_to_tensor(number))
    return tf.nest.map_structure(lambda leaf: tf.TensorSpec(leaf.shape, leaf.dtype), made)


def joined(stacked: Tensor) -> Tensor:
    """[n, B, ...] to [n * B, ...]."""
    copies, rows, *rest = dims(stacked)
    return tf.reshape(stacked, [copies * rows, *rest])


def parted(maps: Tensor, size: Number) -> Tensor:
    """[n * B, ...] to [n, B, ...]."""
    rows, *rest = dims(maps)
    return tf.reshape(maps, [size, rows // size, *rest])


def columns_of(scores: Tensor, targets: Tensor) -> Number:
    """How many targets there are, T, without running the model for it, if that can be."""
    if scores.shape[-1] is not None:
        return scores.shape[-1]
    # one column of targets and open scores: a target function makes as many as it likes
    return dims(targets)[1] if targets.shape[-1] is None else dims(scores)[1]


def zeros_like(maps: Tensor, rows: Number, columns: Number) -> Tensor:
    """Make zeros like maps, a structure of [B, ..., T], without computing them."""
    return tf.nest.map_structure(lambda leaf: _zeros(leaf, rows, columns), maps)


def _zeros(maps: Tensor, rows: Number, columns: Number) -> Tensor:
    inner = maps.shape[1:-1]
    if None in inner:
        return tf.zeros_like(maps)
    zeros = tf.zeros([rows, *inner, columns], maps.dtype)
    zeros.set_shape(maps.shape)
    return zeros


def dims(tensor: Tensor) -> list[Number]:
    """Give each side of a tensor: a number where it is known while tracing, else a scalar tensor."""
    open_sides = tf.shape(tensor)
    return [side if side is not None else open_sides[i] for i, side in enumerate(tensor.shape)]


def added(total: Tensor, maps: Tensor, number: Tensor, reduce: Reduce | Sequence[float]) -> Tensor:
    """Add the maps of copy `number` to a total."""
    if not isinstance(reduce, str):
        weight = tf.constant(reduce, tf.float64)[number]
        return (tf.nest.map_structure(lambda a, b: a + b * tf.cast(weight, b.dtype), total[0], maps),)
    if reduce == "mean":
        return (tf.nest.map_structure(tf.add, total[0], maps),)
    # Welford's update: no difference of large numbers, so the variance is never negative
    means, spreads = total
    updated = tf.nest.map_structure(lambda m, x: m + (x - m) / tf.cast(number + 1, x.dtype), means, maps)
    spreads = tf.nest.map_structure(lambda s, x, m, u: s + (x - m) * (x - u), spreads, maps, means, updated)
    return updated, spreads


def shared(total: Tensor, count: int, like: Tensor) -> Tensor:
    """Divide a total among copies, and give it the static shape of the maps."""
    mean = total / tf.cast(count, total.dtype)
    mean.set_shape(like.shape)
    return mean
