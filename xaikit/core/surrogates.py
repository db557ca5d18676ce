"""Linear surrogates: weighted least squares on coalitions, from sums that no number of samples makes larger.

Everything is float64. Where samples say too little, the smallest coefficients of all that fit are given: by Tikhonov's
regularisation, iterated so that it leaves no trace on what the samples do determine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from .copies import Number, columns_of, dims, helpings, room_for
from .explanation import Explanation, Tensor
from .lazy import tf
from .sampling import report, until
from .tracing import current

WINDOW = 1024  # the latest samples, from whose residuals standard errors are estimated; even, as pairs ask
_DELTA = 1e-8  # of the largest diagonal element


class Observations(NamedTuple):
    """What some coalitions say.

    Attributes:
        design: [1 or B, n, Q]
        weights: [1 or B, n]
        targets: [B, n, T]
    """

    design: Tensor
    weights: Tensor
    targets: Tensor


@dataclass(frozen=True)
class Regression:
    """What is fitted.

    Attributes:
        observe: From numbers of samples, [n], to what they say.
        ridge: Penalty on the square of each coefficient, [Q].
        anchors: [1 or B, Q, Q], added to the matrix of the normal equations, for one unit of weight: it holds directions
            that the design never takes.
        units: [1 or B, Q]: what a map shows of each coefficient, for standard errors.
        freedom: How many coefficients are free, [1 or B].
        paired: Whether samples 2k and 2k + 1 are one draw, with opposite designs.
    """

    observe: Callable[[Tensor], Observations]
    ridge: Tensor
    anchors: Tensor
    units: Tensor
    freedom: Tensor
    paired: bool = False


class Fit(NamedTuple):
    """Coefficients [B, Q, T], and the share of the targets' weighted variance that they explain, [B, T]."""

    coefficients: Tensor
    r2: Tensor


class _Sums(NamedTuple):
    weight: Tensor  # [R]
    gram: Tensor  # [R, Q, Q]
    products: Tensor  # [B, Q, T]
    sums: Tensor  # [B, T]
    squares: Tensor  # [B, T]
    recent: tuple[Tensor, ...]  # observations, with the samples in front: [W, R, Q], [W, R], [W, B, T]


_Add: TypeAlias = Callable[[Number, Number, _Sums], _Sums]


def fitted(
    regression: Regression,
    samples: int,
    scores: Tensor,
    inputs: Tensor,
    targets: Tensor,
    *,
    tolerance: float,
    complete: bool = False,
    method: str,
) -> Fit:
    """Fit a surrogate to `samples` samples, or to as many as `tolerance`, above 0, asks for.

    Reports standard errors and numbers of samples. Standard errors are those of the sandwich with leave-one-out
    residuals (HC3), which hold for any distribution of the residuals; of draws in pairs, a pair is left out. They are
    infinite where there are no more draws than coefficients. Where samples are as many as asked, all their residuals
    count, under a tolerance those of the latest `WINDOW`.

    Args:
        regression: What is fitted.
        samples: How many samples.
        scores: Of the inputs, [B, T].
        inputs: [B, ...].
        targets: [B, T].
        tolerance: The standard error that is good enough, in the units of `regression.units`; or 0.
        complete: Whether the samples are all there are, so that nothing is left to chance.
        method: Whose name a warning bears.
    """
    rows, columns = dims(inputs_rows(inputs))[0], columns_of(scores, targets)
    if current().only_shapes:
        return _finish(regression, _none(regression, rows, columns, 0))[0]
    room, chance = room_for(inputs), not complete
    if tolerance and chance:
        first = _none(regression, rows, columns, WINDOW)
        empty = Fit(tf.zeros_like(first.products), tf.zeros_like(first.sums))

        def estimate(state: _Sums, taken: Tensor) -> tuple[Fit, Tensor]:
            found, inverse = _finish(regression, state)
            return found, _errors(regression, state, found, inverse, taken)

        like = Explanation(scores, empty)
        add = _adder(regression.observe)
        return Fit(*until(tolerance, add, estimate, first, like=like, room=room, method=method))  # type: ignore[misc]
    wanted = current().details is not None
    kept = samples + samples % 2 if wanted and chance else 0
    start = _none(regression, rows, columns, kept)
    state = helpings(_adder(regression.observe), samples, room, start)
    found, inverse = _finish(regression, state)
    if wanted:
        errors = _errors(regression, state, found, inverse, tf.constant(samples)) if chance else tf.zeros_like(scores)
        report(tf.cast(errors, scores.dtype), tf.fill(tf.shape(scores), samples))
    return found


def inputs_rows(inputs: Tensor) -> Tensor:
    """Give the first of the inputs, which has as many rows as any."""
    return tf.nest.flatten(inputs)[0]


def _none(regression: Regression, rows: Number, columns: Number, kept: int) -> _Sums:
    """No samples yet."""
    designs, size, _ = dims(regression.anchors)
    shapes = ([designs], [designs, size, size], [rows, size, columns], [rows, columns], [rows, columns])
    recent = ([kept, designs, size], [kept, designs], [kept, rows, columns])
    zeros = [tf.zeros(shape, tf.float64) for shape in shapes]
    return _Sums(*zeros, tuple(tf.zeros(shape, tf.float64) for shape in recent) if kept else ())


