"""Shifts, scales and a ReLU that follow a layer are one with it, however they are written."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit import explain, lrp

layers = keras.layers
OPTIONS = {"dtype": "float64"}
RULES = ("epsilon", "zplus", "gamma")
UNITS = 6
SCALE = np.array([0.5, -1.5, 2.0, -0.3, 1.2, -0.8])
SHIFT = np.array([0.3, -0.2, 0.1, 0.4, -0.6, 0.2])


# name: what follows, its scale and its shift
CHAINS = {
    "nothing": (lambda x: x, 1, 0),
    "a scale": (lambda x: x * SCALE, SCALE, 0),
    "a scale written first": (lambda x: SCALE * x, SCALE, 0),
    "a quotient": (lambda x: x / SCALE, 1 / SCALE, 0),
    "a negative": (lambda x: -x + SHIFT, -1, SHIFT),
    "a difference": (lambda x: (x - SHIFT) * SCALE, SCALE, -SHIFT * SCALE),
    "a difference turned round": (lambda x: (SHIFT - x) * SCALE, -SCALE, SHIFT * SCALE),
    "a bias": (lambda x: tf.nn.bias_add(x * SCALE, tf.constant(SHIFT)), SCALE, SHIFT),
    "one number for all": (lambda x: x * tf.constant(-0.7, tf.float64), -0.7, 0),
    "a scale on another axis": (
        lambda x: tf.reshape(tf.reshape(x, [-1, 3, 2]) * SCALE.reshape(3, 2), [-1, UNITS]),
        SCALE,
        0,
    ),
}
RELUS = {"relu": keras.activations.relu, "relu6": keras.activations.relu6, "none": lambda x: x}


def built(layer, inputs, relu, follows=None):
    given = keras.Input(inputs, **OPTIONS)
    hidden = layer(given)
    for function in (follows, RELUS[relu]):
        hidden = hidden if function is None else layers.Lambda(function, **OPTIONS)(hidden)
    return settled(keras.Model(given, layers.Dense(2, **OPTIONS)(layers.Flatten(**OPTIONS)(hidden))), seed=3)


def same(apart, drawn, inputs, rules=RULES, tolerance=1e-9):
    for rule in rules:
        expected = explain(lrp(rule=rule), drawn, inputs, 1).maps

        actual = explain(lrp(rule=rule), apart, inputs, 1).maps

        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(actual, expected, atol=tolerance * np.abs(expected).max(), err_msg=rule)


def check_dense(name, relu, rules):
    follows, scale, shift = CHAINS[name]
    inputs = np.random.default_rng(5).normal(size=(3, 4)) * 3
    apart = built(layers.Dense(UNITS, **OPTIONS), (4,), relu, follows)
    drawn = built(layers.Dense(UNITS, **OPTIONS), (4,), relu)
    kernel, bias, *head = apart.get_weights()
    drawn.set_weights([kernel * scale, bias * scale + shift, *head])

    same(apart, drawn, inputs, rules)


@pytest.mark.parametrize("name", CHAINS)
def test_what_follows_a_dense_layer_may_be_drawn_into_its_weights(name):
    check_dense(name, "relu6", ("gamma", "zplus"))


@pytest.mark.parametrize("relu", ["relu", "none"])
def test_so_it_may_before_a_relu_and_before_none(relu):
    check_dense("a difference", relu, (*RULES, "alpha2_beta1", "epsilon_gamma_box"))


class Turned(layers.Dense):
    """A dense layer whose product is written with its weights turned round."""

    def call(self, inputs):
        return tf.matmul(inputs, tf.transpose(self.kernel), transpose_b=True) + self.bias


def test_weights_that_are_turned_round_are_scaled_along_the_other_axis():
    inputs = np.random.default_rng(5).normal(size=(3, UNITS))
    turned, plain = (
        built(kind(UNITS, **OPTIONS), (UNITS,), "relu", CHAINS["a scale"][0]) for kind in (Turned, layers.Dense)
    )
    turned.set_weights(plain.get_weights())

    same(turned, plain, inputs, ("epsilon", "zplus"))


CONVOLUTIONS = {
    "conv": (layers.Conv2D(UNITS, 2, **OPTIONS), lambda kernel, scale: kernel * scale),
    "depthwise": (layers.DepthwiseConv2D(2, depth_multiplier=3, **OPTIONS), lambda kernel, s: kernel * s.reshape(2, 3)),
    "transposed": (layers.Conv2DTranspose(UNITS, 2, **OPTIONS), lambda kernel, s: kernel * s[:, np.newaxis]),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_normalisation_after_a_convolution_may_be_drawn_into_its_weights(name):
    layer, draw = CONVOLUTIONS[name]
    inputs = np.random.default_rng(6).normal(size=(2, 4, 4, 2))
    apart = built(layer, (4, 4, 2), "relu6", lambda x: x * SCALE + SHIFT)
    drawn = built(type(layer).from_config(layer.get_config()), (4, 4, 2), "relu6")
    kernel, bias, *head = apart.get_weights()
    drawn.set_weights([draw(kernel, SCALE), bias * SCALE + SHIFT, *head])

    same(apart, drawn, inputs)


def test_a_fused_normalisation_after_a_convolution_may_be_drawn_into_its_weights():
    def fused(x):
        numbers = [tf.constant(values, tf.float32) for values in (SCALE, SHIFT, SHIFT, np.abs(SCALE))]
        return tf.compat.v1.nn.fused_batch_norm(x, *numbers, epsilon=0.0, is_training=False)[0]

    inputs = np.random.default_rng(6).normal(size=(2, 4, 4, 2)).astype("float32")
    given = keras.Input((4, 4, 2))
    hidden = layers.ReLU()(layers.Lambda(fused)(layers.Conv2D(UNITS, 2)(given)))
    apart = settled(keras.Model(given, layers.Dense(2)(layers.Flatten()(hidden))), seed=3)
    drawn = built(layers.Conv2D(UNITS, 2, **OPTIONS), (4, 4, 2), "relu")
    kernel, bias, *head = apart.get_weights()
    factor = SCALE / np.sqrt(np.abs(SCALE))
    drawn.set_weights([kernel * factor, (bias - SHIFT) * factor + SHIFT, *head])

    same(apart, drawn, inputs, tolerance=1e-4)


def test_a_number_that_differs_from_example_to_example_is_no_scale_of_the_weights():
    """A normalisation by an example's own length keeps to that example."""
    inputs = np.random.default_rng(7).normal(size=(4, 4))
    model = built(
        layers.Dense(UNITS, **OPTIONS),
        (4,),
        "relu",
        lambda x: x * tf.math.rsqrt(tf.reduce_sum(x**2, -1, keepdims=True)),
    )
    for rule in RULES:
        alone = [explain(lrp(rule=rule), model, inputs[[i]], 1).maps[0] for i in range(4)]

        together = explain(lrp(rule=rule), model, inputs, 1).maps

        np.testing.assert_allclose(together, alone, atol=1e-12, err_msg=rule)


