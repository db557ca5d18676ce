"""Rules that send multipliers back through one op, so that multipliers times differences add up to the same before it.

Of an op there are two runs, on inputs x and on baselines x0, and m is the multiplier of its output: m (y - y0) is
what is handed on. Through linear ops multipliers go as gradients do. So they do through products, at the point halfway,
which is exact: a function of degree 2 has its secant for its slope there. An activation takes the secant itself,
(y - y0) / (x - x0), and its slope where the two runs are next to each other. Where they are one, every rule is the
gradient. All is computed in float32, or in float64.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from .explanation import Tensor
from .lazy import np, tf
from .replays import replayed, widened

Slopes: TypeAlias = Sequence[Any]  # tensors, or None where nothing comes back
Back: TypeAlias = Callable[[Slopes], Slopes]  # from the multipliers of an op's outputs to those of what it reads
Both: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]  # a tensor of the first run, and of the second
Rule: TypeAlias = Callable[[Any, list[Tensor], Both], Back]  # from an op, what it reads that varies, and the two runs


def secant(x: Tensor, x0: Tensor, y: Tensor, y0: Tensor, slope: Tensor) -> Tensor:
    """Give (y - y0) / (x - x0), the paper's rescale rule, and `slope` where x is next to x0."""
    share = np.finfo(x.dtype.as_numpy_dtype).eps ** (2 / 3)  # nearer, rounding spoils the quotient
    way = x - x0
    near = tf.abs(way) <= share * tf.maximum(tf.abs(x), tf.abs(x0))
    return tf.where(near, slope, (y - y0) / tf.where(near, tf.ones_like(way), way))


def halfway(x: Tensor, x0: Tensor) -> Tensor:
    """Give the mean of the two runs."""
    return x / 2 + x0 / 2


def curve(ops: list[Any], source: Tensor, output: Tensor, both: Both) -> Back:
    """An activation, in however many ops it is written: its secant."""
    middle = tf.identity(halfway(*both(source)))
    (slope,) = tf.gradients(replayed(ops, {source.name: middle}, custom=False, wide=True)[output.name], middle)
    ratio = secant(*both(source), *both(output), tf.zeros_like(middle) if slope is None else slope)
    return lambda slopes: [ratio * slopes[0]]


def one_curve(op: Any, sources: list[Tensor], both: Both) -> Back:
    """An activation that is one op."""
    return curve([op], sources[0], op.outputs[0], both)


RECTIFIERS = {"Relu": "ReluGrad", "Relu6": "Relu6Grad"}  # with the ops that are their gradients


def rectifier(op: Any, sources: list[Tensor], both: Both) -> Back:
    """What is flat or an identity: its values are exact, and so is the quotient, but for the rounding of three ops."""
    (x, x0), (y, y0) = both(sources[0]), both(op.outputs[0])
    way = x - x0
    same = tf.cast(tf.equal(way, 0), x.dtype)
    slope = getattr(tf.raw_ops, RECTIFIERS[op.type])(gradients=same, features=y)
    ratio = tf.math.divide_no_nan(y - y0, way) + slope
    return lambda slopes: [ratio * slopes[0]]


def stretch(outputs: list[Tensor], sources: list[Tensor]) -> Back:
    """Several linear ops in turn, from what they read to what they give: the gradient, all at once."""

    def back(slopes: Slopes) -> Slopes:
        given = [(out, slope) for out, slope in zip(outputs, slopes, strict=True) if slope is not None]
        ends, pushes = zip(*given, strict=True)
        found = tf.gradients(ends, sources, grad_ys=pushes, stop_gradients=sources)
        return [None if slope is None else tf.convert_to_tensor(slope) for slope in found]

    return back


def linear(op: Any, sources: list[Tensor], both: Both) -> Back:
    """What is linear in all that varies: its gradient."""
    return _gradient_at(op, sources, [widened(source) for source in sources])


