"""The networks that are explained, each with the parts that floors are written on. Nothing of xaikit is needed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

CLASSES = 1000


class Network(NamedTuple):
    """A network and its parts, which share their layers.

    Attributes:
        model: From pictures to probabilities: what a user has.
        logits: From pictures to logits.
        features: From pictures to the last layer with positions, and logits.
        head: From that layer on to logits.
        attention: From pictures to the attention weights of each layer, and logits; None where there is no attention.
        side: Of the pictures.
    """

    model: Any
    logits: Any
    features: Any
    head: Any
    attention: Any
    side: int


def _network(side: int, inputs: Any, features: Any, logits: Any, weights: list[Any] | None = None) -> Network:
    outputs = keras.layers.Softmax(name="probabilities")(logits)
    return Network(
        keras.Model(inputs, outputs),
        keras.Model(inputs, logits),
        keras.Model(inputs, [features, logits]),
        keras.Model(features, logits),
        keras.Model(inputs, [*weights, logits]) if weights else None,
        side,
    )


def _classified(side: int, inputs: Any, features: Any, classes: int = CLASSES) -> Network:
    """Put on the head that torchvision's MobileNetV2 has too: average, dropout, a linear layer."""
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(features)
    logits = keras.layers.Dense(classes, name="logits")(keras.layers.Dropout(0.2, name="dropout")(pooled))
    return _network(side, inputs, features, logits)


def mobilenet_v2(side: int) -> Network:
    """The smaller of the two: depthwise convolutions, whose gradients are slow on CPU."""
    base = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(None, None, 3))
    return _classified(side, base.inputs[0], base.outputs[0])


def resnet50_v2(side: int) -> Network:
    """The larger one: dense convolutions, which leave little time for anything else."""
    base = keras.applications.ResNet50V2(weights=None, include_top=False, input_shape=(None, None, 3))
    return _classified(side, base.inputs[0], base.outputs[0])


def vit(side: int, *, patch: int = 16, width: int = 192, blocks: int = 4, heads: int = 3) -> Network:
    """A vision transformer, ViT-Ti/16 with a third of its blocks: norm first, mean of the tokens, GELU."""
    inputs = keras.Input((side, side, 3))
    hidden = keras.layers.Conv2D(width, patch, strides=patch, name="patches")(inputs)
    hidden = keras.layers.Reshape((-1, width))(hidden)
    weights = []
    for _ in range(blocks):
        normed = keras.layers.LayerNormalization()(hidden)
        attention = keras.layers.MultiHeadAttention(heads, width // heads, dropout=0.1)
        mixed, seen = attention(normed, normed, return_attention_scores=True)
        weights.append(seen)
        hidden = keras.layers.Add()([hidden, mixed])
        normed = keras.layers.LayerNormalization()(hidden)
        wide = keras.layers.Dense(4 * width, activation="gelu")(normed)
        hidden = keras.layers.Add()([hidden, keras.layers.Dense(width)(wide)])
    features = keras.layers.LayerNormalization(name="features")(hidden)
    logits = keras.layers.Dense(CLASSES, name="logits")(keras.layers.GlobalAveragePooling1D()(features))
    return _network(side, inputs, features, logits, weights)


def tiny(side: int) -> Network:
    """Two convolutions: what is left of the time is overhead. Its passes are easily counted."""
    inputs = keras.Input((None, None, 3))  # any size, as tta asks
    hidden = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1")(inputs)
    features = keras.layers.Conv2D(8, 3, strides=4, padding="same", activation="relu", name="conv2")(hidden)
    return _classified(side, inputs, features, 4)


def tiny_vit(side: int) -> Network:
    """A transformer of the same kind."""
    return vit(side, patch=side // 4, width=8, blocks=2, heads=2)


NETWORKS: dict[str, Callable[[int], Network]] = {
    "mobilenet_v2": mobilenet_v2,
    "resnet50_v2": resnet50_v2,
    "vit": vit,
    "tiny": tiny,
    "tiny_vit": tiny_vit,
}


def pictures(count: int, side: int) -> np.ndarray:
    """Draw pictures [count, side, side, 3] in [-1, 1]: 8 x 8 colours that run into each other, with a little noise.

    The first ones are the same whatever the count.
    """
    rng = np.random.default_rng(0)
    near = np.maximum(0, 1 - np.abs(np.linspace(0, 7, side)[:, np.newaxis] - np.arange(8)))  # [side, 8]

    def one() -> np.ndarray:
        colours = np.einsum("ia,abk,jb->ijk", near, rng.uniform(-0.9, 0.9, (8, 8, 3)), near)
        return colours + rng.uniform(-0.1, 0.1, (side, side, 3))

    return np.stack([one() for _ in range(count)]).astype("float32")


def settled(name: str, side: int) -> Network:
    """Make a network whose weights are drawn from a fixed seed.

    Its normalisation layers get the statistics of some pictures: without, gradients vanish in an untrained network.
    """
    keras.utils.set_random_seed(0)
    network = NETWORKS[name](side)
    for layer in network.model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network.model(pictures(8, side), training=True)
    return network


def best_classes(network: Network, images: np.ndarray) -> np.ndarray:
    """The class that the network gives each picture, [B] int32: what is explained."""
    logits = np.concatenate([network.logits(images[i : i + 8], training=False) for i in range(0, len(images), 8)])
    return logits.argmax(axis=-1).astype("int32")
