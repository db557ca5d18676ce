"""Expected gradients: integrated gradients over many baselines, both integrals by chance."""

from ..core import (
    Count,
    Explanation,
    Model,
    Seed,
    Step,
    Tensor,
    Tolerance,
    clean,
    forward,
    gradient,
    mean_of_copies,
    method,
    per_target,
    report_gap,
    tf,
    uniform,
)
from ..core.baselines import Baseline, Draw, baselines
from ..core.masking import masked_scores


@method
def expected_gradients(
    model: Model, *, samples: Count = 50, baseline: Baseline = "uniform", seed: Seed = 0, tolerance: Tolerance = 0.0
) -> Step:
    """Average gradients times ways, at random points between random baselines and the input.

    In expectation a map adds up to f(input) less the mean of f over the baselines. Every example gets the same draws,
    so that a map depends on no batch, replica or place.

    Maps: [B, *input, T], signed.
    Cost: one forward pass, and for each of `samples` a forward pass and a backward pass per target.
    Claims: complete in expectation, linear, class-discriminative, stochastic, input-shaped.

    Args:
        samples: How many points, each between the input and a baseline of its own.
        baseline: "uniform", drawn over each example's own range per channel; an array of background examples, [M, ...],
            of which each sample draws one; or one for all: a number in the input's units, "mean" (each example's own,
            per channel), "blur" (its own, a Gaussian of a tenth of each side), an array like one example.
        seed: Which draws.
        tolerance: Instead of a number of samples: sample until the standard error of each map, the largest one of its
            values, is below this, in the units of the map; 0 takes `samples`.

    Raises:
        InputError: The input is made of whole numbers, or the score does not depend on it.
        ParameterError: The baseline does not fit the model's input.

    Source:
        Erion et al., "Learning Explainable Models Using Attribution Priors", 2019. arXiv:1906.10670: the definition of
        expected gradients, as an expectation over baselines and places on the way.
    """
    begin = baselines(model, baseline, background=True)

    def slopes(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)
        return Explanation(scores, per_target(lambda score: gradient(score, inputs), scores, like=inputs))

    def mean_score(inputs: Tensor, targets: Tensor, draw: Draw) -> Tensor:
        """Average f over the baselines that were drawn, [B, T]."""
        return tf.reduce_mean(masked_scores(model, inputs, targets, samples, lambda i: draw((seed, i))), axis=-1)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        first = clean(slopes, inputs, targets)
        draw = begin(inputs)

        def way(i: Tensor) -> Tensor:
            return tf.nest.map_structure(tf.subtract, inputs, draw((seed, i)))

        def point(i: Tensor) -> Tensor:
            rest = 1 - uniform([], (seed, i), tf.float64)  # of the way that is left to the input
            return tf.nest.map_structure(lambda leaf, far: leaf - tf.cast(rest, far.dtype) * far, inputs, way(i))

        def times_way(i: Tensor, maps: Tensor) -> Tensor:
            return tf.nest.map_structure(lambda far, one: tf.cast(far, one.dtype)[..., tf.newaxis] * one, way(i), maps)

        maps = mean_of_copies(
            slopes,
            inputs,
            targets,
            samples,
            point,
            like=first,
            undo=times_way,
            tolerance=tolerance,
            method="expected_gradients",
        )
        if not tolerance:
            report_gap(maps, lambda: first.scores - mean_score(inputs, targets, draw))
        return Explanation(first.scores, maps)

    return step
