"""Small models and their inputs, made once and shared, so that what is traced for one test serves the others."""

import gc

import numpy as np
import pytest
from hypothesis import settings

from tests.oracles.weights import settled
from xaikit.core import keras  # imported when a fixture is first used: not every test needs it
from xaikit.engine import compiled

settings.register_profile("xaikit", max_examples=10, deadline=None)
settings.load_profile("xaikit")

gc.set_threshold(20_000)  # a trace is millions of objects, of which few are garbage


@pytest.fixture(scope="module", autouse=True)
def traces_of_one_file():
    """Let go of what was traced for a file's tests when they are done: the models may live as long as the session."""
    yield
    for model in list(compiled._cache):
        compiled.forget(model)
    gc.collect()


def draws(shape, dtype="float32", seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def convolutional(dtype):
    """Two convolutions, average pooling, a linear head with a softmax; pictures of any size."""
    options = {"padding": "same", "activation": "relu", "dtype": dtype}
    inputs = keras.Input((None, None, 3), dtype=dtype if isinstance(dtype, str) else "float32")
    hidden = keras.layers.Conv2D(4, 3, name="conv1", **options)(inputs)
    features = keras.layers.Conv2D(5, 3, strides=2, name="conv2", **options)(hidden)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool", dtype=dtype)(features)
    outputs = keras.layers.Dense(4, activation="softmax", name="head", dtype=dtype)(pooled)
    return settled(keras.Model(inputs, outputs, name="pooled"), seed=15)


def tinted(dtype="float32"):
    """Pictures [5, 8, 8, 3], each with a tint of its own, so that their best classes differ."""
    return draws((5, 8, 8, 3), dtype) + 2 * draws((5, 1, 1, 3), dtype, seed=2)


@pytest.fixture(scope="session")
def images():
    return tinted()


@pytest.fixture(scope="session")
def images64():
    return tinted("float64")


@pytest.fixture(scope="session")
def pooled():
    """Four classes, pictures of any size, the head that cam asks for."""
    return convolutional("float32")


@pytest.fixture(scope="session")
def pooled64():
    """`pooled`, in float64."""
    return convolutional("float64")


@pytest.fixture(scope="session")
def halved():
    """`pooled`, with the mixed_float16 policy."""
    return convolutional(keras.DTypePolicy("mixed_float16"))


@pytest.fixture(scope="session")
def linear64():
    """f = w.x + c on pictures [4, 6, 2], three outputs, no activation."""
    inputs = keras.Input((4, 6, 2), dtype="float64")
    flat = keras.layers.Flatten(dtype="float64")(inputs)
    outputs = keras.layers.Dense(3, name="head", dtype="float64")(flat)
    return settled(keras.Model(inputs, outputs, name="linear"))


@pytest.fixture(scope="session")
def rectangles64():
    """Pictures for `linear64`, [3, 4, 6, 2]."""
    return draws((3, 4, 6, 2), "float64")


@pytest.fixture(scope="session")
def pointwise64():
    """1x1 convolutions and pooling: it does not see where a value stands."""
    inputs = keras.Input((None, None, 3), dtype="float64")
    features = keras.layers.Conv2D(5, 1, activation="relu", name="conv", dtype="float64")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D(dtype="float64")(features)
    outputs = keras.layers.Dense(4, activation="softmax", name="head", dtype="float64")(pooled)
    return settled(keras.Model(inputs, outputs, name="pointwise"))


@pytest.fixture(scope="session")
def flattened64():
    """A convolution and a Flatten head, on pictures of 6 x 6 alone."""
    inputs = keras.Input((6, 6, 2), dtype="float64")
    features = keras.layers.Conv2D(3, 3, activation="relu", name="conv", dtype="float64")(inputs)
    flat = keras.layers.Flatten(dtype="float64")(features)
    outputs = keras.layers.Dense(3, activation="softmax", name="head", dtype="float64")(flat)
    return settled(keras.Model(inputs, outputs, name="flattened"))


@pytest.fixture(scope="session")
def table():
    """Five features, two hidden ones: no positions anywhere."""
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(6, activation="relu")(inputs)
    return settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden), name="table"))


@pytest.fixture(scope="session")
def rows():
    """Examples for `table`, [4, 5]."""
    return draws((4, 5))


@pytest.fixture(scope="session")
def series():
    """Series of any length with two channels."""
    inputs = keras.Input((None, 2))
    features = keras.layers.Conv1D(4, 3, padding="same", strides=2, activation="relu", name="conv")(inputs)
    pooled = keras.layers.GlobalAveragePooling1D()(features)
    return settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(pooled), name="series"))


@pytest.fixture(scope="session")
def volumes():
    """Volumes of any size with one channel."""
    inputs = keras.Input((None, None, None, 1))
    features = keras.layers.Conv3D(3, 3, padding="same", strides=2, activation="relu", name="conv")(inputs)
    pooled = keras.layers.GlobalAveragePooling3D()(features)
    return settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(pooled), name="volumes"))


@pytest.fixture(scope="session")
def waves():
    """Examples for `series`, [3, 9, 2]."""
    return draws((3, 9, 2))


@pytest.fixture(scope="session")
def blocks():
    """Examples for `volumes`, [2, 4, 6, 5, 1]."""
    return draws((2, 4, 6, 5, 1))