def product(op: Any, sources: list[Tensor], both: Both) -> Back:
    """What is of degree 2, such as the product of two tensors that vary: its gradient halfway."""
    return _gradient_at(op, sources, [halfway(*both(source)) for source in sources])


def _gradient_at(op: Any, sources: list[Tensor], points: list[Tensor]) -> Back:
    def back(slopes: Slopes) -> Slopes:
        fresh = [tf.identity(point) for point in points]
        known = {source.name: point for source, point in zip(sources, fresh, strict=True)}
        made = replayed([op], known, custom=False, wide=True)
        given = [(made[out.name], slope) for out, slope in zip(op.outputs, slopes, strict=True) if slope is not None]
        return list(tf.gradients([out for out, _ in given], fresh, grad_ys=[slope for _, slope in given]))

    return back


def call(op: Any, sources: list[Tensor], both: Both) -> Back:
    """A convolution that is hidden in a call: its gradient, which the call itself knows."""

    def back(slopes: Slopes) -> Slopes:
        found = tf.gradients(op.outputs[0], sources, grad_ys=tf.cast(slopes[0], op.outputs[0].dtype))
        return [widened(slope) for slope in found]

    return back


def handed_on(op: Any, sources: list[Tensor], both: Both) -> Back:
    """What is an identity but for its gradient: differences go through it as they are."""
    return lambda slopes: added_up(op, sources, slopes)


def added_up(op: Any, sources: list[Tensor], slopes: Slopes) -> Slopes:
    """From the multipliers of all that an op reads to those of `sources`: one tensor may be read more than once."""
    pairs = [(read.name, slope) for read, slope in zip(op.inputs, slopes, strict=True) if slope is not None]
    given = [[slope for name, slope in pairs if name == source.name] for source in sources]
    return [tf.add_n(each) if each else None for each in given]


def quotient(op: Any, sources: list[Tensor], both: Both) -> Back:
    """A product with 1 / x, whose secant is -1 / (x x0)."""
    above, below = op.inputs
    divide = tf.math.divide_no_nan if op.type == "DivNoNan" else tf.divide
    inverse, inverse0 = (divide(tf.ones_like(value), value) for value in both(below))
    factors = [halfway(*both(above)), halfway(inverse, inverse0)]

    def back(slopes: Slopes) -> Slopes:
        fresh = [tf.identity(factor) for factor in factors]
        up, down = tf.gradients(fresh[0] * fresh[1], fresh, grad_ys=slopes[0])
        return added_up(op, sources, [up, -inverse * inverse0 * down])

    return back


def log_softmax(op: Any, sources: list[Tensor], both: Both) -> Back:
    """What is left of x when the logarithm of a sum of exponentials is subtracted, each of them a curve."""
    return _log_softmax(*both(sources[0]))


def softmax(op: Any, sources: list[Tensor], both: Both) -> Back:
    """The exponential of a log-softmax: the sum over a row varies as well, and nothing overflows."""
    x, x0 = both(sources[0])
    z, z0 = tf.nn.log_softmax(x), tf.nn.log_softmax(x0)
    ratio = secant(z, z0, *both(op.outputs[0]), tf.exp(halfway(z, z0)))
    below = _log_softmax(x, x0)
    return lambda slopes: below([ratio * slopes[0]])


def _log_softmax(x: Tensor, x0: Tensor) -> Back:
    top = tf.reduce_max(tf.maximum(x, x0), axis=-1, keepdims=True)
    terms, terms0 = tf.exp(x - top), tf.exp(x0 - top)
    sums, sums0 = (tf.reduce_sum(each, axis=-1, keepdims=True) for each in (terms, terms0))
    logs, logs0 = (tf.reduce_logsumexp(each - top, axis=-1, keepdims=True) for each in (x, x0))
    shares = secant(x, x0, terms, terms0, tf.exp(halfway(x, x0) - top))
    shares *= secant(sums, sums0, logs, logs0, 1 / halfway(sums, sums0))
    return lambda slopes: [slopes[0] - shares * tf.reduce_sum(slopes[0], axis=-1, keepdims=True)]
