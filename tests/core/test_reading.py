"""Which tokens the scores are read from, by the ops between."""

import keras
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit.core import as_view, layer
from xaikit.core.reading import tokens_read

layers = keras.layers


class Head(layers.Layer):
    """A head that is a function."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, tokens):
        return self.function(tokens)


def dense(units, **options):
    return layers.Dense(units, **options)


def attended(tokens):
    return layers.MultiHeadAttention(1, 3)(tokens, tokens)


def normed(tokens):
    return layers.LayerNormalization()(tokens)


def head(function):
    return lambda tokens: Head(function)(tokens)


HEADS = {
    "the first token": (head(lambda t: t[:, 0]), {0}),
    "the first token with its axis": (head(lambda t: tf.squeeze(t[:, :1], axis=1)), {0}),
    "the last token": (head(lambda t: t[:, -1]), {6}),
    "the last token by an ellipsis": (head(lambda t: t[..., -1, :]), {6}),
    "the first token behind a new axis": (head(lambda t: t[:, tf.newaxis, 0, :][:, 0]), {0}),
    "some features of the second token": (head(lambda t: t[:, 1, ::2]), {1}),
    "two tokens": (head(lambda t: t[:, 0] + t[:, 1]), {0, 1}),
    "the tokens behind the first, pooled": (head(lambda t: tf.reduce_mean(t[:, 1:], axis=1)), {1, 2, 3, 4, 5, 6}),
    "every second token": (head(lambda t: tf.reduce_sum(t[:, ::2], axis=1)), {0, 2, 4, 6}),
    "a slice op": (head(lambda t: tf.slice(t, [0, 1, 0], [-1, 1, -1])[:, 0]), {1}),
    "a slice op to the end": (head(lambda t: tf.reduce_max(tf.slice(t, [0, 5, 0], [-1, -1, -1]), axis=1)), {5, 6}),
    "a gather": (head(lambda t: tf.gather(t, 2, axis=1)), {2}),
    "a gather of several": (head(lambda t: tf.reduce_sum(tf.gather(t, [2, 4], axis=-2), axis=1)), {2, 4}),
    "a part of a split": (head(lambda t: tf.split(t, [1, 6], axis=1)[0][:, 0]), {0}),
    "one of the tokens apart": (head(lambda t: tf.unstack(t, axis=1)[3]), {3}),
    "transposed first": (head(lambda t: tf.transpose(t, [0, 2, 1])[:, :, 0]), {0}),
    "the first of all, by each feature": (head(lambda t: tf.concat(tf.split(t, 2, axis=-1), axis=-1)[:, 0]), {0}),
    "a dense layer and a norm first": (lambda t: normed(dense(5, activation="gelu")(t))[:, 0], {0}),
    "attention first": (lambda t: attended(t)[:, 0], None),
    "its own tokens and attention's": (lambda t: (t + attended(t))[:, 0], None),
    "a convolution first": (lambda t: layers.Conv1D(4, 3, padding="same")(t)[:, 0], None),
    "pooling": (layers.GlobalAveragePooling1D(), None),
    "pooling by the maximum": (layers.GlobalMaxPooling1D(), None),
    "the first token, and the pooled ones": (head(lambda t: t[:, 0] + tf.reduce_mean(t, axis=1)), None),
    "flattened": (layers.Flatten(), None),
    "reversed": (head(lambda t: tf.reverse(t, [1])[:, 0]), None),
    "summed up so far": (head(lambda t: tf.cumsum(t, axis=1)[:, 0]), None),
    "a place that is computed": (
        head(lambda t: tf.gather(t, tf.argmax(tf.reduce_sum(t, axis=-1), axis=1), axis=1, batch_dims=1)),
        None,
    ),
    "a score for each token": (head(lambda t: tf.reduce_sum(t, axis=-1)), None),
}


def read(build, inputs=(7, 4)):
    start = keras.Input(inputs)
    tokens = layers.Identity(name="tokens")(layers.Dense(4, name="made")(start))
    model = settled(keras.Model(start, build(tokens)))
    view = as_view(model)
    tensor = layer(view, "made").tensor(view.preview)
    return tokens_read(view.preview, tensor, 7, view.all_scores(view.preview))


@pytest.mark.parametrize("case", HEADS)
def test_the_tokens_that_are_read_are_found(case):
    build, expected = HEADS[case]

    actual = read(build)

    assert actual == (None if expected is None else frozenset(expected))


def test_the_number_of_rows_may_be_known():
    view = as_view(
        settled(keras.Sequential([keras.Input((7, 4)), dense(4, name="made"), dense(5), Head(lambda t: t[:, 0])]))
    )
    made = view.pair  # two examples: a dense layer folds them with the tokens, into a number that is known
    tensor = layer(view, "made").tensor(made)

    assert tokens_read(made, tensor, 7, view.all_scores(made)) == frozenset({0})
