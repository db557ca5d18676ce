"""Guided backpropagation and the deconvolutional network: other rules at each rectifier, wherever it is written."""

import keras
import numpy as np
import pytest

from xaikit import deconvnet, explain, gradients, guided_backprop, smooth
from xaikit.errors import ModelError

SIZES = (5, 6, 4, 3)  # values, units, units, classes


def weights(seed=3, sign=None):
    drawn = np.random.default_rng(seed).normal(size=(3, 6, 6))
    cut = [drawn[i, : SIZES[i], : SIZES[i + 1]] for i in range(3)]
    return [np.abs(one) for one in cut] if sign else cut


def dense(units, **options):
    return keras.layers.Dense(units, dtype="float64", **options)


class Block(keras.layers.Layer):
    """A composite layer with its rectifier inside, as a function call."""

    def __init__(self, units, **options):
        super().__init__(dtype="float64", **options)
        self.inner = dense(units)

    def call(self, inputs):
        return keras.ops.relu(self.inner(inputs))


def fused(units):
    return [dense(units, activation="relu")]


def separate(units):
    return [dense(units), keras.layers.ReLU(dtype="float64")]


def activation(units):
    return [dense(units), keras.layers.Activation("relu", dtype="float64")]


def composite(units):
    return [Block(units)]


def nested(units):
    return [keras.Sequential([dense(units, activation="relu")])]


def built(block, given=None):
    layers = [*block(SIZES[1]), *block(SIZES[2]), dense(SIZES[3], activation="softmax")]
    model = keras.Sequential([keras.Input((SIZES[0],), dtype="float64"), *layers])
    flat = [w for kernel in (given or weights()) for w in (kernel, np.zeros(kernel.shape[1]))]
    model.set_weights(flat)
    return model


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(1).normal(size=(4, SIZES[0]))


def by_hand(inputs, kernels, rule):
    """Two rectifier layers, from the papers' equations: maps [B, values, classes]."""
    first, second, head = kernels
    z1 = inputs @ first
    z2 = np.maximum(z1, 0) @ second
    back = np.broadcast_to(head, (len(inputs), *head.shape))  # [B, units, classes]
    back = rule(z2[..., np.newaxis], back)
    back = rule(z1[..., np.newaxis], np.einsum("ij,bjc->bic", second, back))
    return np.einsum("ij,bjc->bic", first, back)


RULES = {
    "guided_backprop": lambda z, back: (z > 0) * np.maximum(back, 0),
    "deconvnet": lambda z, back: np.maximum(back, 0),
}


@pytest.mark.parametrize("block", [fused, separate, activation, composite, nested])
@pytest.mark.parametrize("name", RULES)
def test_two_rectifier_layers_are_what_they_are_by_hand_however_they_are_written(name, block, inputs):
    expected = by_hand(inputs, weights(), RULES[name])

    actual = explain(name, built(block), inputs, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize("explainer", [guided_backprop, deconvnet])
def test_where_all_is_positive_the_rules_change_nothing(explainer, inputs):
    model, positive = built(fused, weights(sign=1)), np.abs(inputs)
    expected = explain(gradients, model, positive, "all").maps

    actual = explain(explainer, model, positive, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_without_rectifiers_guided_backprop_is_gradients(linear64, rectangles64):
    expected = explain(gradients, linear64, rectangles64).maps

    actual = explain(guided_backprop, linear64, rectangles64).maps

    np.testing.assert_array_equal(actual, expected)


def test_the_rules_are_gone_when_another_method_runs(inputs):
    model = built(fused)
    before = explain(gradients, model, inputs).maps

    guided = explain(guided_backprop, model, inputs).maps
    after = explain(gradients(), built(fused), inputs).maps

    np.testing.assert_array_equal(after, before)
    assert np.abs(guided - before).max() > 0.1


def test_a_relu6_lets_nothing_through_above_six():
    model = keras.Sequential([keras.Input((1,)), keras.layers.ReLU(max_value=6), keras.layers.Dense(1)])
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    expected = [0.0, 1.0, 0.0]  # below 0, between, above 6

    actual = explain(guided_backprop, model, np.array([[-1.0], [3.0], [7.0]])).maps[:, 0, 0]

    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("kind", ["gelu", "silu", "elu", "leaky_relu", "hard_silu", "softplus"])
@pytest.mark.parametrize("explainer", [guided_backprop, deconvnet])
def test_another_rectifier_is_refused_by_name(kind, explainer):
    layer = keras.layers.Dense(4, activation=kind, name="odd")
    model = keras.Sequential([keras.Input((3,)), layer, keras.layers.Dense(2)])

    with pytest.raises(ModelError, match=rf"{explainer.name} has no rule for .*odd.*use another method"):
        explainer.bind(model)


def test_a_rule_holds_inside_of_the_loop_over_copies(inputs):
    model = built(fused)
    expected = explain(guided_backprop, model, inputs).maps

    actual = explain(smooth(guided_backprop, noise=0, repetitions=3), model, inputs, batch_size=2).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_xla_follows_the_rules_too(inputs):
    model = built(separate)
    expected = explain(guided_backprop, model, inputs, jit=False).maps

    actual = explain(guided_backprop, model, inputs, jit=True).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)