@pytest.mark.parametrize("relu", ["relu", "relu6"])
def test_under_zplus_what_a_relu_gives_goes_to_contributions_above_zero_alone(relu):
    inputs = np.random.default_rng(8).normal(size=(5, 4)) * 4
    given = keras.Input((4,), **OPTIONS)
    hidden = layers.Activation(RELUS[relu], **OPTIONS)(layers.Dense(UNITS, **OPTIONS)(given))
    model = settled(keras.Model(given, layers.Dense(1, use_bias=False, **OPTIONS)(hidden)), seed=4)
    kernel, bias, head = model.get_weights()
    model.set_weights([kernel, bias, np.ones_like(head)])  # each unit is handed its own value
    z = inputs @ kernel + bias
    y = np.clip(z, 0, 6 if relu == "relu6" else None)
    above = np.maximum(inputs[:, :, np.newaxis] * kernel, 0)
    expected = (above / (above.sum(1) + np.maximum(bias, 0) + 1e-300)[:, np.newaxis] * y[:, np.newaxis]).sum(-1)

    actual = explain(lrp(rule="zplus"), model, inputs, 0).maps[..., 0]

    assert (y == 0).any()
    assert (y > 0).any()
    np.testing.assert_allclose(actual, expected, atol=1e-10)


def test_an_epsilon_of_zero_is_the_rule_zero_also_where_a_sum_is_zero():
    inputs = np.array([[1.0, 1.0], [2.0, 1.0]])
    given = keras.Input((2,), **OPTIONS)
    model = keras.Model(given, layers.Dense(2, use_bias=False, **OPTIONS)(given))
    model.set_weights([np.array([[1.0, 1.0], [-1.0, 1.0]])])

    actual = explain(lrp(epsilon=0.0), model, inputs, 0).maps

    np.testing.assert_array_equal(actual, explain(lrp(rule="zero"), model, inputs, 0).maps)
    assert np.isfinite(actual).all()
