"""Small vision transformers, and the same forward pass written out in NumPy, with its attention and its gradients."""

import keras
import numpy as np
import tensorflow as tf

from .weights import settled


class Tokens(keras.layers.Layer):
    """Put learned tokens before the patches, and add learned positions."""

    def __init__(self, special, **options):
        super().__init__(**options)
        self.special = special

    def build(self, shape):
        count, width = shape[1], shape[2]
        if self.special:
            self.tokens = self.add_weight(shape=(self.special, width), name="tokens")
        self.places = self.add_weight(shape=(count + self.special, width), name="places")

    def call(self, patches):
        if self.special:
            shape = [tf.shape(patches)[0], self.special, patches.shape[-1]]
            patches = tf.concat([tf.broadcast_to(self.tokens, shape), patches], axis=1)
        return patches + self.places


def block(hidden, number, heads, dtype, mlp=8):
    """A transformer block, norm first: attention and a hidden layer with GELU, each added to what came in."""
    width, layers = hidden.shape[-1], keras.layers
    normed = layers.LayerNormalization(name=f"norm{number}a", dtype=dtype)(hidden)
    attention = layers.MultiHeadAttention(heads, width // heads, dropout=0.1, name=f"attention{number}", dtype=dtype)
    hidden = layers.Add(name=f"sum{number}a", dtype=dtype)([hidden, attention(normed, normed)])
    normed = layers.LayerNormalization(name=f"norm{number}b", dtype=dtype)(hidden)
    inner = layers.Dense(mlp, activation="gelu", name=f"wide{number}", dtype=dtype)(normed)
    narrow = layers.Dense(width, name=f"narrow{number}", dtype=dtype)(inner)
    return layers.Add(name=f"sum{number}b", dtype=dtype)([hidden, narrow])


def vit(
    special=1, *, size=(8, 8), patch=2, blocks=2, heads=2, width=8, pooled=False, classes=3, dtype="float64", scale=0.7
):
    """Build a vision transformer of `size` pictures, whose head reads the first token, or the mean of all."""
    inputs = keras.Input((*size, 3), dtype=dtype if isinstance(dtype, str) else "float32")
    patches = keras.layers.Conv2D(width, patch, strides=patch, name="patches", dtype=dtype)(inputs)
    hidden = keras.layers.Reshape((-1, width), dtype=dtype)(patches)
    hidden = Tokens(special, name="tokens", dtype=dtype)(hidden)
    for number in range(blocks):
        hidden = block(hidden, number, heads, dtype)
    hidden = keras.layers.LayerNormalization(name="norm", dtype=dtype)(hidden)
    read = keras.layers.GlobalAveragePooling1D(name="pool", dtype=dtype)(hidden) if pooled else hidden[:, 0]
    outputs = keras.layers.Dense(classes, activation="softmax", name="head", dtype=dtype)(read)
    return settled(keras.Model(inputs, outputs, name="vit"), seed=5, scale=scale)


def pictures(size=(8, 8), count=3, dtype="float64"):
    """Pictures for `vit`, [count, *size, 3]."""
    return np.random.default_rng(8).normal(size=(count, *size, 3)).astype(dtype)


class Written:
    """The forward pass of a `vit`, one example after the other, from its weights; float64."""

    def __init__(self, model, heads=2):
        self.layers = {layer.name: [np.asarray(w, "float64") for w in layer.get_weights()] for layer in model.layers}
        self.heads = heads
        self.blocks = sum(name.startswith("attention") for name in self.layers)
        self.pooled = "pool" in self.layers

    def tokens(self, image):
        """Patches with what comes before them, and their positions: [N, K]."""
        kernel, bias = self.layers["patches"]
        side = kernel.shape[0]
        rows, columns = image.shape[0] // side, image.shape[1] // side
        cut = image.reshape(rows, side, columns, side, 3).transpose(0, 2, 1, 3, 4).reshape(rows * columns, -1)
        patches = cut @ kernel.reshape(-1, kernel.shape[-1]) + bias
        *special, places = self.layers["tokens"]
        return np.concatenate([*special, patches]) + places

    def attention(self, hidden, number):
        """One block's attention, [heads, N, N], and the values that it weighs, [heads, N, K]."""
        normed = self.normed(hidden, f"norm{number}a")
        wq, bq, wk, bk, wv, bv, _, _ = self.layers[f"attention{number}"]
        queries, keys, values = (
            np.einsum("nk,khd->hnd", normed, w) + b[:, None] for w, b in ((wq, bq), (wk, bk), (wv, bv))
        )
        raised = np.exp(queries @ keys.transpose(0, 2, 1) / np.sqrt(queries.shape[-1]))
        return raised / raised.sum(axis=-1, keepdims=True), values

    def after(self, hidden, number, weights, values):
        """The block's result, [N, K], with its attention given."""
        wo, bo = self.layers[f"attention{number}"][-2:]
        hidden = hidden + np.einsum("hnm,hmd,hdk->nk", weights, values, wo) + bo
        normed = self.normed(hidden, f"norm{number}b")
        (w1, b1), (w2, b2) = self.layers[f"wide{number}"], self.layers[f"narrow{number}"]
        wide = normed @ w1 + b1
        gelu = 0.5 * wide * (1 + np.vectorize(_erf)(wide / np.sqrt(2)))
        return hidden + gelu @ w2 + b2

    def head(self, hidden):
        """The logits of the last block's tokens."""
        normed = self.normed(hidden, "norm")
        kernel, bias = self.layers["head"]
        return (normed.mean(axis=0) if self.pooled else normed[0]) @ kernel + bias

    def normed(self, hidden, name):
        """Layer normalisation, with the epsilon of Keras."""
        gamma, beta = self.layers[name]
        mean, variance = hidden.mean(axis=-1, keepdims=True), hidden.var(axis=-1, keepdims=True)
        return (hidden - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def run(self, image, given=None):
        """The logits and every block's attention, [heads, N, N]; `given` are attentions to take instead, by block."""
        hidden, found = self.tokens(image), []
        for number in range(self.blocks):
            weights, values = self.attention(hidden, number)
            weights = (given or {}).get(number, weights)
            found.append(weights)
            hidden = self.after(hidden, number, weights, values)
        return self.head(hidden), found


def _erf(x):
    from math import erf

    return erf(x)
