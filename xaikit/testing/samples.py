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
    draws = np.random.default_rng(10)
    for variable in model.weights:
        variable.assign(_settled(variable, draws))
    return model


def _settled(variable: Any, draws: Any) -> Any:
    """Draw kernels and biases; numbers above 1 for what normalises; a strong head, for classes that differ."""
    drawn = draws.normal(0.0, 1.0 if variable.path == "head/kernel" else 0.5, variable.shape)
    return 1 + 0.2 * np.abs(drawn) if variable.path.endswith(("gamma", "variance")) else drawn


def sample_inputs() -> Any:
    """Draw five pictures for `sample_model`, [5, 8, 8, 3] float32, each with a tint of its own: classes differ."""
    draws = np.random.default_rng(1)
    tints = draws.normal(0.0, 2.0, (5, 1, 1, 3))
    return (tints + draws.normal(size=(5, 8, 8, 3))).astype(np.float32)
