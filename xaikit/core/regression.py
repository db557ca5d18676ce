"""Weighted least squares from sums that no number of observations makes larger, in float64.

Where observations say too little, the smallest coefficients of all that fit are given: by Tikhonov's regularisation,
iterated so that it leaves no trace on what the observations do determine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from .copies import Number, dims
from .explanation import Tensor
from .lazy import tf

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
        anchors: [1 or B, Q, Q], added to the matrix of the normal equations for one unit of weight, so that it holds
            directions that the design never takes.
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


class Sums(NamedTuple):
    """What was observed, added up, and the latest of it as it was.

    Attributes:
        weight: [1 or B]
        gram: Of the design, [1 or B, Q, Q].
        products: Of the design and the targets, [B, Q, T].
        sums: Of the targets, [B, T].
        squares: Of the targets, [B, T].
        recent: The latest observations, with the samples in front, [W, ...]; or none.
    """

    weight: Tensor
    gram: Tensor
    products: Tensor
    sums: Tensor
    squares: Tensor
    recent: tuple[Tensor, ...]


Add: TypeAlias = Callable[[Number, Number, Sums], Sums]


def nothing(regression: Regression, rows: Number, columns: Number, kept: int) -> Sums:
    """No samples yet."""
    designs, size, _ = dims(regression.anchors)
    shapes = ([designs], [designs, size, size], [rows, size, columns], [rows, columns], [rows, columns])
    recent = ([kept, designs, size], [kept, designs], [kept, rows, columns])
    zeros = [tf.zeros(shape, tf.float64) for shape in shapes]
    return Sums._make([*zeros, tuple(tf.zeros(shape, tf.float64) for shape in recent) if kept else ()])


def adder(observe: Callable[[Tensor], Observations]) -> Add:
    """Make what `helpings` calls: it observes some samples at once, and adds them up."""

    def add(start: Number, size: Number, state: Sums) -> Sums:
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
        latest = zip(state.recent, seen, strict=True) if state.recent else ()
        return Sums._make([*totals, tuple(_kept(old, new, numbers) for old, new in latest)])

    return add


def _kept(recent: Tensor, new: Tensor, numbers: Tensor) -> Tensor:
    """Write [R, n, ...] in the places of its numbers, over the oldest."""
    front = tf.transpose(new, [1, 0, *range(2, new.shape.rank)])
    places = numbers % recent.shape[0]
    return _like(recent, tf.tensor_scatter_nd_update(recent, places[:, tf.newaxis], front))


def _like(old: Tensor, new: Tensor) -> Tensor:
    new.set_shape(old.shape)
    return new


def solved(regression: Regression, state: Sums) -> tuple[Fit, Tensor]:
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
