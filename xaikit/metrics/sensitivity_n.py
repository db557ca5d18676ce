"""Sensitivity-n."""

from typing import Annotated

from pydantic import Field

from ..core import Model, Seed, Tensor, tf
from ..core.baselines import Baseline, baselines
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.correlation import pearson
from ..measuring.effects import effects, units_of
from ..measuring.outputs import On, seen
from ..measuring.ratio import ratio
from ..measuring.subsets import Part, Samples, size_of, subsets

Shares = Annotated[tuple[Part, ...], Field(min_length=1)]


@metric(better="higher", curve=True)
def sensitivity_n(
    model: Model,
    *,
    shares: Shares = (0.01, 0.03, 0.1, 0.3, 0.8),
    samples: Samples = 100,
    baseline: Baseline = 0.0,
    seed: Seed = 0,
    on: On = "logit",
) -> Measure:
    """Say whether a map's sum over n random positions follows how far the score drops without them, for several n.

    A map has sensitivity-n where the two are equal for all subsets of n positions. The curve says how near it comes:
    Pearson's correlation over random subsets, by the share of the positions that they take. The value is its mean over
    the shares: from -1 to 1, about 0 by chance, and 1 for the parts of a linear score, w (x - baseline). Points where
    the map's sum or the score stays the same for all subsets are NaN and left out of the mean, which is NaN where there
    are no others: of a map that is the same everywhere.

    The relevance of a position is the sum over its channels, which are replaced together; a location map is resized to
    the input's positions first. Every example gets the same subsets. Positions of several inputs stand side by side.

    Cost: one forward pass for each of `samples`, for each of the shares.

    Args:
        shares: The sizes n of the subsets, as shares of the positions; rounded, at least one and not all.
        samples: How many subsets of each size.
        baseline: What takes the place of what is removed.
        seed: Which draws.
        on: Whether the "logit" is followed, or the "probability".

    Raises:
        ParameterError: The baseline does not fit the model's input.
        ModelError: The input's size is not known; or a "probability" is asked for where there is none.

    Source:
        Ancona, Ceolini, Öztireli, Gross 2018, "Towards better understanding of gradient-based attribution methods for
        Deep Neural Networks", arXiv:1711.06104: the definition of sensitivity-n, and its section on how to measure it:
        100 subsets of each size, up to four fifths of all features.
    """
    view = seen(model, on)
    begin = baselines(model, baseline)

    def measure(case: Case) -> Measurement:
        units = units_of(case, None, "sensitivity_n")
        sizes = [size_of(share, units.count) for share in shares for _ in range(samples)]
        chosen = subsets(units.count, sizes, seed)
        sums, drops = effects(view, case, units, chosen, begin(case.inputs)((seed,)))
        points = [slice(i * samples, (i + 1) * samples) for i in range(len(shares))]
        curve = tf.stack([pearson(sums[:, point], drops[:, point]) for point in points], axis=1)
        return Measurement(_mean_of_known(curve), curve, tf.constant(shares, tf.float64))

    return measure


def _mean_of_known(curve: Tensor) -> Tensor:
    """Average the points of each row that are not NaN."""
    known = tf.math.is_finite(curve)
    return ratio(tf.reduce_sum(tf.where(known, curve, 0), axis=1), tf.reduce_sum(tf.cast(known, curve.dtype), axis=1))
