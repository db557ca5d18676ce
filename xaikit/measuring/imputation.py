"""Values at removed positions, as weighted means of their neighbours: a linear system, solved for all at once.

With L the differences from the weighted mean of the neighbours, L x = 0 holds at the removed positions, and x is known
at the others. That is a discrete Laplace equation: symmetric, positive definite, sparse, and slow to solve where large
areas are removed. Conjugate gradients take as many iterations as such an area is wide; with a multigrid cycle as
preconditioner they take about ten, whatever the size, in any number of axes, and for any masks.
"""

from typing import Any, NamedTuple

from ..core import Tensor, dims, tf

_TOLERANCE = 1e-5  # of the largest distance of an example's known values from their mean
_MOST = 60  # iterations, where rounding lets no tolerance be reached
_COARSEST = 3  # positions along the shortest side
_SWEEPS = 8


def imputed(values: Tensor, removed: Tensor) -> Tensor:
    """Replace removed positions by the weighted mean of their neighbours, be those removed too or not.

    On pictures, direct neighbours weigh 1/6 and diagonal ones 1/12; on a series both neighbours 1/2; on volumes 1/14,
    1/28 and 1/56, by how far they are. At a border, the weights that are left are scaled up to 1.

    Args:
        values: Floats [B, *positions, C], of a known size.
        removed: Booleans [B, *positions, 1]; at least one position of each example is not removed.
    """
    unknown = tf.cast(removed, values.dtype)
    known, inner = 1 - unknown, list(range(1, values.shape.rank))
    mean = tf.reduce_sum(known * values, inner[:-1], keepdims=True) / tf.reduce_sum(known, inner, keepdims=True)
    far = known * (values - mean)  # from their mean, so that what is constant has nothing to solve
    scale = tf.reduce_max(tf.abs(far), inner, keepdims=True)
    solved = _solved(_grids(unknown), unknown * _neighbours(far), _TOLERANCE * scale)
    return tf.where(removed, mean + solved, values)


class _Grid(NamedTuple):
    """A grid of positions and its equations, stiffness (degree x - neighbours(x)) where x is unknown.

    Attributes:
        unknown: [B, *positions, 1], 1 where there is something to solve for, else 0.
        degree: [1, *positions, 1], the sum of the neighbours' weights: 1, and less at a border.
        stiffness: What the equations are scaled by, so that those of a coarser grid mean the same.
    """

    unknown: Tensor
    degree: Tensor
    stiffness: float

    def applied(self, x: Tensor) -> Tensor:
        return self.stiffness * self.unknown * (self.degree * x - _neighbours(x))

    def relaxed(self, residual: Tensor) -> Tensor:
        """Make a Jacobi step, damped such that it halves, at least, what a coarser grid cannot hold."""
        axes = residual.shape.rank - 2
        return 4 / 3 * (1 - 0.5**axes) * self.unknown * residual / (self.stiffness * self.degree)


def _grids(unknown: Tensor) -> list[_Grid]:
    """Give the grid of the positions, and coarser ones: a cell of 2 x 2 is unknown where all of it is."""
    axes, grids, stiffness = unknown.shape.rank - 2, [], 1.0
    while True:
        degree = _neighbours(tf.ones([1, *unknown.shape[1:-1], 1], unknown.dtype))
        grids.append(_Grid(unknown, degree, stiffness))
        if min(unknown.shape[1:-1]) <= _COARSEST:
            return grids
        unknown = tf.reduce_min(_cells(unknown, 1), _within(axes))
        stiffness *= 2.0 ** (axes - 2)  # energies of a function: values squared, per cell, over squared distances


def _solved(grids: list[_Grid], right: Tensor, tolerance: Tensor) -> Tensor:
    """Solve the equations of the finest grid by conjugate gradients, each example until it is within tolerance."""
    inner = list(range(1, right.shape.rank))

    def product(a: Tensor, b: Tensor) -> Tensor:
        return tf.reduce_sum(a * b, inner, keepdims=True)

    def iterate(i: Tensor, x: Tensor, residual: Tensor, way: Tensor, size: Tensor, open_: Tensor) -> Any:
        error = _cycle(grids, residual)  # about as large as that of x
        open_ = open_ & (tf.reduce_max(tf.abs(error), inner, keepdims=True) > tolerance)
        new_size = product(residual, error)
        way = error + tf.math.divide_no_nan(new_size, size) * way
        effect = grids[0].applied(way)
        # an example that is done stays as it is, so that its neighbours in the batch do not matter
        step = tf.where(open_, tf.math.divide_no_nan(new_size, product(way, effect)), 0)
        return i + 1, x + step * way, residual - step * effect, way, new_size, open_

    none = tf.zeros_like(right)
    start = (tf.constant(0), none, right, none, tf.zeros_like(tolerance), tolerance >= 0)
    going = tf.while_loop(lambda i, *state: tf.reduce_any(state[-1]), iterate, start, maximum_iterations=_MOST)
    return going[1]


def _cycle(grids: list[_Grid], residual: Tensor) -> Tensor:
    """Solve roughly, by one V-cycle: symmetric and positive, as conjugate gradients ask."""
    grid, *coarser = grids
    x = grid.relaxed(residual)
    if not coarser:
        for _ in range(_SWEEPS):
            x += grid.relaxed(residual - grid.applied(x))
        return x
    left = coarser[0].unknown * _coarser(residual - grid.applied(x))
    x += grid.unknown * _finer(_cycle(coarser, left), x)
    return x + grid.relaxed(residual - grid.applied(x))


def _coarser(values: Tensor) -> Tensor:
    """Add up over cells of 2 x 2, the transpose of `_finer`."""
    axes = values.shape.rank - 2
    return tf.reduce_sum(_cells(_binomial(values) / 4**axes, 0), _within(axes))


def _finer(values: Tensor, like: Tensor) -> Tensor:
    """Interpolate linearly from the centres of cells of 2 x 2."""
    axes = values.shape.rank - 2
    for axis in range(1, axes + 1):
        values = tf.repeat(values, 2, axis)
    cut = [slice(None), *(slice(side) for side in like.shape[1:-1])]
    return _binomial(values[tuple(cut)]) / 4**axes


def _neighbours(values: Tensor) -> Tensor:
    """Add up the neighbours of each position, weighted: products of 1, 2, 1 along all axes, but for the centre."""
    axes = values.shape.rank - 2
    return (_binomial(values) - 2**axes * values) / (4**axes - 2**axes)


def _binomial(values: Tensor) -> Tensor:
    """Add up neighbours along each axis of positions with the weights 1, 2, 1; beyond the border there are zeros."""
    rank = values.shape.rank
    for axis in range(1, rank - 1):
        wide = tf.pad(values, [[int(i == axis)] * 2 for i in range(rank)])
        size = [values.shape[axis] if i == axis else -1 for i in range(rank)]
        before, after = (tf.slice(wide, [start if i == axis else 0 for i in range(rank)], size) for start in (0, 2))
        values = before + 2 * values + after
    return values


def _cells(values: Tensor, beyond: float) -> Tensor:
    """Split each axis of positions into pairs, [B, n, 2, m, 2, C], with a value for those beyond the border."""
    rows, *sides, channels = dims(values)
    padded = tf.pad(values, [[0, 0], *([0, side % 2] for side in sides), [0, 0]], constant_values=beyond)
    halves = [part for side in sides for part in (-(-side // 2), 2)]
    return tf.reshape(padded, [rows, *halves, channels])


def _within(axes: int) -> list[int]:
    return [2 * (axis + 1) for axis in range(axes)]
