"""Explanations that are known beforehand: of a linear model, and of the embedded one."""

import time
from typing import Any

import numpy as np

from ..api import explain
from ..core import keras
from ..demo import model_path, shapes
from ..models import load
from ..showing import heat

_PICTURES = 6
_LOGITS = [8.48, 14.0, 12.69, 15.51, 10.51, 13.33]  # of the embedded pictures' classes, when the model was published
_CLOSE = 0.05  # devices multiply with 10 bits at the least


def checks() -> dict[str, Any]:
    """Explain, and give the number of seconds, and a sentence for each thing that is not as it should be."""
    start = time.perf_counter()
    wrong = [*_linear(), *_embedded()]
    return {"seconds": time.perf_counter() - start, "pictures": _PICTURES, "wrong": wrong}


def _linear() -> list[str]:
    """The gradients of a linear model are its weights, to the last bit."""
    kernel = np.random.default_rng(0).normal(size=(5, 3))
    model = keras.Sequential([keras.Input((5,), dtype="float64"), keras.layers.Dense(3, dtype="float64")])
    model.set_weights([kernel, np.ones(3)])
    maps = explain("gradients", model, np.arange(20.0).reshape(4, 5), "all", progress=False).maps
    if (maps == kernel).all():
        return []
    return [f"the gradients of a linear model differ from its weights by {abs(maps - kernel).max():.3g}"]


def _embedded() -> list[str]:
    """The embedded model knows the embedded pictures, and Grad-CAM sees it look at the shapes."""
    drawn = shapes(_PICTURES)
    model = load(model_path())
    inputs = drawn.images.astype("float32")
    wrong = []
    for text in ("gradients", "gradcam"):
        explained: Any = explain(text, model, inputs, progress=False)
        if (explained.targets[:, 0] != drawn.labels).any():
            wrong.append(f"under {text} the embedded model takes the pictures for other shapes than they show")
        if not np.allclose(explained.scores[:, 0], _LOGITS, rtol=_CLOSE, atol=_CLOSE):
            wrong.append(f"under {text} the scores are {explained.scores[:, 0].round(2).tolist()}, not {_LOGITS}")
        if not np.isfinite(explained.maps).all() or not explained.maps.any(axis=(1, 2)).any():
            wrong.append(f"the maps of {text} are empty or not finite")
    heats = heat(explained.maps, inputs)[..., 0]
    inside = (heats * drawn.masks).sum() / heats.sum()
    if inside < 1.5 * drawn.masks.mean():
        wrong.append(f"only {inside:.0%} of what gradcam finds lies on the shapes")
    return wrong
