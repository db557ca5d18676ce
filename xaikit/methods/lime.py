"""LIME: a linear model of which segments are seen, fitted to the scores near the whole input."""

from ..core import Count, Explanation, Model, NonNegative, Seed, Step, Tensor, Tolerance, detail, forward, method, tf
from ..core.baselines import Baseline, baselines
from ..core.coalitions import drawn, game
from ..core.regression import Observations, Regression
from ..core.segments import placed, segmented
from ..core.surrogates import fitted

WIDTH = 0.25  # of the kernel: in cosine distance, from 0 where all segments are seen to 1 where none is


@method
def lime(
    model: Model,
    *,
    samples: Count = 1000,
    segments: Count = 50,
    alpha: NonNegative = 1.0,
    baseline: Baseline = 0.0,
    seed: Seed = 0,
    tolerance: Tolerance = 0.0,
) -> Step:
    """Hide segments by chance, and fit a linear model to the scores: a position has its segment's coefficient.

    A sample keeps a number of segments that is drawn evenly, from none to all, and then any segments of that number.
    It weighs exp(-D^2 / 0.25^2), D its cosine distance from the whole, 1 - sqrt(share of segments kept): the paper
    leaves distance and width open, and these are the ones of its authors' program for pictures. The coefficients are
    those of a ridge regression, whose intercept is not penalised. Every example gets the same draws, so that a map
    depends on no batch, replica or place; what it has for segments is its own.

    Pictures and volumes are cut into superpixels by scikit-image (SLIC) where it is installed,
    `pip install 'xaikit[superpixels]'`, else into a grid: the note "segments" says which. Superpixels are made in
    Python, so that such a step is not compiled by XLA. On tables each feature is a segment, on series each step, on
    tokens each token. The segments of several inputs are hidden together.

    With `explain(..., details=True)`, "r2" is the share of the scores' weighted variance that the linear model
    explains, and "standard_error" what chance leaves of the largest coefficient's error, infinite where samples are too
    few to say; what `alpha` takes from coefficients is none of that.

    Maps: [B, *input positions, T], signed, in the units of the scores; on tables [B, F, T].
    Cost: one forward pass, and one per sample; targets are free.
    Claims: linear, class-discriminative, stochastic.

    Args:
        samples: How many coalitions of segments.
        segments: About how many segments pictures and volumes are cut into, at most; elsewhere of no effect.
        alpha: Penalty on the squared coefficients, next to the sum of weighted squared errors.
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
        Ribeiro et al., "Why Should I Trust You?", 2016. arXiv:1602.04938, sections 3.3 and 3.4, eq. 2.
    """
    begin = baselines(model, baseline)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)  # [B, T]
        parts = segmented(inputs, segments)
        worth = game(model, inputs, targets, begin(inputs)((seed,)), parts)
        present = tf.cast(parts.present, tf.float64)
        clean = tf.cast(scores, tf.float64)[:, tf.newaxis]

        def observe(numbers: Tensor) -> Observations:
            kept = drawn(numbers, parts.present, _any_size, seed)
            seen = tf.cast(kept, tf.float64)
            share = tf.reduce_sum(seen, axis=-1) / tf.reduce_sum(present, axis=-1, keepdims=True)
            weights = tf.exp(-tf.square((1.0 - tf.sqrt(share)) / WIDTH))
            return Observations(_with_column(seen, 1.0), weights, worth(kept) - clean)

        regression = Regression(
            observe,
            ridge=tf.constant([alpha] * parts.count + [0.0], tf.float64),
            anchors=tf.linalg.diag(_with_column(1.0 - present, 0.0)),
            units=_with_column(present, 0.0),
            freedom=tf.reduce_sum(present, axis=-1) + 1.0,
        )
        fit = fitted(regression, samples, scores, inputs, targets, tolerance=tolerance, method="lime")
        detail("r2", lambda: tf.cast(fit.r2, scores.dtype))
        coefficients = tf.cast(fit.coefficients[:, :-1] * present[..., tf.newaxis], scores.dtype)
        return Explanation(scores, placed(coefficients, parts, inputs))

    return step


def _any_size(draws: Tensor, known: Tensor) -> Tensor:
    """Keep none to all, evenly."""
    return tf.cast(draws * (tf.cast(known, tf.float64) + 1.0), tf.int32)


def _with_column(values: Tensor, constant: float) -> Tensor:
    """Append the intercept's column."""
    return tf.concat([values, tf.fill(tf.shape(values[..., :1]), tf.constant(constant, values.dtype))], axis=-1)
