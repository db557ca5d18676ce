"""FullGrad: where the inputs and every bias of the model, implicit ones included, matter to the score."""

from typing import Any

from ..core import Explanation, Model, Step, Tensor, forward, method, per_target, resized, sides, tf, to_unit_range
from ..core.biases import Bias, biases, terms
from ..core.flow import flow
from ..core.goals import constants
from ..core.located import located
from ..core.tracing import detail, detailed


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
        wanted = detailed()

        def explained(score: Tensor) -> tuple[Tensor, Tensor]:
            own, rest = terms(score, inputs, found)
            parts = tf.nest.flatten(own)
            maps = [
                _shown([term, *(rest[i] for i in on)], leaf)
                for term, leaf, on in zip(parts, tf.nest.flatten(inputs), lies, strict=True)
            ]
            return tf.nest.pack_sequence_as(inputs, maps), _total(parts + rest, score.dtype) if wanted else score

        maps, sums = per_target(explained, scores, like=(inputs, scores))
        detail("completeness_gap", lambda: sums - scores)
        return Explanation(scores, maps)

    return step


def _lying_on(names: set[str], found: list[Bias]) -> list[int]:
    """Number the biases of the tensors that lie on the positions of one input."""
    return [i for i, bias in enumerate(found) if bias.output.name in names]


def _total(parts: list[Tensor], dtype: Any) -> Tensor:
    """Add up all terms of each example: [B]."""
    return tf.add_n([tf.cast(tf.reduce_sum(part, axis=range(1, part.shape.rank)), dtype) for part in parts])


def _shown(layers: list[Tensor], inputs: Tensor) -> Tensor:
    """Add up the sizes of the terms of an input and of the layers that lie on it: [B, *input positions]."""
    if inputs.shape.rank == 2:
        return to_unit_range(tf.abs(layers[0])[..., tf.newaxis])[..., 0]
    alike: dict[Any, list[Tensor]] = {}  # they are resized together, for that is linear
    for term in layers:
        places = tuple(term.shape[1:-1])
        alike.setdefault((term.dtype, term.name if None in places else places), []).append(tf.abs(term))
    heats = [resized(_heat(sizes), sides(inputs)) for sizes in alike.values()]
    return tf.add_n([tf.cast(heat, layers[0].dtype) for heat in heats])[..., 0]


def _heat(sizes: list[Tensor]) -> Tensor:
    """The paper's post-processing of layers with equal positions, [B, *positions, K] each: [B, *positions, 1].

    A layer is brought to [0, 1], for each example, when its channels have been added up: there is less of it then.
    """
    axes = tf.constant(list(range(1, sizes[0].shape.rank)))
    low, high, sums = (
        tf.stack([reduce(each, over, keepdims=True) for each in sizes])  # [layers, B, 1..., 1], sums with positions
        for reduce, over in ((tf.reduce_min, axes), (tf.reduce_max, axes), (tf.reduce_sum, axes[-1:]))
    )
    counts = tf.cast(tf.stack([each.shape[-1] or tf.shape(each)[-1] for each in sizes]), sums.dtype)
    above = sums - tf.reshape(counts, [-1, *[1] * sizes[0].shape.rank]) * low
    return tf.reduce_sum(tf.math.divide_no_nan(tf.nn.relu(above), high - low), axis=0)  # a ReLU, for rounding
