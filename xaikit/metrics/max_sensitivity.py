"""Maximum sensitivity."""

from typing import Any

from ..core import Count, Explainer, Model, Positive, Seed, Tensor, bound, dims, tf, uniform
from ..core.copies import Number, helpings, maps_at_once, room_for
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.ratio import ratio
from ..measuring.span import check_perturbed, span


def _check(model: Model, **_: Any) -> None:
    check_perturbed(model, "max_sensitivity")


@metric(better="lower", requires=_check)
def max_sensitivity(
    explainer: Explainer, model: Model, *, samples: Count = 10, radius: Positive = 0.02, seed: Seed = 0
) -> Measure:
    """Say how much a map changes, at most, where its input changes a little: ||map(x') - map(x)|| / ||map(x)||.

    The largest of some inputs x', drawn evenly from the cube around x whose sides are twice the radius: from 0, of maps
    that do not depend on the input. The norm is the Euclidean one over the raw map. The target stays that of x, and the
    draws of a stochastic explainer are those that it made for x. NaN for a map that is 0 everywhere.

    Every example gets the same draws. Inputs of whole numbers, of a model with several, stay as they are. The largest
    of a few draws is a lower bound of what the paper defines, the largest of all x'; more samples come nearer.

    Cost: `samples` times the explainer's.

    Args:
        samples: How many inputs are drawn.
        radius: How far a value is moved at most, as a share of its example's range (largest less smallest value): of
            inputs that span [0, 1] it is the radius in their own units.
        seed: Which draws.

    Raises:
        ModelError: The model's inputs are whole numbers.

    Source:
        Yeh et al., "On the (In)fidelity and Sensitivity of Explanations", 2019. arXiv:1901.09392: the definition of
        max-sensitivity, here by draws, and divided by the norm of the map, so that its scale does not matter.
    """
    step = bound(explainer, model)

    def measure(case: Case) -> Measurement:
        leaves = tf.nest.flatten(case.inputs)

        def near(i: Number) -> Tensor:
            moved = [_moved(leaf, radius, (seed, i, number)) for number, leaf in enumerate(leaves)]
            return tf.nest.pack_sequence_as(case.inputs, moved)

        def add(start: Number, size: Number, largest: Tensor) -> Tensor:
            maps = maps_at_once(step, case.targets, near, start, size)  # [size, B, ..., 1]
            far = tf.nest.map_structure(lambda leaf, clean: _wide(leaf[..., 0]) - _wide(clean), maps, case.maps)
            return tf.maximum(largest, tf.reduce_max(_norm(far, 2), axis=0))

        nothing = tf.zeros([dims(leaves[0])[0]], tf.float64)
        largest = helpings(add, samples, room_for(case.inputs), nothing)
        return Measurement(ratio(largest, _norm(tf.nest.map_structure(_wide, case.maps), 1)))

    return measure


def _moved(inputs: Tensor, radius: float, key: Any) -> Tensor:
    if not inputs.dtype.is_floating:
        return inputs
    ways = 2 * uniform(tf.shape(inputs)[1:], key, inputs.dtype) - 1
    return inputs + tf.constant(radius, inputs.dtype) * span(inputs) * ways


def _norm(maps: Tensor, first: int) -> Tensor:
    """Give the Euclidean norm over all axes from the first one on, of all leaves together."""
    parts = [tf.reduce_sum(leaf**2, axis=range(first, leaf.shape.rank)) for leaf in tf.nest.flatten(maps)]
    return tf.sqrt(tf.add_n(parts))


def _wide(maps: Tensor) -> Tensor:
    return tf.cast(maps, tf.float64)
