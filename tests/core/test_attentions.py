"""Attention found on traced ops, whatever the layer around it, and what is not followed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.vits import vit
from tests.oracles.weights import settled
from xaikit.core import as_view
from xaikit.core.attentions import Way
from xaikit.core.streams import check_attention, heads_averaged
from xaikit.errors import ModelError

layers = keras.layers


class ByHand(layers.Layer):
    """Attention as people write it: one projection for all three, heads split by a reshape."""

    def __init__(self, heads=2, batched=False, **options):
        super().__init__(**options)
        self.heads, self.batched = heads, batched

    def build(self, shape):
        self.three = self.add_weight(shape=(shape[-1], 3 * shape[-1]), name="three")

    def call(self, tokens):
        count, width = tokens.shape[1:]
        three = tf.reshape(tokens @ self.three, [-1, count, 3, self.heads, width // self.heads])
        queries, keys, values = tf.unstack(tf.transpose(three, [2, 0, 3, 1, 4]))
        weights = tf.identity(tf.nn.softmax(tf.matmul(queries, keys, transpose_b=True)))
        return tf.reshape(tf.transpose(weights @ values, [0, 2, 1, 3]), [-1, count, width])


class Summed(layers.Layer):
    """Attention by `einsum`, the values first."""

    def call(self, tokens):
        weights = tf.nn.softmax(tf.einsum("bik,bjk->bij", tokens, tokens))
        return tf.einsum("bjk,bij->bik", tokens, weights)


class Function(layers.Layer):
    """A function of tensors."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, *inputs):
        return self.function(*inputs)


def attend(first, second=None, **options):
    return layers.MultiHeadAttention(2, 3, **options)(first, first if second is None else second)


KINDS = {
    "MultiHeadAttention": (attend, 4),
    "with dropout": (lambda x: attend(x, dropout=0.3), 4),
    "causal": (lambda x: layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True), 4),
    "GroupQueryAttention": (lambda x: layers.GroupQueryAttention(3, 4, 2)(x, x), 4),
    "Attention": (lambda x: layers.Attention()([x, x]), 3),
    "AdditiveAttention": (lambda x: layers.AdditiveAttention()([x, x]), 3),
    "written by hand": (lambda x: ByHand()(x), 4),
    "einsum": (lambda x: Summed()(x), 3),
}


def model_of(build, *, inputs=((7, 6),), dtype="float32"):
    """Pool what `build` makes of the inputs."""
    with_dtype = [keras.Input(shape, dtype=dtype) for shape in inputs]
    pooled = layers.GlobalAveragePooling1D()(build(*with_dtype))
    return settled(keras.Model(with_dtype if len(inputs) > 1 else with_dtype[0], layers.Dense(3)(pooled)))


def found(model):
    view = as_view(model)
    return Way(view.preview, view.all_scores(view.preview)).attentions


@pytest.mark.parametrize("kind", KINDS)
def test_attention_is_found_however_it_is_written(kind):
    build, rank = KINDS[kind]
    model = model_of(lambda x: build(layers.LayerNormalization()(x + build(x))))

    weights = [each.weights.shape for each in found(model)]

    assert len(weights) == 2
    assert all(shape.rank == rank and shape[-2:] == (7, 7) for shape in weights)
    check_attention(as_view(model))


def test_attention_in_nested_and_subclassed_models_is_found():
    class Around(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner, self.head = vit(blocks=3), layers.Dense(2)

        def call(self, inputs):
            return self.head(self.inner(inputs))

    model = Around()
    model(np.zeros((1, 8, 8, 3), "float32"))
    view = as_view(model, tf.TensorSpec([None, 8, 8, 3]))

    assert len(Way(view.preview, view.all_scores(view.preview)).attentions) == 3


def test_weights_in_half_precision_are_cast_and_found():
    policy = keras.DTypePolicy("mixed_float16")
    model = model_of(lambda x: layers.MultiHeadAttention(2, 3, dtype=policy)(x, x))

    assert found(model)[0].weights.shape[1:] == (2, 7, 7)


def test_the_softmax_of_the_head_is_no_attention():
    inputs = keras.Input((7, 6))
    classes = layers.Dense(4, activation="softmax")(attend(inputs))  # of every token
    model = settled(keras.Model(inputs, layers.GlobalAveragePooling1D()(classes)))

    assert len(found(model)) == 1


def refused(model, match):
    with pytest.raises(ModelError, match=match):
        check_attention(as_view(model))


def test_a_model_without_attention_is_refused(pooled, table):
    for model in (pooled, table):
        refused(model, "No attention is seen in model .* Use another method, such as gradcam")
    gated = model_of(lambda x: x * layers.Dense(6, activation="softmax")(x))
    refused(gated, "No attention is seen")


def test_cross_attention_is_refused():
    longer = model_of(attend, inputs=((7, 6), (5, 6)))
    as_long = model_of(attend, inputs=((7, 6), (7, 6)))
    decoder = model_of(lambda x: attend(attend(x), attend(layers.Dense(6)(x))))

    refused(longer, "is not among the tokens themselves: 7 look at 5")
    refused(as_long, "does not follow the attention before it on one stream of tokens, .* cross attention")
    refused(decoder, "does not follow the attention before it")


def test_a_mask_of_its_own_input_makes_no_other_stream():
    def masked(x, mask):
        return layers.MultiHeadAttention(2, 3)(x, x, attention_mask=layers.Reshape((1, 7))(mask))

    model = model_of(masked, inputs=((7, 6), (7,)))

    assert len(found(model)) == 1
    check_attention(as_view(model))


def test_parallel_branches_are_refused():
    refused(model_of(lambda x: attend(x) + attend(x)), "does not follow the attention before it")


def test_tokens_that_become_fewer_are_refused():
    model = model_of(lambda x: attend(layers.Conv1D(6, 2, strides=2)(attend(x))))

    refused(model, "is among 3 tokens, and there were 7 before")


def windowed(x, separate):
    """Windows of two tokens each, among the examples or on an axis of their own."""
    into = Function(lambda x: tf.reshape(x, [-1, 3, 2, 6] if separate else [-1, 2, 6]))
    out = Function(lambda x: tf.reshape(x, [-1, 6, 6]))
    return out(ByHand4()(into(x)) if separate else ByHand()(into(x)))


class ByHand4(layers.Layer):
    """Attention with heads among tokens of [B, windows, N, K]."""

    def call(self, tokens):
        heads = tf.stack([tokens, 2 * tokens], axis=2)
        weights = tf.nn.softmax(tf.matmul(heads, heads, transpose_b=True))
        return tf.reduce_mean(weights @ heads, axis=2)


def test_attention_in_windows_is_refused():
    refused(model_of(lambda x: windowed(x, separate=False), inputs=((6, 6),)), "parts of an example .* such as windows")
    refused(
        model_of(lambda x: windowed(x, separate=True), inputs=((6, 6),)), "more axes than examples, heads and tokens"
    )


def test_attention_beside_the_way_to_the_scores_is_not_taken():
    inputs = keras.Input((7, 6))
    both = keras.Model(inputs, [attend(inputs), layers.Dense(6)(attend(inputs))])
    model = settled(keras.Model(inputs, layers.GlobalAveragePooling1D()(both(inputs)[0])))

    assert len(found(model)) == 1


def test_heads_are_averaged_and_what_has_none_stays():
    values = np.random.default_rng(0).normal(size=(2, 3, 4, 4))

    np.testing.assert_allclose(heads_averaged(tf.constant(values)), values.mean(axis=1))
    np.testing.assert_array_equal(heads_averaged(tf.constant(values[:, 0])), values[:, 0])
