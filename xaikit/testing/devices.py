"""Replicas and half precision change no map beyond what their arithmetic does."""

import weakref
from typing import Any

import numpy as np

from ..core import Explainer, keras, tf
from ..errors import XaikitError
from .law import ROWS, Broken, Skipped, equal, explained, on_device
from .samples import sample_for

LEAST = 0.9  # cosine of maps in half and in single precision: another direction is another explanation

_twins: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()


def replicated_alike(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that two replicas, with a short last batch between them, give what one device does."""
    if len(tf.config.list_logical_devices("CPU")) < 2:
        raise Skipped("this process has one logical CPU: set two up before TensorFlow starts")
    expected = explained(explainer, model, inputs, batch_size=2)
    actual = explained(explainer, _twin(model), inputs, batch_size=2)
    scores = equal(actual.scores, expected.scores, "scores of two replicas", on_device(ROWS))
    return max(scores, equal(actual.maps, expected.maps, "maps of two replicas", on_device(ROWS)))


def _twin(model: Any) -> Any:
    """Give a copy of a model on two logical CPUs, with the model's present weights."""
    if model not in _twins:
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        try:
            with strategy.scope():
                _twins[model] = keras.models.clone_model(model)
        except (ValueError, TypeError, NotImplementedError) as error:
            raise Skipped(f"Keras cannot clone {model.name!r}: {type(error).__name__}") from error
    _twins[model].set_weights(model.get_weights())
    return _twins[model]


def alike_in_half_precision(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that mixed_float16 gives finite maps of float32 that point where those of float32 do.

    On the sample model that it takes. The figure is the least cosine between an example's two maps.
    """
    try:
        single, inputs = sample_for(explainer)
    except XaikitError as error:
        raise Skipped(f"it does not explain the sample model: {error}") from error
    expected = explained(explainer, single, inputs, 0).maps
    actual = explained(explainer, sample_for(explainer, "mixed_float16")[0], inputs, 0).maps
    if actual.dtype != np.float32:
        raise Broken(f"maps of a mixed_float16 model are {actual.dtype}")
    cosine = min(_cosine(one, other) for one, other in zip(actual, expected, strict=True))
    if not cosine >= LEAST:
        raise Broken(f"maps in half precision point elsewhere: their cosine is {cosine:.3g}, below {LEAST}", cosine)
    return cosine


def _cosine(one: Any, other: Any) -> float:
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.vdot(one, other)) / size if size else float(not np.any(one) and not np.any(other))
