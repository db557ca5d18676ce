"""Explainers whose maps can be written down: they tell what a transformer does to a map, whatever the model."""

import tensorflow as tf

from xaikit import method, transformer
from xaikit.core import Explanation, NonNegative, forward


def _columns(maps, targets):
    """Repeat maps [B, ...] for each target: [B, ..., T]."""
    return tf.repeat(maps[..., tf.newaxis], tf.shape(targets)[-1], axis=-1)


@method
def echo(model):
    """Give the inputs themselves as input-shaped maps."""

    def step(inputs, targets):
        return Explanation(forward(model, inputs, targets), _columns(inputs, targets))

    return step


@method
def squared(model):
    """Give the squares of the inputs."""

    def step(inputs, targets):
        return Explanation(forward(model, inputs, targets), _columns(tf.square(inputs), targets))

    return step


@method
def coarse(model):
    """Give location maps at half the positions: the first channel, every other value along each axis."""

    def step(inputs, targets):
        every_other = (slice(None), *[slice(None, None, 2)] * (inputs.shape.rank - 2), 0)
        return Explanation(forward(model, inputs, targets), _columns(inputs[every_other], targets))

    return step


@method
def constant(model, *, value: NonNegative = 1.0, located: bool = False):
    """Give one number everywhere, at the input's positions or of its shape."""

    def step(inputs, targets):
        like = inputs[..., 0] if located else inputs
        return Explanation(forward(model, inputs, targets), _columns(tf.ones_like(like) * value, targets))

    return step


@transformer
def unchanged(step):
    """Give what the explainer gives, one level higher."""
    return step
