"""Kernel SHAP: each segment's fair share of the score, by a regression on coalitions of segments."""

from functools import partial
from math import comb

from ..core import Count, Explanation, Model, Seed, Step, Tensor, Tolerance, forward, method, report_gap, tf
from ..core.baselines import Baseline, baselines
from ..core.coalitions import drawn, every, game
from ..core.regression import Observations, Regression
from ..core.segments import placed, segmented, sizes
from ..core.surrogates import fitted


@method
def kernel_shap(
    model: Model,
    *,
    samples: Count = 1000,
    segments: Count = 50,
    baseline: Baseline = 0.0,
    seed: Seed = 0,
    tolerance: Tolerance = 0.0,
) -> Step:
    """Estimate the Shapley values of segments, by weighted least squares on coalitions of them.

    The positions of a segment share its value evenly, so that a map adds up to f(input) - f(baseline), as the maps of
    other complete methods do; times the number of its positions, it is the segment's value, which plots of SHAP show.
    That sum is a constraint that is solved exactly: it holds at any number of samples.

    Where all coalitions, 2^M - 2 of M segments, fit in `samples`, all are taken, whatever the tolerance, and the values
    are exact. Else coalitions are drawn by the Shapley kernel: their size first, then any of that size, in pairs of one
    and all that it leaves out. Where these are too few to tell the segments apart, their values are as alike as the
    samples allow. Every example gets the same draws, so that a map depends on no batch, replica or place; what it has
    for segments is its own. With `explain(..., details=True)`, "standard_error" is what chance leaves of the largest
    value's error, 0 where all coalitions were taken and infinite where they are too few to say.

    Pictures and volumes are cut into superpixels by scikit-image (SLIC) where it is installed,
    `pip install 'xaikit[superpixels]'`, else into a grid: the note "segments" says which. Superpixels are made in
    Python, so that such a step is not compiled by XLA. On tables each feature is a segment, on series each step, on
    tokens each token. The segments of several inputs play one game, and their maps add up together.

    Maps: [B, *input positions, T], signed, in the units of the scores; on tables [B, F, T].
    Cost: two forward passes, and one per coalition; targets are free.
    Claims: complete, linear, class-discriminative, stochastic.

    Args:
        samples: How many coalitions of segments.
        segments: About how many segments pictures and volumes are cut into, at most; elsewhere of no effect.
        baseline: What hidden values become: a number in the input's units; "mean" (each example's own, per channel),
            "blur" (its own, a Gaussian of a tenth of each side), "uniform" (drawn once, over its own range per
            channel); or an array like one example.
        seed: Which draws.
        tolerance: Instead of a number of samples: sample until the standard error of each map, the largest one of its
            values, is below this, in the units of the map; 0 takes `samples`.

    Raises:
        ParameterError: The baseline does not fit the model's input.
        ModelError: The input's size is not known.

    Source:
        Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", 2017. arXiv:1705.07874, theorem 2.
        Covert and Lee, "Improving KernelSHAP", 2021. arXiv:2012.01536, on paired sampling.
    """
    begin = baselines(model, baseline)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)  # [B, T]
        parts = segmented(inputs, segments)
        worth = game(model, inputs, targets, begin(inputs)((seed,)), parts)
        present = tf.cast(parts.present, tf.float64)  # [1 or B, count]
        known = tf.reduce_sum(present, axis=-1, keepdims=True)
        fair = present / known
        nothing = worth(tf.zeros_like(parts.present)[:, tf.newaxis])  # [B, 1, T]
        gain = tf.cast(scores, tf.float64)[:, tf.newaxis] - nothing
        complete = 2**parts.count - 2 <= samples

        def observe(numbers: Tensor) -> Observations:
            kept = every(numbers, parts.present) if complete else _pairs(numbers, parts.present, seed)
            seen = tf.cast(kept, tf.float64)
            share = tf.reduce_sum(seen * fair[:, tf.newaxis], axis=-1, keepdims=True)  # [1 or B, n, 1]
            weights = _kernel(numbers, parts.count)[tf.newaxis] if complete else 1.0
            weights = weights * tf.ones_like(share[..., 0])
            # values are a fair share each and deviations from it that add up to 0: no constraint is left
            design = seen - share * present[:, tf.newaxis]
            return Observations(design, weights, worth(kept) - nothing - share * gain)

        places = tf.math.divide_no_nan(1.0, sizes(parts, inputs))
        regression = Regression(
            observe,
            ridge=tf.zeros([parts.count], tf.float64),
            anchors=tf.linalg.diag(1.0 - present) + fair[:, tf.newaxis] * present[..., tf.newaxis],
            units=present * places,
            freedom=known[:, 0] - 1.0,
            paired=True,
        )
        count = max(1, 2**parts.count - 2) if complete else samples
        fit = fitted(
            regression, count, scores, inputs, targets, tolerance=tolerance, complete=complete, method="kernel_shap"
        )
        deviations = fit.coefficients - tf.reduce_sum(fit.coefficients * fair[..., tf.newaxis], axis=1, keepdims=True)
        values = (gain / known[..., tf.newaxis] + deviations) * (present * places)[..., tf.newaxis]
        maps = placed(tf.cast(values, scores.dtype), parts, inputs)
        report_gap(maps, lambda: tf.cast(gain[:, 0], scores.dtype))
        return Explanation(scores, maps)

    return step


def _kernel(numbers: Tensor, count: int) -> Tensor:
    """Weigh all coalitions by their size, [n]; theorem 2, over its largest."""
    weights = [0.0] * (count + 1)
    for size in range(1, count):
        weights[size] = count / (comb(count, size) * size * (count - size))
    kept = every(numbers, tf.ones([1, count], tf.bool))[0]
    return tf.gather(tf.constant(weights, tf.float64), tf.reduce_sum(tf.cast(kept, tf.int32), axis=-1))


def _pairs(numbers: Tensor, present: Tensor, seed: int) -> Tensor:
    """Draw coalitions by the Shapley kernel; each second one is what the one before leaves out."""
    sizes = partial(_shapley_size, most=present.shape[-1])
    kept = drawn(numbers // 2, present, sizes, seed)
    left = tf.logical_and(present[:, tf.newaxis], tf.logical_not(kept))
    return tf.where((numbers % 2 == 1)[:, tf.newaxis], left, kept)


def _shapley_size(draws: Tensor, known: Tensor, most: int) -> Tensor:
    """Draw sizes k of 1 to M - 1, as likely as all coalitions of k together are in theorem 2: 1 / (k (M - k))."""
    size = tf.range(1, most)
    odds = tf.where(size < known, 1.0 / tf.cast(size * (known - size), tf.float64), 0.0)  # [1 or B, sizes]
    below = tf.cumsum(odds, axis=1)
    below = tf.math.divide_no_nan(below, below[:, -1:])
    found = 1 + tf.reduce_sum(tf.cast(draws[:, tf.newaxis] >= below[:, tf.newaxis], tf.int32), axis=-1)
    return tf.minimum(found, known - 1)
