"""Rules for what picks one value of several, as maximum pooling does: the value that decided is what moved the result.

Where the result rose, that is the largest value of the inputs' run, which rose at least as much; where it fell, the
largest of the baselines', which fell at least as much. So a multiplier is never above 1 in size, and where the two runs
are one it is the gradient.
"""

from itertools import product
from math import prod
from typing import Any

from .explanation import Tensor
from .lazy import tf
from .secants import Back, Both, Slopes, added_up, halfway, secant


def pooling(op: Any, sources: list[Tensor], both: Both) -> Back:
    """Maximum pooling, windows that overlap included: each window is by itself."""
    (source,) = sources
    runs = [_windows(op, value) for value in both(source)]  # [B, *positions, C, values of a window]
    firsts = [tf.one_hot(tf.argmax(run, axis=-1), run.shape[-1], dtype=run.dtype) for run in runs]
    moved = _moved(runs, firsts, [value[..., tf.newaxis] for value in both(op.outputs[0])], axes=[-1])

    def back(slopes: Slopes) -> Slopes:
        fresh = tf.identity(both(source)[0])
        return list(tf.gradients(_windows(op, fresh), fresh, grad_ys=moved * slopes[0][..., tf.newaxis]))

    return back


def reduced(op: Any, sources: list[Tensor], both: Both) -> Back:
    """The maximum or minimum over axes, such as global maximum pooling; values that are equal share."""
    sign = 1 if op.type == "Max" else -1
    runs = [sign * value for value in both(sources[0])]
    axes = tf.reshape(op.inputs[1], [-1])
    tops = [tf.reduce_max(run, axis=axes, keepdims=True) for run in runs]
    equal = [tf.cast(run == top, run.dtype) for run, top in zip(runs, tops, strict=True)]
    shares = [each / tf.reduce_sum(each, axis=axes, keepdims=True) for each in equal]
    moved = _moved(runs, shares, tops, axes=axes)
    return lambda slopes: [moved * tf.reshape(slopes[0], tf.shape(tops[0]))]


def _moved(runs: list[Tensor], shares: list[Tensor], results: list[Tensor], axes: Any) -> Tensor:
    """Give each value's multiplier: its share of what decided, times how far the result moved for its move."""
    (x, x0), (y, y0) = runs, results
    decided = tf.where(y >= y0, shares[0], shares[1])
    way = tf.reduce_sum(decided * (x - x0), axis=axes, keepdims=True)
    still = way == 0  # and so is the result: it moves as far as this, or less
    return decided * tf.where(still, tf.ones_like(way), (y - y0) / tf.where(still, tf.ones_like(way), way))


def _windows(op: Any, values: Tensor) -> Tensor:
    """Lay each window's values out: [B, *positions, C, values], by slices, which every device takes alike."""
    size, strides = ([int(side) for side in op.get_attr(name)[1:-1]] for name in ("ksize", "strides"))
    counts = [tf.shape(op.outputs[0])[i + 1] if side is None else side for i, side in enumerate(_inner(op.outputs[0]))]
    if op.get_attr("padding") == b"SAME":
        values = _padded(values, size, strides, counts)
    slices = [
        tuple(
            slice(at, at + (count - 1) * stride + 1, stride)
            for at, count, stride in zip(start, counts, strides, strict=True)
        )
        for start in product(*(range(side) for side in size))
    ]
    stacked = tf.stack([values[(slice(None), *each)] for each in slices], axis=-1)
    return tf.ensure_shape(stacked, [values.shape[0], *op.outputs[0].shape[1:], prod(size)])


def _padded(values: Tensor, size: list[int], strides: list[int], counts: list[Any]) -> Tensor:
    """Pad as "SAME" does, with what is never the largest."""
    inner = [tf.shape(values)[i + 1] if side is None else side for i, side in enumerate(_inner(values))]
    whole = [
        tf.maximum((count - 1) * stride + side - old, 0)
        for count, stride, side, old in zip(counts, strides, size, inner, strict=True)
    ]
    pads = [[0, 0], *([pad // 2, pad - pad // 2] for pad in whole), [0, 0]]
    return tf.pad(values, pads, constant_values=values.dtype.min)


def _inner(tensor: Tensor) -> list[Any]:
    return list(tensor.shape[1:-1])


def larger(op: Any, sources: list[Tensor], both: Both) -> Back:
    """The larger, or the smaller, of two tensors: one of them, and a ReLU of how far the other is away."""
    (a, a0), (b, b0) = (both(source) for source in op.inputs)
    ahead, ahead0 = a - b, a0 - b0
    pick = tf.maximum if op.type == "Maximum" else tf.minimum
    zero = tf.zeros([], ahead.dtype)
    slope = tf.cast(pick(halfway(ahead, ahead0), zero) != 0, ahead.dtype)
    ratio = secant(ahead, ahead0, pick(ahead, zero), pick(ahead0, zero), slope)

    def back(slopes: Slopes) -> Slopes:
        fresh = [tf.identity(a), tf.identity(b)]
        found = tf.gradients(fresh[1] + ratio * (fresh[0] - fresh[1]), fresh, grad_ys=slopes[0])
        return added_up(op, sources, found)

    return back
