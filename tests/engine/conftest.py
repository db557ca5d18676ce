"""Tiny models, their inputs, and explainers that record what the engine does with them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from xaikit.core import Explanation, forward, gradient, method, per_target


def weighted(model, seed=9):
    """Give a model weights that are the same in every run."""
    draws = np.random.default_rng(seed)
    model.set_weights([draws.normal(size=value.shape).astype(value.dtype) / 2 for value in model.get_weights()])
    return model


def convolutional(size=8, classes=4, name="small"):
    return weighted(
        keras.Sequential(
            [
                keras.Input((size, size, 3)),
                keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(classes, activation="softmax"),
            ],
            name=name,
        )
    )


def in_two_parts(as_dict=False):
    """A picture and a row of numbers, as a list or by name."""
    picture, row = keras.Input((4, 4, 3), name="picture"), keras.Input((5,), name="row")
    flat = keras.layers.Flatten()(picture)
    outputs = keras.layers.Dense(3)(keras.layers.Concatenate()([flat, row]))
    inputs = {"picture": picture, "row": row} if as_dict else [picture, row]
    return weighted(keras.Model(inputs, outputs, name="parts"))


def whole(model):
    """Whether nothing is left on a model, and on any of its layers."""
    return not [layer.name for layer in model._flatten_layers() if "call" in layer.__dict__]


class Tools:
    """The builders, for tests that need a model of their own."""

    convolutional = staticmethod(convolutional)
    in_two_parts = staticmethod(in_two_parts)
    weighted = staticmethod(weighted)
    whole = staticmethod(whole)


@pytest.fixture(scope="session")
def tools():
    return Tools


@pytest.fixture(scope="session")
def model():
    """Pictures [8, 8, 3], four classes, a softmax."""
    return convolutional()


@pytest.fixture(scope="session")
def parts():
    return in_two_parts()


@pytest.fixture(scope="session")
def named_parts():
    return in_two_parts(as_dict=True)


@pytest.fixture(scope="session")
def table():
    """Rows of five numbers, four classes, linear."""
    return weighted(keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)], name="table"))


@pytest.fixture(scope="session")
def images():
    """[7, 8, 8, 3], each of another colour, so that they are of several classes."""
    draws = np.random.default_rng(1)
    return (draws.normal(size=(7, 8, 8, 3)) + 2 * draws.normal(size=(7, 1, 1, 3))).astype("float32")


@pytest.fixture(scope="session")
def rows():
    return np.random.default_rng(2).normal(size=(7, 5)).astype("float32")


@method
def echo(model):
    """Give the inputs back as maps: what the engine fed is what comes out."""

    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        maps = tf.nest.map_structure(lambda leaf: leaf[..., tf.newaxis] + tf.zeros_like(scores[:1, :]), inputs)
        return Explanation(scores, maps)

    return step


@pytest.fixture(scope="session", name="echo")
def echo_fixture():
    return echo


@pytest.fixture
def traced():
    """An explainer of this test alone, and the list to which it adds the shape of its inputs at each trace."""
    traces = []

    @method
    def recorded(model, *, strength: float = 1.0):
        def step(inputs, targets):
            traces.append(inputs.shape)
            scores = forward(model, inputs, targets)
            return Explanation(scores, per_target(lambda score: strength * gradient(score, inputs), scores))

        return step

    return recorded, traces
