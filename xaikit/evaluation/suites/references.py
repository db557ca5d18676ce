"""Explainers to compare with, that are no part of the catalogue."""

from ...core import Explanation, Model, Seed, Step, Tensor, forward, tf, uniform
from ...core.recipe import method


@method
def random(model: Model, *, seed: Seed = 0) -> Step:
    """Say nothing: noise from 0 to 1, that an explainer must beat.

    Maps: [B, *input positions, T], the same for each example.
    Cost: one forward pass, for the scores.
    Claims: none.

    Args:
        seed: Which noise.
    """

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)
        shape = tf.shape(inputs)
        positions = shape[1:-1] if inputs.shape.rank > 2 else shape[1:]
        noise = uniform(positions, (seed,), scores.dtype)[tf.newaxis, ..., tf.newaxis]
        maps = tf.tile(noise, [shape[0], *[1] * (noise.shape.rank - 2), tf.shape(scores)[1]])
        inner = inputs.shape[1:-1] if inputs.shape.rank > 2 else inputs.shape[1:]
        return Explanation(scores, tf.ensure_shape(maps, [inputs.shape[0], *inner, scores.shape[1]]))

    return step
