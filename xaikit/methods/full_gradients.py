"""FullGrad: where the inputs and every bias of the model, implicit ones included, matter to the score."""

from ..core import Explanation, Model, Step, Tensor, forward, method, per_target, resized, sides, tf, to_unit_range
from ..core.biases import Bias, biases, terms
from ..core.flow import flow
from ..core.goals import constants
from ..core.located import located
from ..core.tracing import detail


@method
def full_gradients(model: Model) -> Step:
    """Add up the sizes of inputs times gradients, and of biases times theirs, over all layers with positions.

    A score is exactly the sum of inputs times their gradients, and of biases times theirs: what layers and
    normalisations add, and what an activation is away from its tangent. That decomposition is complete, and
    `explain(..., details=True)` reports its "completeness_gap"; the map is not, for it takes sizes: each layer's terms
    are brought to [0, 1] for each example, resized to the input, and added up over channels and layers. Biases without
    positions, such as those of dense layers, are a part of the decomposition alone, so that a table's map is that of
    its features. Of several inputs each has a map, with the biases that lie on its positions.

    Maps: [B, *input positions, T], from 0 up; on tables [B, F, T].
    Cost: one forward pass, and a backward pass per target that keeps every layer's gradient.
    Claims: class-discriminative.

    Raises:
        InputError: The input is made of whole numbers, or the score does not depend on it.
        ModelError: An operation has no gradient, or hides others, as a loop does; the message names it.

    Source:
        Srinivas and Fleuret, "Full-Gradient Representation for Neural Network Visualization", 2019. arXiv:1905.00780:
        the full-gradient decomposition (section 3) with the implicit biases of activations and normalisations, and the
        saliency map FullGrad (section 4). A layer's channels are brought to [0, 1] together, as its authors do.
    """

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)
        given = constants(targets)
        found = biases(inputs, scores, given)
        ways = flow(inputs, scores, given)
        lies = [_lying_on(located(leaf, ways), found) for leaf in tf.nest.flatten(inputs)]

        def explained(score: Tensor) -> tuple[Tensor, Tensor]:
            own, rest = terms(score, inputs, found)
            parts = tf.nest.flatten(own)
            maps = [
                sum((_shown(rest[i], leaf) for i in on), _shown(term, leaf))
                for term, leaf, on in zip(parts, tf.nest.flatten(inputs), lies, strict=True)
            ]
            sums = [tf.cast(tf.reduce_sum(part, axis=range(1, part.shape.rank)), score.dtype) for part in parts + rest]
            return tf.nest.pack_sequence_as(inputs, maps), tf.add_n(sums)

        maps, sums = per_target(explained, scores, like=(inputs, scores))
        detail("completeness_gap", lambda: sums - scores)
        return Explanation(scores, maps)

    return step


def _lying_on(names: set[str], found: list[Bias]) -> list[int]:
    """Number the biases of the tensors that lie on the positions of one input."""
    return [i for i, bias in enumerate(found) if bias.output.name in names]


def _shown(term: Tensor, inputs: Tensor) -> Tensor:
    """The paper's post-processing of one layer, [B, *positions, K], summed over its channels: [B, *input positions]."""
    heat = to_unit_range(tf.abs(term)[..., tf.newaxis])[..., 0]  # of each example, over positions and channels
    if inputs.shape.rank == 2:
        return heat
    return resized(tf.reduce_sum(heat, axis=-1, keepdims=True), sides(inputs))[..., 0]
