"""The models and the inputs that laws are checked on where none are given."""

from functools import cache
from typing import Any

import numpy as np

from ..core import Explainer, Model, as_view, keras, tf
from ..core.steps import bound
from ..core.view import declared_spec
from ..demo import model_path, shapes
from ..errors import XaikitError
from ..models import load


@cache
def sample_model(policy: str = "float32") -> Any:
    """Build a small convolutional model of pictures [H, W, 3] of any size, with 4 classes and fixed weights.

    It has two convolutions, dropout, batch normalisation, average pooling and a softmax head, so that every kind of
    method has something to read. The same object is given each time, so that what was traced once serves again.

    Args:
        policy: The layers' dtype policy, such as "mixed_float16".
    """
    layers, of = keras.layers, {"dtype": keras.DTypePolicy(policy)}
    inputs = keras.Input((None, None, 3))
    hidden = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1", **of)(inputs)
    hidden = layers.Dropout(0.2, seed=1, name="dropout", **of)(hidden)
    hidden = layers.Conv2D(5, 3, strides=2, padding="same", use_bias=False, name="conv2", **of)(hidden)
    hidden = layers.BatchNormalization(name="norm", **of)(hidden)
    features = layers.Activation("relu", name="features", **of)(hidden)
    pooled = layers.GlobalAveragePooling2D(name="pool", **of)(features)
    outputs = layers.Dense(4, activation="softmax", name="head", **of)(pooled)
    return settled(keras.Model(inputs, outputs, name="sample"))


def sample_inputs() -> Any:
    """Draw five pictures for `sample_model`, [5, 8, 8, 3] float32, each with a tint of its own: classes differ."""
    return _tinted((5, 8, 8, 3))


@cache
def sample_transformer(policy: str = "float32") -> Any:
    """Build a small vision transformer of pictures [4, 8, 3], for methods that read attention: 3 classes."""
    layers, of = keras.layers, {"dtype": keras.DTypePolicy(policy)}
    inputs = keras.Input((4, 8, 3))
    patches = layers.Conv2D(8, 2, strides=2, name="patches", **of)(inputs)
    # eight tokens: sums of whole vectors have no order of their own
    tokens = layers.Reshape((8, 8), name="tokens", **of)(patches)
    attended = layers.MultiHeadAttention(2, 4, name="attention", **of)(tokens, tokens)
    added = layers.Add(name="sum", **of)([tokens, attended])
    pooled = layers.GlobalAveragePooling1D(name="pool", **of)(layers.LayerNormalization(name="norm", **of)(added))
    outputs = layers.Dense(3, activation="softmax", name="head", **of)(pooled)
    return settled(keras.Model(inputs, outputs, name="sample_transformer"))


def sample_for(explainer: Explainer, policy: str = "float32") -> tuple[Any, Any]:
    """Give the small model that an explainer takes, and inputs for it.

    Raises:
        XaikitError: It takes neither; the error is what it says of the convolutional one.
    """
    refusals = []
    for build, inputs in ((sample_model, sample_inputs()), (sample_transformer, _tinted((5, 4, 8, 3)))):
        try:
            check_taken(explainer, as_view(build(policy)))
        except XaikitError as error:
            refusals.append(error)
        else:
            return build(policy), inputs
    raise refusals[0]


def check_taken(explainer: Explainer, view: Model) -> None:
    """Let an explainer refuse a model; another error in its `bind` is a fault, which is left to the laws.

    Raises:
        XaikitError: It does.
    """
    try:
        bound(explainer, view)
    except XaikitError:
        raise
    except Exception:
        return


@cache
def demo_model() -> Any:
    """Load the embedded model, which was trained on the embedded pictures."""
    return load(model_path())


def demo_pictures(count: int) -> Any:
    """Draw embedded pictures, with their labels and the exact masks of what they show."""
    return shapes(count, side=64)


def random_inputs(model: Any, count: int = 5) -> Any:
    """Draw inputs as a model declares them: floats around 0, and whole numbers from 1 to 9.

    Pictures for a model that rescales its own input are drawn from 0 to 255. A side that is open is 32 long.

    Raises:
        ModelError: The model declares no inputs.
    """
    pixels = any(type(layer).__name__ in ("Rescaling", "Normalization") for layer in model._flatten_layers())

    def drawn(spec: Any) -> Any:
        shape = (count, *(32 if side is None else side for side in spec.shape[1:]))
        if not spec.dtype.is_floating:
            return np.random.default_rng(1).integers(1, 10, shape).astype(spec.dtype.as_numpy_dtype)
        values = _tinted(shape)
        return np.clip(127 + 60 * values, 0, 255).astype(np.float32) if pixels else values

    return tf.nest.map_structure(drawn, declared_spec(model))


def settled(model: Any) -> Any:
    """Give a model weights that are the same in every run."""
    draws = np.random.default_rng(10)
    for variable in model.weights:
        variable.assign(_settled(variable, draws))
    return model


def _settled(variable: Any, draws: Any) -> Any:
    """Draw kernels and biases; numbers above 1 for what normalises; a strong head, for classes that differ."""
    drawn = draws.normal(0.0, 1.0 if variable.path == "head/kernel" else 0.5, variable.shape)
    return 1 + 0.2 * np.abs(drawn) if variable.path.endswith(("gamma", "variance")) else drawn


def _tinted(shape: tuple[int, ...]) -> Any:
    """Draw floats, each example with a tint of its own."""
    draws = np.random.default_rng(1)
    tints = draws.normal(0.0, 2.0, (shape[0], *(1 for _ in shape[2:]), shape[-1]))
    return (tints + draws.normal(size=shape)).astype(np.float32)
