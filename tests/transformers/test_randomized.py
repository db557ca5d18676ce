"""Randomised weights: drawn by the layers' own initialisers, each by itself, and never written to the model."""

import keras
import numpy as np
import pytest

from tests.conftest import draws
from tests.oracles.weights import settled
from xaikit import explain, gradcam, gradients, randomized, smooth
from xaikit.core.weights import learned_weights, redrawn, weighted_layers
from xaikit.errors import UnknownName


@pytest.fixture(scope="module")
def nested():
    """A backbone in a model, with a normalisation, whose biases are not what their initialisers say."""
    inner = keras.Input((6, 6, 2))
    features = keras.layers.Conv2D(8, 3, activation="relu", name="conv")(inner)
    features = keras.layers.BatchNormalization(name="norm")(features)
    backbone = keras.Model(inner, features, name="backbone")
    inputs = keras.Input((6, 6, 2))
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(inputs))
    return settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="head")(pooled), name="outer"))


@pytest.fixture(scope="module")
def pictures():
    return draws((4, 6, 6, 2))


def values_of(model, layers="all", seed=0):
    return {variable.path: np.array(value) for variable, value in redrawn(model, layers, seed).values()}


def test_what_a_model_learned_does_not_depend_on_what_is_frozen(nested):
    expected = ["beta", "bias", "bias", "gamma", "kernel", "kernel"]  # no statistics
    found = [variable.name for variable in learned_weights(nested)]
    copied = keras.models.clone_model(nested)
    copied.trainable = False

    assert sorted(found) == expected
    assert [variable.name for variable in learned_weights(copied)] == found


def test_every_variable_is_drawn_as_its_initialiser_says(nested):
    found = values_of(nested)
    kernel = next(value for path, value in found.items() if path.endswith("conv/kernel"))
    limit = np.sqrt(6 / (9 * 2 + 9 * 8))  # Glorot's uniform

    assert len(found) == len(nested.weights)
    assert np.abs(kernel).max() <= limit
    np.testing.assert_allclose(kernel.std(), limit / np.sqrt(3), rtol=0.2)
    assert len(np.unique(kernel)) == kernel.size
    for ending, expected in (("bias", 0), ("gamma", 1), ("beta", 0), ("moving_mean", 0), ("moving_variance", 1)):
        for path in (path for path in found if path.endswith(ending)):
            np.testing.assert_array_equal(found[path], expected)


def test_every_variable_has_its_own_draw_and_every_seed_another():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(4, name="b")(keras.layers.Dense(4, name="a")(inputs)))
    first, second = (value for path, value in values_of(model).items() if path.endswith("kernel"))

    assert not np.allclose(first, second)
    assert not np.allclose(first, next(iter(values_of(model, seed=1).values())))
    np.testing.assert_array_equal(first, next(iter(values_of(model).values())))


def test_a_variable_without_an_initialiser_keeps_mean_and_deviation():
    class Scaled(keras.layers.Layer):
        def build(self, shape):
            self.factor = self.add_weight(shape=(2000,), name="factor", initializer="ones")

        def call(self, inputs):
            return inputs * self.factor

    inputs = keras.Input((2000,))
    model = keras.Model(inputs, Scaled()(inputs))
    model.layers[1].factor.assign(draws((2000,)) * 3 + 5)
    (found,) = values_of(model).values()

    assert found.mean() == pytest.approx(5, abs=0.3)
    assert found.std() == pytest.approx(3, abs=0.2)


def test_the_map_is_that_of_a_model_with_those_weights(nested, pictures):
    copied = keras.models.clone_model(nested)
    drawn = {id(variable): value for variable, value in redrawn(nested, "all", 4).values()}
    copied.set_weights([np.array(drawn[id(variable)]) for variable in nested.weights])
    for method in (gradients, gradcam, smooth(gradients, repetitions=2)):
        expected = explain(method, copied, pictures, 1)
        actual = explain(randomized(method, seed=4), nested, pictures, 1)

        np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-6 * np.abs(expected.maps).max())
        np.testing.assert_allclose(actual.scores, expected.scores, rtol=1e-5)


def test_only_the_layers_that_are_named_are_drawn(nested, pictures):
    assert {path.split("/")[-2] for path in values_of(nested, "head")} == {"head"}
    assert {path.split("/")[-2] for path in values_of(nested, ("backbone/norm", "head"))} == {"norm", "head"}
    assert {path.split("/")[-2] for path in values_of(nested, "backbone")} == {"conv", "norm"}
    copied = keras.models.clone_model(nested)
    copied.set_weights(nested.get_weights())
    kernel, bias = (np.array(value) for _, value in redrawn(nested, "head", 0).values())
    copied.get_layer("head").set_weights([kernel, bias])

    expected = explain(gradients, copied, pictures, 1).maps
    np.testing.assert_allclose(
        explain(randomized(gradients, layers="head"), nested, pictures, 1).maps, expected, atol=1e-6
    )


def test_the_model_is_bit_identical_afterwards_and_trained_weights_are_seen(nested, pictures):
    before = nested.get_weights()
    explainer = randomized(gradients, layers="backbone")
    first = explain(explainer, nested, pictures, 1).maps

    for old, new in zip(before, nested.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    nested.get_layer("head").kernel.assign(before[-2] * 2)
    doubled = explain(explainer, nested, pictures, 1).maps
    nested.set_weights(before)
    np.testing.assert_allclose(doubled, 2 * first, rtol=1e-5)


def test_targets_are_those_of_the_users_model(nested, pictures):
    expected = explain(gradients, nested, pictures).targets

    for seed in range(3):
        np.testing.assert_array_equal(explain(randomized(gradients, seed=seed), nested, pictures).targets, expected)


def test_it_repeats_itself_and_one_inside_of_another_wins(nested, pictures):
    first = explain(randomized(gradients), nested, pictures, 1).maps

    np.testing.assert_array_equal(explain(randomized(gradients), nested, pictures, 1).maps, first)
    np.testing.assert_array_equal(explain(randomized(randomized(gradients), seed=1), nested, pictures, 1).maps, first)
    assert not np.allclose(first, explain(randomized(gradients, seed=1), nested, pictures, 1).maps)


def test_half_precision_and_float64_models_are_drawn_in_their_own_type(halved, pooled64, images, images64):
    for model, inputs in ((halved, images), (pooled64, images64)):
        found = explain(randomized(gradcam), model, inputs)

        assert np.isfinite(found.maps).all()
        assert found.maps.any()


def test_unknown_layers_are_refused_with_the_nearest_name(nested, pictures):
    assert list(weighted_layers(nested)) == ["backbone/conv", "backbone/norm", "head"]
    with pytest.raises(UnknownName, match="backbone/norm"):
        explain(randomized(gradients, layers="backbone/nrm"), nested, pictures)
