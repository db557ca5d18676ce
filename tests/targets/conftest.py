"""Small models of other outputs than classes, in float64, and an explainer that counts its traces."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit.core import Explanation, forward, gradient, method, per_target


def draws(shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.fixture(scope="session")
def linear():
    """f = W x + c on rows of five numbers, four classes: the gradient of class k is column k of W, whatever x."""
    inputs = keras.Input((5,), dtype="float64")
    return settled(keras.Model(inputs, keras.layers.Dense(4, dtype="float64")(inputs), name="linear"))


@pytest.fixture(scope="session")
def rows():
    return 2 * draws((7, 5))


@pytest.fixture(scope="session")
def segmenter():
    """A 1x1 convolution and a softmax over three classes, on pictures of any size with two channels."""
    inputs = keras.Input((None, None, 2), dtype="float64")
    outputs = keras.layers.Conv2D(3, 1, activation="softmax", name="classes", dtype="float64")(inputs)
    return settled(keras.Model(inputs, outputs, name="segmenter"))


@pytest.fixture(scope="session")
def scenes():
    """[5, 4, 6, 2]."""
    return 2 * draws((5, 4, 6, 2))


@pytest.fixture(scope="session")
def two_heads():
    """Outputs by name: a softmax over three classes, one over five, both after their own convolution and dropout."""
    inputs = keras.Input((6, 6, 2), dtype="float64")

    def head(name, classes):
        features = keras.layers.Conv2D(4, 3, activation="relu", name=f"{name}_conv", dtype="float64")(inputs)
        pooled = keras.layers.GlobalAveragePooling2D(dtype="float64")(features)
        dropped = keras.layers.Dropout(0.5, dtype="float64")(pooled)
        return keras.layers.Dense(classes, activation="softmax", name=name, dtype="float64")(dropped)

    outputs = {"genus": head("genus", 3), "species": head("species", 5)}
    return settled(keras.Model(inputs, outputs, name="heads"))


@pytest.fixture(scope="session")
def pictures():
    return 2 * draws((5, 6, 6, 2), seed=3)


@pytest.fixture
def traced():
    """Gradients that add to a list each time that they are traced."""
    traces = []

    @method
    def recorded(model):
        def step(inputs, targets):
            traces.append(1)
            scores = forward(model, inputs, targets)
            return Explanation(scores, per_target(lambda score: gradient(score, inputs), scores))

        return step

    return recorded, traces


@pytest.fixture(scope="session")
def strategy():
    assert len(tf.config.list_logical_devices("CPU")) == 2
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