def _adder(observe: Callable[[Tensor], Observations]) -> _Add:
    def add(start: Number, size: Number, state: _Sums) -> _Sums:
        numbers = start + tf.range(size)
        seen = observe(numbers)
        design, weights, targets = seen
        weighted, each = design * weights[..., tf.newaxis], weights[..., tf.newaxis] * targets
        added = (
            tf.reduce_sum(weights, axis=1),
            tf.matmul(design, weighted, transpose_a=True),
            tf.matmul(weighted, targets, transpose_a=True),
            tf.reduce_sum(each, axis=1),
            tf.reduce_sum(each * targets, axis=1),
        )
        totals = [_like(old, old + new) for old, new in zip(state[:-1], added, strict=True)]
        return _Sums(*totals, tuple(_kept(old, new, numbers) for old, new in zip(state.recent, seen, strict=False)))

    return add


def _kept(recent: Tensor, new: Tensor, numbers: Tensor) -> Tensor:
    """Write [R, n, ...] in the places of its numbers, over the oldest."""
    front = tf.transpose(new, [1, 0, *range(2, new.shape.rank)])
    places = numbers % recent.shape[0]
    return _like(recent, tf.tensor_scatter_nd_update(recent, places[:, tf.newaxis], front))


def _like(old: Tensor, new: Tensor) -> Tensor:
    new.set_shape(old.shape)
    return new


def _finish(regression: Regression, state: _Sums) -> tuple[Fit, Tensor]:
    """Solve the normal equations; give the inverse matrix too, [1 or B, Q, Q], for one unit of weight."""
    weight = state.weight[:, tf.newaxis, tf.newaxis]
    matrix = tf.math.divide_no_nan(state.gram + tf.linalg.diag(regression.ridge), weight) + regression.anchors
    inverse = _inverse(matrix)
    found = tf.matmul(inverse, tf.math.divide_no_nan(state.products, weight))
    fit = tf.reduce_sum(found * (2.0 * state.products - tf.matmul(state.gram, found)), axis=1)
    total = state.weight[:, tf.newaxis]
    around = state.squares - tf.math.divide_no_nan(tf.square(state.sums), total)
    spread = around > 1e-14 * state.squares  # else the targets are all one
    r2 = 1.0 - tf.where(spread, state.squares - fit, 0.0) / tf.where(spread, around, 1.0)
    return Fit(_like(state.products, found), _like(state.sums, r2)), inverse


def _inverse(matrix: Tensor) -> Tensor:
    """Invert symmetric matrices, none of them with a negative eigenvalue; where one is 0, finitely.

    With K = (A + d)^-1, K + d K^2 + d^2 K^3 is A^-1 but for a share of (d / (a + d))^3 along an eigenvector of value a.
    """
    diagonal = tf.linalg.diag_part(matrix)
    delta = _DELTA * tf.reduce_max(diagonal, axis=-1)[..., tf.newaxis, tf.newaxis]
    identity = tf.linalg.diag(tf.ones_like(diagonal))
    once = tf.linalg.cholesky_solve(tf.linalg.cholesky(matrix + delta * identity), identity)
    return tf.matmul(once, identity + tf.matmul(delta * once, identity + delta * once))


def _errors(regression: Regression, state: _Sums, found: Fit, inverse: Tensor, taken: Tensor) -> Tensor:
    """Give the largest standard error of each map, [B, T]."""
    design, weights, targets = (tf.transpose(leaf, [1, 0, *range(2, leaf.shape.rank)]) for leaf in state.recent)
    residuals = targets - tf.matmul(design, found.coefficients)  # [B, W, T]
    window = dims(weights)[1]
    weights *= tf.cast(tf.range(window) < taken, tf.float64)
    if regression.paired:
        design, weights, residuals = _one_of_two(design, weights, residuals)
    total = state.weight[:, tf.newaxis]
    pull = tf.matmul(design, inverse)  # [1 or B, W, Q]
    leverage = weights / total * tf.reduce_sum(pull * design, axis=-1)
    rest = tf.maximum(1.0 - leverage, 1e-6)  # a draw that nothing else says: there are too few of them
    influence = pull * (weights / total / rest)[..., tf.newaxis] * regression.units[:, tf.newaxis]
    variances = tf.matmul(tf.square(influence), tf.square(residuals), transpose_a=True)  # [B, Q, T]
    taken = tf.cast(taken, tf.float64)
    errors = tf.sqrt(tf.reduce_max(variances, axis=1) * taken / tf.minimum(taken, tf.cast(window, tf.float64)))
    draws = taken / 2 if regression.paired else taken
    known = draws > tf.cast(regression.freedom, tf.float64)
    return tf.where(known[:, tf.newaxis], errors, tf.constant(float("inf"), tf.float64))


def _one_of_two(design: Tensor, weights: Tensor, residuals: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Make one observation of each pair: of the same design, with both weights and the weighted mean residual."""
    rows, columns = dims(residuals)[0], dims(residuals)[2]
    both = tf.reshape(weights, [dims(weights)[0], -1, 2])
    signed = tf.reshape(residuals, [rows, -1, 2, columns]) * tf.constant([1.0, -1.0], tf.float64)[:, tf.newaxis]
    together = tf.reduce_sum(both, axis=-1)
    mean = tf.reduce_sum(both[..., tf.newaxis] * signed, axis=2)
    return design[:, ::2], together, tf.math.divide_no_nan(mean, together[..., tf.newaxis])
