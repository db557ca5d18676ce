"""Looking into models: every kind of them, and nothing is left behind."""

import keras
import numpy as np
import pytest

from tests.conftest import draws
from tests.oracles.weights import settled
from xaikit.errors import UnknownName, UsageError
from xaikit.inspection import biases, default_layer, find_layer, find_layers, logits, positioned_layers, tap


class Block(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.conv = keras.layers.Conv2D(4, 3, name="conv")
        self.norm = keras.layers.BatchNormalization(name="norm")

    def call(self, inputs):
        return keras.ops.relu(self.norm(self.conv(inputs)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="subclassed")
        self.block = Block(name="block")
        self.pool = keras.layers.GlobalAveragePooling2D(name="pool")
        self.head = keras.layers.Dense(3, activation="softmax", name="head")

    def call(self, inputs):
        return self.head(self.pool(self.block(inputs)))


@pytest.fixture(scope="module")
def pictures():
    return draws((5, 6, 6, 2))


@pytest.fixture(scope="module")
def nested():
    inner = keras.Input((6, 6, 2))
    backbone = keras.Model(
        inner, Block(name="block")(keras.layers.Rescaling(2.0, name="scale")(inner)), name="backbone"
    )
    inputs = keras.Input((6, 6, 2))
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(backbone(inputs))
    head = keras.layers.Dense(3, activation="softmax", name="head")
    return settled(keras.Model(inputs, head(pooled), name="nested"))


@pytest.fixture(scope="module")
def subclassed(pictures):
    model = Subclassed()
    model(pictures)
    return settled(model)


def test_layers_are_found_by_name_path_class_and_property(nested):
    conv = nested.get_layer("backbone").get_layer("block").conv

    assert find_layers(nested, "conv") == {"backbone/block/conv": conv}
    assert find_layer(nested, "block/conv") is conv
    assert find_layer(nested, kind="Conv2D") is conv is find_layer(nested, kind=keras.layers.Conv2D)
    assert list(find_layers(nested, having="kernel")) == ["backbone/block/conv", "head"]
    assert find_layer(nested, having="kernel").name == "head"
    assert list(find_layers(nested, having=lambda layer: getattr(layer, "units", 0) == 3)) == ["head"]
    assert list(find_layers(nested, kind="Layer", having="moving_mean")) == ["backbone/block/norm"]
    assert find_layers(nested, "head", kind="Conv2D") == {}


def test_a_layer_that_is_not_there_is_named_with_its_nearest(nested):
    with pytest.raises(UnknownName, match="backbone/block/conv"):
        find_layer(nested, "backbone/block/cov")
    with pytest.raises(UnknownName, match="LSTM"):
        find_layer(nested, kind="LSTM")


def test_the_layer_with_positions_is_named_for_every_kind_of_model(nested, subclassed, pictures, table):
    assert default_layer(nested) == "backbone/block"
    assert default_layer(subclassed, pictures) == "block"
    assert positioned_layers(nested)[0] == "backbone/block"
    assert "backbone/block/conv" in positioned_layers(nested)
    assert positioned_layers(table) == []


def test_logits_are_the_values_before_the_softmax(nested, subclassed, pictures):
    for model in (nested, subclassed):
        found = logits(model, pictures, batch_size=2)
        chances = np.exp(found) / np.exp(found).sum(axis=1, keepdims=True)

        assert found.shape == (5, 3)
        np.testing.assert_allclose(chances, model.predict(pictures, verbose=0), atol=1e-6)
        head = find_layer(model, "head")
        pooled = tap(model, "pool")(pictures)["pool"]
        np.testing.assert_allclose(found, pooled @ head.kernel + head.bias, atol=1e-5)


def test_activations_are_those_of_the_layers_whatever_the_batch(nested, pictures):
    block = nested.get_layer("backbone").get_layer("block")
    activations = tap(nested, ["backbone/block/conv", "backbone/block/norm:input", "backbone"])
    found = activations(pictures, batch_size=2)

    assert list(found) == ["backbone/block/conv", "backbone/block/norm:input", "backbone"]
    convolved = np.asarray(block.conv(2 * pictures))
    np.testing.assert_allclose(found["backbone/block/conv"], convolved, atol=1e-5)
    np.testing.assert_array_equal(found["backbone/block/norm:input"], found["backbone/block/conv"])
    np.testing.assert_allclose(found["backbone"], block(2 * pictures), atol=1e-5)


def test_activations_follow_the_weights_and_leave_nothing_behind(subclassed, pictures):
    before = dict(subclassed.__dict__), dict(subclassed.block.__dict__)
    activations = tap(subclassed, "block/conv")
    first = activations(pictures)["block/conv"]
    weights = subclassed.get_weights()
    subclassed.set_weights([2 * values for values in weights])
    doubled = activations(pictures)["block/conv"]
    subclassed.set_weights(weights)

    np.testing.assert_allclose(doubled, 2 * first, rtol=1e-5)
    assert (subclassed.__dict__.keys(), subclassed.block.__dict__.keys()) == (before[0].keys(), before[1].keys())


def test_unknown_layers_are_refused_before_anything_runs(nested, subclassed, pictures):
    with pytest.raises(UnknownName, match="pool"):
        tap(nested, ["pol"])
    with pytest.raises(UnknownName, match="pool"):
        tap(subclassed, ["pol"])(pictures)
    with pytest.raises(UsageError, match="names of the layers"):
        tap(nested, [])


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("center", [True, False])
def test_the_bias_of_a_normalisation_is_what_it_gives_for_zeros(scale, center):
    inputs = keras.Input((4, 3))
    norm = keras.layers.BatchNormalization(scale=scale, center=center, epsilon=0.01, name="norm")
    model = settled(keras.Model(inputs, norm(keras.layers.Conv1D(3, 1, name="conv")(inputs))))
    norm.moving_variance.assign(np.abs(draws((3,))) + 0.5)
    found = biases(model)

    assert list(found) == ["conv", "norm"]
    np.testing.assert_array_equal(found["conv"], model.get_layer("conv").bias)
    np.testing.assert_allclose(found["norm"], np.asarray(norm(np.zeros((1, 4, 3))))[0, 0], atol=1e-6)


def test_layers_that_add_nothing_have_no_bias():
    inputs = keras.Input((4,))
    values = keras.layers.Dense(3, use_bias=False, name="dense")(inputs)
    model = settled(keras.Model(inputs, keras.layers.LayerNormalization(name="norm")(values)))

    assert list(biases(model)) == ["norm"]
    np.testing.assert_array_equal(biases(model)["norm"], model.get_layer("norm").beta)
