"""Two by two cells that nothing connects: each score depends on one of them, and relevance elsewhere is wrong."""

from typing import Any

import numpy as np

from ...core import keras
from .references import random
from .suite import Part, Suite

_CELL = 8  # pixels
_FEATURES = 4


def make(count: int = 32) -> Suite:
    """Make the suite."""
    draws = np.random.default_rng(0)
    inputs = draws.uniform(0, 1, (count, 2 * _CELL, 2 * _CELL, 1)).astype("float32")
    cells = np.arange(count) % 4
    seen = np.zeros((count, 2, _CELL, 2, _CELL), bool)
    seen[np.arange(count), cells // 2, :, cells % 2] = True
    masks = seen.reshape(count, 2 * _CELL, 2 * _CELL)
    text = f"grid: {count} examples of 2 x 2 cells, where each score depends on one cell alone"
    part = Part(_disconnected(draws), inputs, cells, masks, ("relevance_mass", "relevance_rank"))
    windows = {"occlusion": {"patch": _CELL // 2, "stride": _CELL // 2}}  # none reaches into two cells
    return Suite("grid", text, {"grid": part}, {"random": random}, windows)


def _disconnected(draws: Any) -> Any:
    """Make a model whose i-th logit sees the i-th cell: strides keep to cells, and the head's other weights are 0."""
    layers = keras.layers
    inputs = keras.Input((2 * _CELL, 2 * _CELL, 1))
    hidden = layers.Conv2D(_FEATURES, _CELL // 2, strides=_CELL // 2, activation="relu", use_bias=False)(inputs)
    features = layers.Conv2D(_FEATURES, 2, strides=2, activation="relu", use_bias=False, name="cells")(hidden)
    outputs = layers.Dense(4, use_bias=False, name="scores")(layers.Flatten()(features))
    model = keras.Model(inputs, outputs, name="grid")
    *kernels, head = model.get_weights()
    own = np.repeat(np.eye(4), _FEATURES, axis=0)
    # more for than against, or relu would leave cells that nothing comes through
    weights = [draws.uniform(-0.4, 1.0, kernel.shape) for kernel in kernels]
    model.set_weights([*weights, draws.uniform(0.2, 1.0, head.shape) * own])
    return model
