"""SavedModels, the folders that `model.export` writes, as Keras models."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .scan import Refused

if TYPE_CHECKING:
    import keras

_ENDPOINTS = ("serving_default", "serve")


def exported(folder: Path, trust: bool) -> "keras.Model":
    """Load a SavedModel as a functional model around one `TFSMLayer`.

    Args:
        folder: It holds `saved_model.pb`.
        trust: A SavedModel's ops can read and write files: without this it is refused.

    Raises:
        Refused: It is not trusted, or has no endpoint for inference whose inputs are known.
    """
    if not trust:
        raise Refused("a SavedModel is a program", "If you know who made it, load it with trust=True (--trust-model).")
    import keras
    import tensorflow as tf

    logging.getLogger("xaikit").warning("trusted the SavedModel %r", str(folder))
    signatures = tf.saved_model.load(str(folder)).signatures
    endpoint = next((name for name in _ENDPOINTS if name in signatures), None)
    if endpoint is None:
        raise Refused(
            f"it has no endpoint {' or '.join(_ENDPOINTS)}, but {', '.join(signatures) or 'none'}",
            "Export the model with model.export(folder).",
        )
    specs = signatures[endpoint].structured_input_signature[1]
    if len(specs) != 1:
        raise Refused(f"it has {len(specs)} inputs", "Put it in a keras.layers.TFSMLayer of a model of your own.")
    (spec,) = specs.values()
    if spec.shape.rank is None or spec.shape.rank < 1:
        raise Refused("the shape of its input is not known", "Export it with an input_signature.")
    inputs = keras.Input(tuple(spec.shape[1:]), dtype=spec.dtype.name)
    outputs = keras.layers.TFSMLayer(str(folder), call_endpoint=endpoint)(inputs)
    return keras.Model(inputs, _bare(outputs), name=folder.name)


def _bare(outputs: Any) -> Any:
    """Take a single output out of its dict."""
    return next(iter(outputs.values())) if isinstance(outputs, dict) and len(outputs) == 1 else outputs
