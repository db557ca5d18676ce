"""Similarity while a model forgets, against copies of the model whose weights are really set."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import spearmanr

from tests.conftest import draws
from tests.oracles.counting import RowsOf
from tests.oracles.vits import pictures as tokens
from tests.oracles.vits import vit
from tests.oracles.weights import settled
from xaikit import Explanation, absolute, deeplift, explain, gradcam, gradients, method, parameter_randomization, smooth
from xaikit.core import forward
from xaikit.core.weights import redrawn
from xaikit.errors import ModelError, UsageError

LAYERS = ["head", "backbone/norm", "backbone/conv"]  # from the scores down


def nested():
    inner = keras.Input((6, 6, 2))
    features = keras.layers.Conv2D(8, 3, activation="relu", name="conv")(inner)
    features = keras.layers.BatchNormalization(name="norm")(features)
    backbone = keras.Model(inner, features, name="backbone")
    inputs = keras.Input((6, 6, 2))
    flat = keras.layers.Flatten()(backbone(inputs))
    return settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="head")(flat), name="outer"))


@pytest.fixture(scope="module")
def model():
    return nested()


@pytest.fixture(scope="module")
def pictures():
    return draws((5, 6, 6, 2))


@method
def blind(model):
    """Give the inputs, whatever the model."""

    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        return Explanation(
            scores, inputs[..., tf.newaxis] + tf.zeros_like(scores[:, tf.newaxis, tf.newaxis, tf.newaxis])
        )

    return step


@method
def flat(model):
    """Give a constant map."""

    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        return Explanation(
            scores, tf.zeros_like(inputs)[..., tf.newaxis] * scores[:, tf.newaxis, tf.newaxis, tf.newaxis]
        )

    return step


def expected_curve(explainer, model, pictures, targets, steps, seed=0):
    """Set the weights of copies of the model, and correlate ranks example by example: [N, steps]."""
    clean = explain(explainer, model, pictures, targets).maps
    points = []
    for layers in steps:
        copied = keras.models.clone_model(model)
        drawn = {id(v): value for v, value in redrawn(model, layers, seed).values()}
        copied.set_weights([np.array(drawn.get(id(variable), variable.value)) for variable in model.weights])
        maps = explain(explainer, copied, pictures, targets).maps
        points.append([spearmanr(a.ravel(), b.ravel())[0] for a, b in zip(clean, maps, strict=True)])
    return np.transpose(points)


@pytest.mark.parametrize(
    ("order", "steps"),
    [
        ("top_down", [LAYERS[:1], LAYERS[:2], LAYERS]),
        ("bottom_up", [LAYERS[2:], LAYERS[1:], LAYERS]),
        ("independent", [LAYERS[:1], LAYERS[1:2], LAYERS[2:]]),
    ],
)
def test_each_step_is_a_model_with_just_those_layers_drawn_anew(model, pictures, order, steps):
    targets = explain(gradients, model, pictures).targets
    expected = expected_curve(gradients, model, pictures, targets, steps)

    found = parameter_randomization(order=order).curve(gradients, model, pictures)
    values = parameter_randomization(order=order)(gradients, model, pictures)

    np.testing.assert_array_equal(found.at, range(4))
    np.testing.assert_array_equal(found.values[:, 0], 1)
    np.testing.assert_allclose(found.values[:, 1:], expected, atol=1e-3)  # a rank or two may change in float32
    np.testing.assert_allclose(values, expected.mean(axis=1), atol=1e-3)
    assert (np.abs(np.diff(expected)) > 1e-2).any(axis=0).all()  # the copies do differ, layer by layer


def test_what_looks_at_layers_and_ops_finds_them_in_every_step(model, pictures):
    for explainer, network, seen in (
        (deeplift, model, pictures),
        (gradcam, vit(blocks=1, dtype="float32"), tokens(dtype="float32")),
    ):
        expected = expected_curve(explainer, network, seen, 1, ["all"])

        found = parameter_randomization().curve(explainer, network, seen, 1).values

        np.testing.assert_allclose(found[:, [-1]], expected, atol=1e-2)


def test_another_seed_draws_other_weights(model, pictures):
    expected = expected_curve(gradients, model, pictures, 1, [LAYERS], seed=5)
    first = parameter_randomization().curve(gradients, model, pictures, 1).values

    actual = parameter_randomization(seed=5).curve(gradients, model, pictures, 1).values

    np.testing.assert_allclose(actual[:, [-1]], expected, atol=1e-3)
    assert not np.allclose(first, actual, atol=1e-2)


def test_the_model_is_bit_identical_afterwards_and_trained_weights_are_seen(model, pictures):
    before = model.get_weights()
    first = parameter_randomization(gradients, model, pictures, 1)

    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.get_layer("head").kernel.assign(before[-2][::-1])
    turned = parameter_randomization(gradients, model, pictures, 1)
    model.set_weights(before)
    assert not np.allclose(first, turned, atol=1e-2)
    np.testing.assert_array_equal(parameter_randomization(gradients, model, pictures, 1), first)


def test_a_map_that_does_not_see_the_model_keeps_all_and_a_constant_one_has_nothing_to_lose(model, pictures):
    for order in ("top_down", "independent"):
        np.testing.assert_allclose(parameter_randomization(order=order)(blind, model, pictures), 1, atol=1e-12)
    assert np.isnan(parameter_randomization(flat, model, pictures)).all()


def test_copies_are_drawn_alike_in_every_step(model, pictures):
    alike = parameter_randomization(smooth(blind, repetitions=3, noise=1.0), model, pictures)

    np.testing.assert_allclose(alike, 1, atol=1e-12)


def test_of_a_model_that_learned_nothing_gradients_are_at_chance():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((12, 12, 3))
    features = keras.layers.Conv2D(16, 3, activation="relu", name="conv")(inputs)
    outputs = keras.layers.Dense(4, name="head")(keras.layers.Flatten()(features))
    found = parameter_randomization().curve(gradients, keras.Model(inputs, outputs), draws((6, 12, 12, 3)))

    assert abs(found.values[:, -1].mean()) < 0.15


def test_neither_batches_nor_neighbours_nor_several_targets_nor_xla_change_a_score(model, pictures):
    metric = parameter_randomization(similarity="pearson")
    expected = metric(gradients, model, pictures, [0, 1, 2, 1, 0])

    turned = metric(gradients, model, pictures[::-1], [0, 1, 2, 1, 0], batch_size=2)
    every = metric(gradients, model, pictures, "all", batch_size=4)
    compiled = metric(gradients, model, pictures, [0, 1, 2, 1, 0], jit=True)

    np.testing.assert_allclose(turned[::-1], expected, atol=1e-5)
    assert every.shape == (5, 3)
    np.testing.assert_allclose(every[range(5), [0, 1, 2, 1, 0]], expected, atol=1e-5)
    np.testing.assert_allclose(compiled, expected, atol=1e-5)


def test_two_replicas_find_what_one_device_finds(model, pictures):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        mirrored = nested()
    mirrored.set_weights(model.get_weights())

    expected = parameter_randomization(gradients, model, pictures, 1, batch_size=4)

    actual = parameter_randomization(gradients, mirrored, pictures, 1, batch_size=4)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_layers_are_drawn_in_a_loop_that_is_traced_once(model, pictures):
    traces = []

    @method
    def traced(model):
        """Count the traces."""

        def step(inputs, targets):
            traces.append(len(traces))
            return gradients.bind(model)(inputs, targets)

        return step

    parameter_randomization(traced, model, pictures, 1)
    parameter_randomization(order="top_down")(traced, model, pictures[:3], [0, 1, 2], batch_size=5)

    assert len(traces) == 2  # the map itself, and the body of the loop for all the layers


def test_the_cost_is_that_of_the_explainer_for_each_layer():
    rows = RowsOf()

    seen = rows.counted(lambda: parameter_randomization(gradients, rows.model, rows.images))

    assert seen == [6] * (1 + 2)  # the map itself, and two layers with weights


def test_recurrent_layers_several_inputs_and_half_precision_are_measured(halved, images):
    inputs = [keras.Input((5, 2)), keras.Input((3,))]
    hidden = keras.layers.Concatenate()([keras.layers.GRU(4)(inputs[0]), inputs[1]])
    several = settled(keras.Model(inputs, keras.layers.Dense(3)(hidden)))

    found = parameter_randomization().curve(gradients, several, [draws((4, 5, 2)), draws((4, 3))], 1)
    half = parameter_randomization().curve(absolute(gradcam), halved, images)

    assert found.values.shape == (4, 3)
    assert half.values.shape == (5, 4)
    assert np.isfinite(found.values).all()
    assert (np.diff(found.values) != 0).all()
    assert np.isfinite(half.values).all()


def test_maps_alone_and_models_without_weights_are_refused(model, pictures):
    with pytest.raises(UsageError, match="give it the explainer"):
        parameter_randomization(np.zeros((5, 6, 6, 2, 1), "float32"), model, pictures)
    inputs = keras.Input((6, 6, 2))
    with pytest.raises(ModelError, match="depend on no weights"):
        parameter_randomization(gradients, keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)), pictures)
