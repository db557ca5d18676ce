"""Linear surrogates: a regression on coalitions of segments, and how far chance may have moved it."""

from .copies import columns_of, dims, helpings, room_for
from .explanation import Explanation, Tensor
from .lazy import tf
from .regression import Fit, Regression, Sums, adder, nothing, solved
from .sampling import report, until
from .tracing import current

WINDOW = 1024  # the latest samples, from whose residuals standard errors are estimated; even, as pairs ask
_LEAST = 0.01  # the share of a draw's fitted target that the other draws must decide


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
    infinite where draws are too few to say: no more than coefficients, or one of them alone decides what fits it. Of a
    number of samples all residuals count, under a tolerance those of the latest `WINDOW`.

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
    rows, columns = dims(tf.nest.flatten(inputs)[0])[0], columns_of(scores, targets)
    if current().only_shapes:
        return solved(regression, nothing(regression, rows, columns, 0))[0]
    room, chance = room_for(inputs), not complete
    if tolerance and chance:
        first = nothing(regression, rows, columns, WINDOW)
        empty = Fit(tf.zeros_like(first.products), tf.zeros_like(first.sums))

        def estimate(state: Sums, taken: Tensor) -> tuple[Fit, Tensor]:
            found, inverse = solved(regression, state)
            return found, _errors(regression, state, found, inverse, taken)

        like = Explanation(scores, empty)
        add = adder(regression.observe)
        return Fit(*until(tolerance, add, estimate, first, like=like, room=room, method=method))
    wanted = current().details is not None
    kept = samples + samples % 2 if wanted and chance else 0
    start = nothing(regression, rows, columns, kept)
    state = helpings(adder(regression.observe), samples, room, start)
    found, inverse = solved(regression, state)
    if wanted:
        errors = _errors(regression, state, found, inverse, tf.constant(samples)) if chance else tf.zeros_like(scores)
        report(tf.cast(errors, scores.dtype), tf.fill(tf.shape(scores), samples))
    return found


def _errors(regression: Regression, state: Sums, found: Fit, inverse: Tensor, taken: Tensor) -> Tensor:
    """Give the largest standard error of each map, [B, T]."""
    # places that no sample has taken yet weigh nothing
    design, weights, targets = (tf.transpose(leaf, [1, 0, *range(2, leaf.shape.rank)]) for leaf in state.recent)
    residuals = targets - tf.matmul(design, found.coefficients)  # [B, W, T]
    window = dims(weights)[1]
    if regression.paired:
        design, weights, residuals = _one_of_two(design, weights, residuals)
    total = state.weight[:, tf.newaxis]
    pull = tf.matmul(design, inverse)  # [1 or B, W, Q]
    leverage = weights / total * tf.reduce_sum(pull * design, axis=-1)
    rest = tf.maximum(1.0 - leverage, _LEAST)
    influence = pull * (weights / total / rest)[..., tf.newaxis] * regression.units[:, tf.newaxis]
    variances = tf.matmul(tf.square(influence), tf.square(residuals), transpose_a=True)  # [B, Q, T]
    taken = tf.cast(taken, tf.float64)
    errors = tf.sqrt(tf.reduce_max(variances, axis=1) * taken / tf.minimum(taken, tf.cast(window, tf.float64)))
    draws = taken / 2 if regression.paired else taken
    # a draw that decides its own fit has no residual, and would change much if it were left out
    known = tf.logical_and(draws > regression.freedom, tf.reduce_max(leverage, axis=1) < 1.0 - _LEAST)
    return tf.where(known[:, tf.newaxis], errors, tf.constant(float("inf"), tf.float64))


def _one_of_two(design: Tensor, weights: Tensor, residuals: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Make one observation of each pair: of the same design, with both weights and the weighted mean residual."""
    rows, columns = dims(residuals)[0], dims(residuals)[2]
    both = tf.reshape(weights, [dims(weights)[0], -1, 2])
    signed = tf.reshape(residuals, [rows, -1, 2, columns]) * tf.constant([1.0, -1.0], tf.float64)[:, tf.newaxis]
    together = tf.reduce_sum(both, axis=-1)
    mean = tf.reduce_sum(both[..., tf.newaxis] * signed, axis=2)
    return design[:, ::2], together, tf.math.divide_no_nan(mean, together[..., tf.newaxis])
