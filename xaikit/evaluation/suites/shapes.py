"""The embedded pictures with exact masks, and the same with a shortcut that the model takes."""

from typing import Any

import numpy as np

from ...core import keras
from ...demo import CLASSES, model_path
from ...demo import shapes as draw
from ...models import load
from .references import random
from .suite import Part, Suite

_SIDE, _MARK = 64, 8  # pixels of a picture, and of the mark: one cell of the last features
_CLASS = CLASSES.index("star")
_STRENGTH = 40.0  # what a mark adds to its class's logit, where a shape adds some ten
_MAGENTA = np.array([255, 0, 255], np.uint8)
_METRICS = ("relevance_mass", "relevance_rank", "pointing_game", "localization_auc")


def make(count: int = 48) -> Suite:
    """Make the suite: a model that names the shape, and one that a mark in a corner tells what to say."""
    model = load(model_path())
    drawn = draw(count, side=_SIDE)
    plain = Part(model, drawn.images.astype("float32"), drawn.labels, drawn.masks, _METRICS)
    pictures, masks = marked(count)
    shortcut = Part(with_shortcut(model), pictures.astype("float32"), _CLASS, masks, _METRICS)
    text = (
        f"shapes: {count} embedded pictures, where the shape is the evidence, and {count} with a mark in a corner, by "
        f"which another model says {CLASSES[_CLASS]!r} whatever is drawn"
    )
    return Suite("shapes", text, {"shapes": plain, "shortcut": shortcut}, {"random": random})


def marked(count: int) -> tuple[Any, Any]:
    """Draw pictures of any other class than the mark's, each with a mark in a corner, and the marks' masks."""
    drawn = draw(2 * count + len(CLASSES), side=_SIDE, seed=1)
    others = np.flatnonzero(drawn.labels != _CLASS)[:count]
    pictures, masks = drawn.images[others].copy(), np.zeros((count, _SIDE, _SIDE), bool)
    for i in range(count):
        rows = slice(0, _MARK) if i % 4 < 2 else slice(_SIDE - _MARK, _SIDE)
        columns = slice(0, _MARK) if i % 2 == 0 else slice(_SIDE - _MARK, _SIDE)
        pictures[i, rows, columns] = _MAGENTA
        masks[i, rows, columns] = True
    return pictures, masks


def with_shortcut(model: Any) -> Any:
    """Give the embedded model one feature more, which sees the mark and speaks for its class.

    Its weights are set by hand, so that it is known what the model looks at: a mark that fills one cell is 1, and what
    is less magenta than 90 % of it is 0.
    """
    layers = keras.layers
    picture = keras.Input((None, None, 3), name="picture")
    rescaled = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(picture)
    features = model.get_layer("backbone")(rescaled)
    detector = layers.Conv2D(1, _MARK, strides=_MARK, activation="relu", name="mark")
    both = layers.Concatenate(name="features")([features, detector(rescaled)])
    pooled = layers.GlobalAveragePooling2D(name="pool")(both)
    head = layers.Dense(len(CLASSES), activation="softmax", name="class")
    made = keras.Model(picture, head(pooled), name="shortcut")
    like = np.tile(np.array([1.0, -1.0, 1.0]) / (3 * _MARK**2), (_MARK, _MARK, 1))[..., np.newaxis]
    detector.set_weights([10 * like, np.array([-9.0])])
    kernel, bias = model.get_layer("class").get_weights()
    row = np.zeros((1, len(CLASSES)))
    row[0, _CLASS] = _STRENGTH * (_SIDE // _MARK) ** 2  # the features are averaged over the cells
    head.set_weights([np.concatenate([kernel, row]), bias])
    return made
