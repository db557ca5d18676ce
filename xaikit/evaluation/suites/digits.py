"""Handwritten digits, 8 x 8: real data, and a small model that learns it in seconds."""

from typing import Any

import numpy as np

from ...core import keras
from ...errors import SetupError
from .references import random
from .suite import Part, Suite

_TRAINED = 1400  # of 1797; the others are held out
_EPOCHS, _BATCH = 12, 50


def make(count: int = 200) -> Suite:
    """Make the suite: train the model, and take the first digits that it never saw.

    Raises:
        SetupError: scikit-learn, which has the digits, is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise SetupError(
            "The digits come with scikit-learn, which is not installed: pip install 'xaikit[evaluation]'."
        ) from error
    digits = load_digits()
    pictures = (digits.images / 16).astype("float32")[..., np.newaxis]
    model = _trained(pictures[:_TRAINED], digits.target[:_TRAINED])
    held_out = pictures[_TRAINED:][:count]
    metrics = ("deletion(steps=16)", "insertion(steps=16)")
    text = f"digits: {len(held_out)} held-out digits of 8 x 8 pixels; deletion and insertion against black"
    return Suite("digits", text, {"digits": Part(model, held_out, "top1", None, metrics)}, {"random": random})


def _trained(pictures: Any, labels: Any) -> Any:
    """Train a small model; every draw has its own seed, and the global generators are not touched."""
    layers = keras.layers
    seeds = iter(range(3))

    def drawn() -> Any:
        return keras.initializers.HeNormal(seed=next(seeds))

    def convolution(filters: int, **options: Any) -> Any:
        shared = {"padding": "same", "activation": "relu", "kernel_initializer": drawn()}
        return layers.Conv2D(filters, 3, **shared, **options)

    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            convolution(16, name="conv1"),
            convolution(32, strides=2, name="conv2"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax", kernel_initializer=drawn(), name="digit"),
        ],
        name="digits",
    )
    order = np.random.default_rng(0).permutation(len(pictures))
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(pictures[order], labels[order], batch_size=_BATCH, epochs=_EPOCHS, shuffle=False, verbose=0)
    return model
