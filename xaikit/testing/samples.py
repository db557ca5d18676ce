"""The model and the inputs that laws are checked on where none are given."""

from functools import cache
from typing import Any

import numpy as np

from ..core import keras


@cache
def sample_model() -> Any:
    """Build a small convolutional model of pictures [H, W, 3] of any size, with 4 classes and fixed weights.

    It has two convolutions, dropout, batch normalisation, average pooling and a softmax head, so that every kind of
    method has something to read. The same object is given each time, so that what was traced once serves again.
    """
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    hidden = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1")(inputs)
    hidden = layers.Dropout(0.2, seed=1, name="dropout")(hidden)
    hidden = layers.Conv2D(5, 3, strides=2, padding="same", use_bias=False, name="conv2")(hidden)
    hidden = layers.BatchNormalization(name="norm")(hidden)
    features = layers.Activation("relu", name="features")(hidden)
    pooled = layers.GlobalAveragePooling2D(name="pool")(features)
    outputs = layers.Dense(4, activation="softmax", name="head")(pooled)
    model = keras.Model(inputs, outputs, name="sample")
    draws = np.random.default_rng(0)
    model.set_weights([_settled(weights, draws) for weights in model.get_weights()])
    return model


def _settled(weights: Any, draws: Any) -> Any:
    """Draw kernels and biases; numbers around 1 for what normalises, so that a variance is positive."""
    drawn = draws.normal(0.0, 0.5, weights.shape)
    return 1 + 0.2 * np.abs(drawn) if weights.ndim == 1 and (weights == 1).all() else drawn


def sample_inputs() -> Any:
    """Draw five pictures, [5, 8, 8, 3] float32, standard normal, for `sample_model`."""
    return np.random.default_rng(1).normal(size=(5, 8, 8, 3)).astype(np.float32)
