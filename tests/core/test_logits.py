"""Logits: what is explained in place of probabilities, however the head is written."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit import explain, gradients
from xaikit.errors import ModelError

LOGITS = "logits"
NONE = "outputs (no softmax or sigmoid at the end)"


def dense(count=3, **options):
    return keras.layers.Dense(count, name="head", **options)


HEADS = {
    "softmax": lambda x: dense(activation="softmax")(x),
    "one sigmoid": lambda x: dense(1, activation="sigmoid")(x),
    "many sigmoids": lambda x: dense(activation="sigmoid")(x),
    "log-softmax": lambda x: dense(activation="log_softmax")(x),
    "softmax layer": lambda x: keras.layers.Softmax()(dense()(x)),
    "activation layer": lambda x: keras.layers.Activation("softmax")(dense()(x)),
    "function": lambda x: keras.ops.softmax(dense()(x)),
    "other axis": lambda x: keras.ops.transpose(keras.ops.softmax(keras.ops.transpose(dense()(x)), axis=0)),
    "reshaped": lambda x: keras.layers.Reshape((3,))(keras.layers.Softmax()(keras.layers.Reshape((1, 3))(dense()(x)))),
    "dropout after": lambda x: keras.layers.Dropout(0.5)(dense(activation="softmax")(x)),
    "half": lambda x: keras.layers.Activation("linear", dtype="float32")(
        keras.layers.Activation("softmax", dtype="float16")(dense()(x))
    ),
}


def built(head):
    inputs = keras.Input((5,))
    return settled(keras.Model(inputs, head(inputs)))


@pytest.mark.parametrize("head", HEADS)
def test_the_logits_are_found_behind(head, rows):
    model = built(HEADS[head])
    weights, bias = model.get_layer("head").get_weights()
    expected = rows @ weights + bias

    result = explain(gradients, model, rows, "all")

    tolerance = 5e-3 if head == "half" else 1e-5
    np.testing.assert_allclose(result.scores, expected, atol=tolerance)
    np.testing.assert_allclose(result.maps, np.broadcast_to(weights, (4, *weights.shape)), atol=tolerance)
    assert result.notes["scores"] == LOGITS


@pytest.mark.parametrize("head", ["softmax", "one sigmoid", "log-softmax", "softmax layer"])
def test_the_outputs_are_explained_where_they_are_asked_for(head, rows):
    model = built(HEADS[head])
    expected = np.asarray(model(rows))

    result = explain(gradients, model, rows, "all", scores="outputs")

    np.testing.assert_allclose(result.scores, expected, atol=1e-6)
    assert result.notes["scores"] == "outputs"


@pytest.mark.parametrize(
    "head",
    [
        lambda x: dense()(x),
        lambda x: dense(activation="tanh")(x),
        lambda x: keras.layers.Average()(
            [keras.layers.Softmax()(dense()(x)), keras.layers.Dense(3, activation="softmax")(x)]
        ),
        lambda x: keras.layers.Rescaling(2.0)(dense(activation="softmax")(x)),
    ],
    ids=["linear", "tanh", "mean of softmaxes", "scaled softmax"],
)
def test_where_there_are_no_logits_the_outputs_are_explained_and_that_is_said(head, rows):
    model = built(head)
    expected = np.asarray(model(rows))

    result = explain(gradients, model, rows, "all")

    np.testing.assert_allclose(result.scores, expected, atol=1e-6)
    assert result.notes["scores"] == NONE


def test_the_logits_inside_of_a_nested_model_are_found(rows):
    inner = built(HEADS["softmax"])
    inputs = keras.Input((5,))
    model = keras.Model(inputs, inner(inputs))
    weights, bias = inner.get_layer("head").get_weights()

    result = explain(gradients, model, rows, "all")

    np.testing.assert_allclose(result.scores, rows @ weights + bias, atol=1e-5)


def test_a_logit_head_and_a_softmax_head_have_the_same_maps(rows):
    plain, probable = built(lambda x: dense()(x)), built(HEADS["softmax"])
    expected = explain(gradients, plain, rows)

    result = explain(gradients, probable, rows)
    others = explain(gradients, probable, rows, scores="outputs")

    np.testing.assert_array_equal(result.scores, expected.scores)
    np.testing.assert_array_equal(result.maps, expected.maps)
    assert np.abs(others.maps - expected.maps).max() > 1e-3


def test_logits_are_explained_where_the_softmax_is_saturated(rows):
    model = built(HEADS["softmax"])
    weights, bias = model.get_layer("head").get_weights()
    model.get_layer("head").set_weights([weights * 1000, bias])

    maps = explain(gradients, model, rows).maps

    assert np.abs(maps).max(axis=1).min() > 100


class Decorated(keras.Model):
    """A model whose `call` is a `tf.function`."""

    def __init__(self):
        super().__init__()
        self.head = dense(activation="softmax")

    @tf.function
    def call(self, inputs):
        return self.head(inputs)


class Hiding(keras.layers.Layer):
    """A layer that calls a `tf.function` of its own."""

    def build(self, shape):
        self.function = tf.function(lambda values: tf.nn.softmax(values))

    def call(self, inputs):
        return self.function(inputs)


def test_a_decorated_call_is_seen_through(rows):
    model = Decorated()
    model(rows)
    settled(model)
    weights, bias = model.head.get_weights()

    result = explain(gradients, model, rows, "all")

    np.testing.assert_allclose(result.scores, rows @ weights + bias, atol=1e-5)
    assert result.notes["scores"] == LOGITS


def test_a_function_that_hides_the_logits_is_refused_by_name(rows):
    inputs = keras.Input((5,))
    model = settled(keras.Model(inputs, Hiding()(dense()(inputs))))

    with pytest.raises(ModelError, match=r"come out of the function .*scores='outputs'"):
        explain(gradients, model, rows)
    expected = np.asarray(model(rows))
    np.testing.assert_allclose(explain(gradients, model, rows, "all", scores="outputs").scores, expected, atol=1e-6)
