"""Cases that class activation maps are written out for."""

from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

from tests.oracles.weights import settled


class Case(NamedTuple):
    """A model, its inputs, and what NumPy says of its last convolution.

    Attributes:
        model: A convolution with a ReLU, a Flatten head without a hidden layer.
        inputs: [B, 6, 6, 2]
        features: [B, 4, 4, 3]
        slopes: Of each logit, [4, 4, 3, classes]: the same for every example.
        bias: [classes]
    """

    model: Any
    inputs: Any
    features: Any
    slopes: Any
    bias: Any


@pytest.fixture(scope="session")
def flattened_case(flattened64):
    inputs = np.random.default_rng(6).normal(size=(4, 6, 6, 2))
    kernel, bias = flattened64.get_layer("conv").get_weights()
    weights, head_bias = flattened64.get_layer("head").get_weights()
    windows = np.lib.stride_tricks.sliding_window_view(inputs, (3, 3), axis=(1, 2))
    features = np.maximum(np.einsum("bijchw,hwck->bijk", windows, kernel) + bias, 0)
    return Case(flattened64, inputs, features, weights.reshape(4, 4, 3, -1), head_bias)


@pytest.fixture(scope="session")
def given64():
    """Features are the inputs, [B, 4, 4, 2], and a Flatten head reads them: any features can be given."""
    inputs = keras.Input((4, 4, 2), dtype="float64")
    features = keras.layers.Conv2D(2, 1, use_bias=False, name="given", dtype="float64")(inputs)
    flat = keras.layers.Flatten(dtype="float64")(features)
    model = settled(keras.Model(inputs, keras.layers.Dense(3, name="head", dtype="float64")(flat), name="given"))
    model.get_layer("given").set_weights([np.eye(2)[np.newaxis, np.newaxis]])
    return model


@pytest.fixture(scope="session")
def changed():
    """Copy a model, with the weights of some of its layers changed by a function of them."""

    def copied(model, **changes):
        other = keras.models.clone_model(model)
        other.set_weights(model.get_weights())
        for name, change in changes.items():
            layer = other.get_layer(name)
            layer.set_weights(change(*layer.get_weights()))
        return other

    return copied
