"""Infidelity."""

from typing import Any, Literal

from ..core import Count, Model, NonNegative, Seed, Tensor, forward, normal, tf, to_positions
from ..core.baselines import Baseline, baselines
from ..core.copies import Number
from ..core.draws import Key
from ..core.masking import masked_scores
from ..errors import ParameterError
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.outputs import On, seen
from ..measuring.ranking import lying
from ..measuring.span import check_perturbed, span

Perturbation = Literal["noise", "baseline"]


def _check(model: Model, *, perturbation: Perturbation, noise: float, **_: Any) -> None:
    check_perturbed(model, "infidelity")
    if perturbation == "noise" and not noise:
        raise ParameterError("infidelity: noise must be more than 0 where it is all the perturbation, not 0.0.")


@metric(better="lower", requires=_check)
def infidelity(
    model: Model,
    *,
    samples: Count = 200,
    perturbation: Perturbation = "noise",
    noise: NonNegative = 0.1,
    baseline: Baseline = 0.0,
    scaled: bool = False,
    seed: Seed = 0,
    on: On = "logit",
) -> Measure:
    """Say how far a map is from telling what perturbations do to the score: E[(I.map - (f(x) - f(x - I)))^2].

    The perturbation I is Gaussian noise on every value of the input, or the way to the input from a baseline with such
    noise on it. From 0, up to rounding, for the gradients of a linear score; in squared units of the score. Inputs of
    whole numbers, of a model with several, stay as they are. Every example gets the same draws.

    The map is read as slopes: score per unit of input, as those of `gradients` and `smooth(gradients)`. Maps of
    contributions (`input_x_gradient`, `integrated_gradients`), and those with units of their own, are not: compare them
    by `sensitivity_n`, or with `scaled`, by their direction alone. A location map is resized to the input's positions
    and counts for every channel of them.

    Cost: one forward pass for each of `samples`, beside that of the clean input.

    Args:
        samples: How many perturbations.
        perturbation: "noise", around the input; or the difference to a noisy "baseline".
        noise: Standard deviation of the noise, as a share of each example's range (largest less smallest value).
        baseline: What the input is compared with, if it is.
        scaled: Multiply each map by the number that makes the value least, so that its scale does not matter.
        seed: Which draws.
        on: Whether the "logit" is followed, or the "probability".

    Raises:
        ParameterError: The baseline does not fit the model's input; or there is no noise where it is all the
            perturbation.
        ModelError: The model's inputs are whole numbers; or a "probability" is asked for where there is none.

    Source:
        Yeh et al., "On the (In)fidelity and Sensitivity of Explanations", 2019. arXiv:1901.09392, definition 2.1, and
        of the perturbations that the paper names noise and the difference to a noisy baseline.
    """
    view = seen(model, on)
    begin = baselines(model, baseline)

    def measure(case: Case) -> Measurement:
        leaves = tf.nest.flatten(case.inputs)
        draw = begin(case.inputs)
        pairs = lying(case.maps, case.inputs)

        def copy(i: Number) -> Tensor:  # x - I
            origins = leaves if perturbation == "noise" else tf.nest.flatten(draw((seed, i)))
            moved = [
                _noisy(leaf, origin, noise, (seed, i, number))
                for number, (leaf, origin) in enumerate(zip(leaves, origins, strict=True))
            ]
            return tf.nest.pack_sequence_as(case.inputs, moved)

        def product(i: Number) -> Tensor:  # I.map
            moved = tf.nest.flatten(copy(i))
            ways = {id(leaf): leaf - other for leaf, other in zip(leaves, moved, strict=True)}
            return tf.add_n([_product(ways[id(on)], maps) for maps, on in pairs])

        signature = tf.TensorSpec([leaves[0].shape[0]], tf.float64)
        products = tf.transpose(tf.map_fn(product, tf.range(samples), fn_output_signature=signature))
        clean = tf.cast(forward(view, case.inputs, case.targets), tf.float64)  # [B, 1]
        drops = clean - tf.cast(masked_scores(view, case.inputs, case.targets, samples, copy)[:, 0], tf.float64)
        factor = _best(products, drops) if scaled else 1.0
        return Measurement(tf.reduce_mean(tf.square(factor * products - drops), axis=1))

    return measure


def _noisy(inputs: Tensor, origin: Tensor, noise: float, key: Key) -> Tensor:
    """Add noise to where one input is perturbed from; whole numbers stay as they are in the input."""
    if not inputs.dtype.is_floating:
        return inputs
    deviation = tf.constant(noise, inputs.dtype) * span(inputs)
    return origin + deviation * normal(tf.shape(inputs)[1:], key, inputs.dtype)


def _product(way: Tensor, maps: Tensor) -> Tensor:
    """Multiply how far one input was moved, as the model saw it, by the map, and add up: [B]."""
    slopes = to_positions(maps[..., tf.newaxis], way)[..., 0]
    slopes = slopes if slopes.shape.rank == way.shape.rank else slopes[..., tf.newaxis]
    parts = tf.cast(way, tf.float64) * tf.cast(slopes, tf.float64)
    return tf.reduce_sum(parts, axis=range(1, way.shape.rank))


def _best(products: Tensor, drops: Tensor) -> Tensor:
    """Give the factor of each row's products that brings them nearest to its drops, [B, 1]."""
    return tf.math.divide_no_nan(
        tf.reduce_sum(products * drops, axis=1, keepdims=True), tf.reduce_sum(products**2, axis=1, keepdims=True)
    )
