"""Every kind of Keras model is explained, or refused in one sentence: tiny models of several kinds."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..core import Explainer, keras, tf
from ..targets import output
from .contract import check_maps
from .law import Broken
from .refusals import refusal
from .samples import settled

Subject = tuple[Any, Any, Any]  # a model, inputs, targets


def _draws(*shape: int) -> Any:
    return np.random.default_rng(7).normal(size=(2, *shape)).astype(np.float32)


def _features(inputs: Any) -> Any:
    layers = keras.layers
    hidden = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1")(inputs)
    return layers.Conv2D(5, 3, strides=2, padding="same", activation="relu", name="conv2")(hidden)


def _head(hidden: Any, name: str = "head") -> Any:
    return keras.layers.Dense(3, activation="softmax", name=name)(hidden)


def _nested() -> Subject:
    inner, inputs = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    backbone = keras.Model(inner, _features(inner), name="backbone")
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(backbone(inputs))
    return keras.Model(inputs, _head(pooled), name="nested"), _draws(8, 8, 3), "top1"


def _subclassed() -> Subject:
    class Subclassed(keras.Model):  # type: ignore[misc]
        """A model that is a program."""

        def __init__(self) -> None:
            super().__init__(name="subclassed")
            self.conv = keras.layers.Conv2D(5, 3, activation="relu", name="conv")
            self.pool = keras.layers.GlobalAveragePooling2D(name="pool")
            self.head = keras.layers.Dense(3, activation="softmax", name="head")

        def call(self, inputs: Any) -> Any:
            return self.head(self.pool(self.conv(inputs)))

    model = Subclassed()
    model(_draws(8, 8, 3))
    return model, _draws(8, 8, 3), "top1"


def _outputs() -> Subject:
    inputs = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(_features(inputs))
    both = {name: _head(pooled, name) for name in ("first", "second")}
    return keras.Model(inputs, both, name="outputs"), _draws(8, 8, 3), output("second")


def _inputs() -> Subject:
    picture, table = keras.Input((8, 8, 3)), keras.Input((4,))
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(_features(picture))
    joined = keras.layers.Concatenate(name="join")([pooled, keras.layers.Dense(3, activation="relu")(table)])
    return keras.Model([picture, table], _head(joined), name="inputs"), [_draws(8, 8, 3), _draws(4)], "top1"


def _series() -> Subject:
    inputs = keras.Input((12, 2))
    hidden = keras.layers.Conv1D(4, 3, padding="same", activation="relu", name="conv")(inputs)
    pooled = keras.layers.GlobalAveragePooling1D(name="pool")(hidden)
    return keras.Model(inputs, _head(pooled), name="series"), _draws(12, 2), "top1"


def _table() -> Subject:
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(6, activation="relu", name="hidden")(inputs)
    return keras.Model(inputs, _head(hidden), name="table"), _draws(5), "top1"


KINDS: dict[str, Callable[[], Subject]] = {
    "nested models": _nested,
    "subclassed models": _subclassed,
    "models with several outputs": _outputs,
    "models with several inputs": _inputs,
    "series": _series,
    "tables": _table,
}


@cache
def subject(kind: str) -> Subject:
    """Give the model of a kind, the same each time, with two examples and targets."""
    model, inputs, targets = KINDS[kind]()
    return settled(model), inputs, targets


def explains(kind: str, explainer: Explainer, model: Any, inputs: Any) -> str | None:
    """Check that an explainer gives maps of a kind's own model that are well-formed and say something, or refuses it.

    It has to refuse it in `bind`, with an error of xaikit.
    """
    model, inputs, targets = subject(kind)
    said, found = refusal(explainer, model, inputs, targets)
    if said:
        return f"refused: {said}"
    check_maps(found.maps, inputs, 1)
    if not any(leaf.any() for leaf in tf.nest.flatten(found.maps)):
        raise Broken(f"every map of {model.name!r} is zero")
    return None
