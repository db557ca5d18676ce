"""Small float64 models of pictures, each with one kind of layer or function in the middle."""

from functools import cache

import keras
import numpy as np

from .weights import settled

OPTIONS = {"dtype": "float64"}


def around(middle, shape=(6, 7, 3)):
    """A convolution, or a dense layer on tables, then `middle`, then a linear head of three scores."""
    layers = keras.layers
    inputs = keras.Input(shape, **OPTIONS)
    first = {1: layers.Dense, 2: layers.Conv1D, 3: layers.Conv2D, 4: layers.Conv3D}[len(shape)]
    options = OPTIONS if len(shape) == 1 else {"kernel_size": 3, "padding": "same", **OPTIONS}
    hidden = middle(first(6, **options)(inputs))
    return settled(keras.Model(inputs, layers.Dense(3, **OPTIONS)(layers.Flatten(**OPTIONS)(hidden))))


def activation(name):
    """An activation layer."""
    return lambda hidden: keras.layers.Activation(name, **OPTIONS)(hidden)


def layer(kind, *arguments, **parameters):
    """Any layer in float64."""
    return lambda hidden: getattr(keras.layers, kind)(*arguments, **parameters, **OPTIONS)(hidden)


def called(function, shape=(6, 7, 6)):
    """A function of tensors, called within the model."""
    return lambda hidden: keras.layers.Lambda(function, output_shape=shape, **OPTIONS)(hidden)


def gated(hidden):
    """Channels weighed by what they are on average: squeeze and excitation."""
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True, **OPTIONS)(hidden)
    gate = keras.layers.Conv2D(6, 1, activation="sigmoid", **OPTIONS)(mean)
    return keras.layers.Multiply(**OPTIONS)([hidden, gate])


def residual(hidden):
    """A branch, added to what it began at, and beside it."""
    branch = keras.layers.Conv2D(6, 3, padding="same", activation="relu", **OPTIONS)(hidden)
    added = keras.layers.Add(**OPTIONS)([hidden, branch])
    return keras.layers.Concatenate(**OPTIONS)([added, branch])


def attending(hidden):
    """Self-attention over the positions, with a normalisation before it."""
    flat = keras.layers.Reshape((-1, 6), **OPTIONS)(hidden)
    normal = keras.layers.LayerNormalization(**OPTIONS)(flat)
    attended = keras.layers.MultiHeadAttention(2, 3, **OPTIONS)(normal, normal)
    return keras.layers.Add(**OPTIONS)([flat, attended])


ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "hard_silu", "mish", "tanh", "sigmoid"),
    *("hard_sigmoid", "softplus", "softsign", "exponential", "log_sigmoid", "softmax", "log_softmax"),
)

MIDDLES = {
    **{name: activation(name) for name in ACTIVATIONS},
    "approximate gelu": called(lambda x: keras.ops.gelu(x, approximate=True)),
    "absolute value": called(abs),
    "rational": called(lambda x: x / (1 + keras.ops.square(x))),
    "inverse": called(lambda x: 1 / (2 + keras.ops.square(x))),
    "larger of two": called(lambda x: keras.ops.maximum(x, x[..., ::-1])),
    "power": called(lambda x: keras.ops.power(x, 3.0)),
    "other slopes": layer("ReLU", 2.0, negative_slope=0.1, threshold=0.3),
    "elu of two pieces": layer("ELU", 0.5),
    "PReLU": layer("PReLU"),
    **{kind: layer(kind) for kind in ("BatchNormalization", "LayerNormalization", "RMSNormalization")},
    "UnitNormalization": layer("UnitNormalization"),
    "GroupNormalization": layer("GroupNormalization", 3),
    "overlapping pooling": layer("MaxPooling2D", 3, strides=2, padding="same"),
    "plain pooling": layer("MaxPooling2D", 2),
    "largest of all": layer("GlobalMaxPooling2D"),
    "average pooling": layer("AveragePooling2D", 2, padding="same"),
    "average of all": layer("GlobalAveragePooling2D"),
    "depthwise": layer("DepthwiseConv2D", 3),
    "separable": layer("SeparableConv2D", 4, 3),
    "transposed": layer("Conv2DTranspose", 4, 3, strides=2),
    "padded, cropped, larger": lambda hidden: keras.layers.UpSampling2D(**OPTIONS)(
        keras.layers.Cropping2D(1, **OPTIONS)(keras.layers.ZeroPadding2D(2, **OPTIONS)(hidden))
    ),
    "gate": gated,
    "residual": residual,
    "attention": attending,
}


@cache
def side_by_side():
    """One model with a score for each of the middles, in their order: one trace serves them all."""
    inputs = keras.Input((6, 7, 3), **OPTIONS)
    scores = []
    for middle in MIDDLES.values():
        hidden = middle(keras.layers.Conv2D(6, 3, padding="same", **OPTIONS)(inputs))
        scores.append(keras.layers.Dense(1, **OPTIONS)(keras.layers.Flatten(**OPTIONS)(hidden)))
    return settled(keras.Model(inputs, keras.layers.Concatenate(**OPTIONS)(scores)))


def failing(errors, tolerance):
    """Name the middles whose error, [B, middles], is larger."""
    worst = np.abs(errors).max(axis=0)
    return [name for name, error in zip(MIDDLES, worst, strict=True) if not error < tolerance]
