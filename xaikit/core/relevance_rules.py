"""Rules of layer-wise relevance propagation for one layer, z_k = sum_j x_j w_jk + t_k, y_k = z_k or ReLU(z_k).

Each gives relevance R_k to the contributions x_j w_jk, those above 0 by one measure, those below by another; the shift
t_k, a bias, keeps its own share. In terms of c = R / x: c_j = sum_k w_jk a_k, with a_k = c_k times the measure; and the
relevance of z_k is that of y_k, R_k = c_k y_k.
"""

from collections.abc import Callable

from .explanation import Tensor
from .layers import Layer
from .lazy import np, tf
from .relevance import Entry

Way = Callable[[Tensor], Tensor]


def zero(layer: Layer) -> Way:
    """R_j = sum_k x_j w_jk / z_k R_k: the plain gradient, in terms of c."""
    if layer.part.rectifier is None:
        return layer.back
    measure = tf.math.divide_no_nan(layer.activated, layer.outputs)
    return lambda slopes: layer.back(slopes * measure)


def epsilon(layer: Layer, size: float) -> Way:
    """R_j = sum_k x_j w_jk / (z_k + size sign z_k) R_k, where the sign of 0 is 1."""
    if size == 0:
        return zero(layer)
    if layer.part.rectifier is None:
        sizes = tf.abs(layer.outputs)
        measure = sizes / (sizes + size)
    else:  # y is 0 where z is not above 0
        measure = tf.math.divide_no_nan(layer.activated, layer.outputs + size)
    return lambda slopes: layer.back(slopes * measure)


def gamma(layer: Layer, weight: float) -> Way:
    """Count contributions of the sign of z_k (1 + weight) times."""
    if layer.part.rectifier is not None:  # y is 0 where z is not above 0
        measure = tf.math.divide_no_nan(layer.activated, layer.outputs + weight * layer.gains)
        return _apart(layer, (1 + weight) * measure, measure)
    up = layer.outputs > 0
    raised = layer.outputs + weight * tf.where(up, layer.gains, layer.losses)
    measure = tf.math.divide_no_nan(layer.activated, raised)
    more = (1 + weight) * measure
    return _apart(layer, tf.where(up, more, measure), tf.where(up, measure, more))


def alpha_beta(layer: Layer, alpha: float, beta: float) -> Way:
    """Share alpha R_k among contributions above 0, and -beta R_k among those below.

    Where there are none below, those above get all, R_k, and the other way round: so alpha - beta = 1 always conserves.
    """
    above = tf.math.divide_no_nan(layer.activated, layer.gains)
    if beta == 0 and layer.part.rectifier is not None:  # where there are none above, y is 0
        return _apart(layer, above, None)
    below = tf.math.divide_no_nan(layer.activated, layer.losses)
    only_above, only_below = _nothing(layer.losses, layer.gains), _nothing(layer.gains, layer.losses)
    none = tf.zeros_like(layer.outputs)
    up = tf.where(only_above, above, alpha * above)
    down = tf.where(only_below, below, -beta * below)
    return _apart(layer, tf.where(only_below, none, up), tf.where(only_above, none, down))


def _nothing(sums: Tensor, others: Tensor) -> Tensor:
    """Whether sums are lost in the rounding of others."""
    resolution = np.finfo(sums.dtype.as_numpy_dtype).eps
    return tf.abs(sums) <= resolution * tf.abs(others)


def flat(layer: Layer, entry: Entry) -> Way:
    """R_j = sum_k R_k / number of inputs of k: padding is none of them."""
    start, end = (entry.follow(layer.part.sources[0], change) for change in (tf.zeros_like, tf.ones_like))
    there = tf.cast(tf.not_equal(start, end), layer.inputs.dtype)
    ones = tf.ones_like(layer.weights)
    share = tf.math.divide_no_nan(layer.activated, layer.applied(there, ones))
    return lambda slopes: there * layer.returned(slopes * share, ones)


def box(layer: Layer, entry: Entry, low: float | None, high: float | None) -> Way:
    """R_j = sum_k (x_j w_jk - l_j w+_jk - h_j w-_jk) / (the sum of these over j) R_k."""
    ends = (
        entry.follow(layer.part.sources[0], lambda leaf: _bound(leaf, low, tf.reduce_min)),
        entry.follow(layer.part.sources[0], lambda leaf: _bound(leaf, high, tf.reduce_max)),
    )
    least, most = tf.minimum(*ends), tf.maximum(*ends)  # a scale below 0 on the way turns them round
    total = layer.outputs - layer.shifts - layer.pull(least, most)
    share = tf.math.divide_no_nan(layer.activated, total)

    def back(slopes: Tensor) -> Tensor:
        shared = slopes * share
        up, down = layer.push(shared, None), layer.push(None, shared)
        return (layer.inputs - least) * up + (layer.inputs - most) * down

    return back


def _apart(layer: Layer, above: Tensor, below: Tensor | None) -> Way:
    """Give the way back where contributions above 0 and below 0 have measures of their own; None gives nothing."""

    def back(slopes: Tensor) -> Tensor:
        up, down = slopes * above, None if below is None else slopes * below
        positive = layer.push(up, down)  # of inputs above 0
        return positive if layer.rectified else tf.where(layer.inputs >= 0, positive, layer.push(down, up))

    return back


def _bound(leaf: Tensor, given: float | None, reduce: Callable[..., Tensor]) -> Tensor:
    """Give a bound of an input, in its shape: a number, or each example's own."""
    if given is None:
        return tf.zeros_like(leaf) + reduce(leaf, range(1, leaf.shape.rank), keepdims=True)
    return tf.fill(tf.shape(leaf), tf.constant(given, leaf.dtype))
