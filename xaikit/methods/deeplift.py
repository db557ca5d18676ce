"""DeepLIFT: what the score differs by from that of a baseline, handed back to the inputs that made the difference."""

from ..core import Explanation, Model, Step, Tensor, forward, method, per_target, report_gap, tf
from ..core.baselines import Baseline, baselines
from ..core.goals import constants
from ..core.gradients import check_floats
from ..core.multipliers import Multipliers, check
from ..core.rows import in_rows
from ..core.view import forward_of_one


@method
def deeplift(model: Model, *, baseline: Baseline = 0.0) -> Step:
    """Compare the activations of every layer with those of a baseline, and hand the difference back op by op.

    A map adds up to f(input) - f(baseline); `explain(..., details=True)` reports the "completeness_gap". Each
    activation counts by its slope from the baseline's value to the input's, the rescale rule, so that a unit that is
    saturated counts too; where input and baseline are equal it is the gradient. Rules are for operations, however
    layers spell them: products of two tensors that vary share the difference evenly, as in attention and gates, a
    softmax varies with all of its row, and maximum pooling hands it to the value that decided. An operation without a
    rule is refused.

    Maps: [B, *input, T], signed.
    Cost: two forward passes, that of a number or an array on one example alone where the model keeps examples in rows,
        and a backward pass per target.
    Claims: complete, class-discriminative, input-shaped.

    Args:
        baseline: A number in the input's units; "mean" (each example's own, per channel), "blur" (its own, a Gaussian
            of a tenth of each side), "uniform" (drawn over its own range per channel); or an array like one example.

    Raises:
        InputError: The input is made of whole numbers, or the score does not depend on it.
        ModelError: The model has an operation without a rule, such as the loop of a recurrent layer; the message names
            it.
        ParameterError: The baseline does not fit the model's input.

    Source:
        Shrikumar et al., "Learning Important Features Through Propagating Activation Differences", 2017.
        arXiv:1704.02685: the summation-to-delta property, the chain rule for multipliers, the linear rule and the
        rescale rule (section 3). The rules for products, softmax and maximum pooling are ours.
    """
    begin = baselines(model, baseline)
    for leaf in tf.nest.flatten(model.preview.inputs):
        check_floats(leaf)
    outputs = tf.nest.flatten(model.all_scores(model.preview))
    check(model.name, model.preview.inputs, outputs)
    one = not isinstance(baseline, str) and in_rows(model.preview.inputs, outputs)  # the same baseline for all

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)
        start = begin(tf.nest.map_structure(lambda leaf: leaf[:1], inputs) if one else inputs)((0,))
        others = (forward_of_one if one else forward)(model, start, targets)
        multipliers = Multipliers(model.name, (inputs, start), (scores, others), constants(targets))

        def explained(score: Tensor) -> Tensor:
            ways = zip(multipliers.of(score), tf.nest.flatten(inputs), tf.nest.flatten(start), strict=True)
            maps = [slope * (tf.cast(leaf, slope.dtype) - tf.cast(far, slope.dtype)) for slope, leaf, far in ways]
            return tf.nest.pack_sequence_as(inputs, maps)

        maps = per_target(explained, scores, like=inputs)
        report_gap(maps, lambda: scores - others)
        return Explanation(scores, maps)

    return step
