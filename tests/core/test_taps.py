"""Layers to read: by name, by path, or the one that a class activation map reads by default."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit import explain, gradcam, method
from xaikit.core import Explanation, as_view, forward, layer, spatial_layer
from xaikit.core.taps import described
from xaikit.errors import ModelError, UnknownName


@method
def features(model, *, name: str = ""):
    """Give what a layer hands on, or takes, as maps."""
    tap = layer(model, name)

    def step(inputs, targets):
        scores, read = forward(model, inputs, targets, read=tap)
        return Explanation(scores, read[..., tf.newaxis])

    return step


def read(model, name, inputs):
    return explain(features(name=name), model, inputs).maps[..., 0]


def conv(filters, name, **options):
    return keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=name, **options)


def backbone(pooling=False, name="backbone"):
    inputs = keras.Input((8, 8, 3))
    outputs = conv(5, "late", strides=2)(conv(4, "early")(inputs))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(outputs) if pooling else outputs, name=name)


@pytest.fixture(scope="module")
def nested():
    inputs = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(backbone()(inputs))
    return settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(pooled), name="nested"))


@pytest.fixture(scope="module")
def shared():
    """One convolution used twice, and a name that two nested models have."""
    inputs = keras.Input((8, 8, 3))
    twice = keras.layers.Conv2D(3, 3, padding="same", activation="tanh", name="twice")
    left, right = backbone(name="left"), backbone(name="right")
    hidden = twice(twice(inputs))
    joined = keras.layers.Add(name="sum")([left(hidden), right(hidden)])
    pooled = keras.layers.GlobalAveragePooling2D()(joined)
    return settled(keras.Model(inputs, keras.layers.Dense(3)(pooled), name="shared"))


class Block(keras.layers.Layer):
    """A composite layer with a functional ReLU inside."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = keras.layers.Conv2D(4, 3, padding="same", name="inner")

    def call(self, inputs):
        return tf.nn.relu(self.inner(inputs))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="subclassed")
        self.block = Block(name="block")
        self.pool = keras.layers.GlobalAveragePooling2D(name="pool")
        self.head = keras.layers.Dense(3, activation="softmax", name="head")

    def call(self, inputs):
        return self.head(self.pool(self.block(inputs)))


@pytest.fixture(scope="module")
def subclassed(images):
    model = Subclassed()
    model(images)
    return settled(model)


@pytest.mark.parametrize("name", ["conv1", "conv2"])
def test_a_layer_is_read_by_its_name(name, pooled, images):
    expected = keras.Model(pooled.inputs, pooled.get_layer(name).output).predict(images, verbose=0)

    np.testing.assert_allclose(read(pooled, name, images), expected, atol=1e-5)


def test_the_input_of_a_layer_is_read(pooled, images):
    expected = read(pooled, "conv1", images)

    np.testing.assert_array_equal(read(pooled, "conv2:input", images), expected)
    np.testing.assert_array_equal(read(pooled, "conv1:input", images), images)


@pytest.mark.parametrize("name", ["backbone/late", "late", "backbone"])
def test_a_layer_in_a_nested_model_is_read_by_its_path_or_its_name(name, nested, images):
    expected = np.asarray(nested.get_layer("backbone")(images))

    np.testing.assert_allclose(read(nested, name, images), expected, atol=1e-5)


def test_a_name_that_several_layers_end_in_needs_the_whole_path(shared, images):
    with pytest.raises(UnknownName, match="Several end so: give the whole path"):
        read(shared, "late", images)
    left, right, both = (read(shared, name, images) for name in ("left/late", "right/late", "sum"))

    np.testing.assert_allclose(left + right, both, atol=1e-5)


def test_a_number_takes_one_use_of_a_shared_layer(shared, images):
    twice = shared.get_layer("twice")
    first = np.asarray(twice(images))
    second = np.asarray(twice(first))

    np.testing.assert_allclose(read(shared, "twice#1", images), first, atol=1e-5)
    np.testing.assert_allclose(read(shared, "twice#2", images), second, atol=1e-5)
    np.testing.assert_allclose(read(shared, "twice#2:input", images), first, atol=1e-5)
    np.testing.assert_array_equal(read(shared, "twice", images), read(shared, "twice#2", images))
    with pytest.raises(UnknownName, match="has no layer named 'twice#3'"):
        read(shared, "twice#3", images)


@pytest.mark.parametrize("name", ["block", "block/inner"])
def test_a_layer_in_a_subclassed_model_is_read(name, subclassed, images):
    inner = np.asarray(subclassed.block.inner(images))
    expected = np.maximum(inner, 0) if name == "block" else inner

    np.testing.assert_allclose(read(subclassed, name, images), expected, atol=1e-5)


def test_an_unknown_layer_suggests_the_nearest(nested, images):
    with pytest.raises(
        UnknownName, match=r"model 'nested' has no layer named 'backbone/lat'\. Did you mean 'backbone/late'"
    ):
        read(nested, "backbone/lat", images)
    with pytest.raises(UnknownName, match="There are: backbone, backbone/early"):
        read(nested, "zzz", images)


def test_an_unknown_layer_fails_in_bind(pooled):
    with pytest.raises(UnknownName):
        gradcam(layer="nowhere").bind(pooled)


def test_a_layer_without_positions_is_refused(pooled, images):
    with pytest.raises(ModelError, match=r"Layer head gives \(None, 4\), without positions: choose another layer"):
        explain(gradcam(layer="head"), pooled, images)


def test_a_layer_that_gives_several_tensors_is_refused(rows):
    class Pair(keras.layers.Layer):
        def call(self, inputs):
            return inputs, inputs

    inputs = keras.Input((5,))
    model = settled(keras.Model(inputs, keras.layers.Add()(Pair(name="pair")(inputs))))

    with pytest.raises(ModelError, match="The output of layer 'pair' is not one tensor"):
        read(model, "pair", rows)


def default(model):
    return str(spatial_layer(as_view(model)))


def test_by_default_the_last_layer_with_positions_is_read(pooled, nested, shared, linear64):
    assert default(pooled) == "conv2"
    assert default(nested) == "backbone/late"
    assert default(shared) == "sum"
    with pytest.raises(ModelError, match="No layer on the way to the scores of model 'linear' has positions"):
        default(linear64)


def test_pooling_inside_of_a_nested_model_changes_no_default():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(backbone(pooling=True)(inputs)))

    assert default(model) == "backbone/late"


def test_pooling_dropout_and_padding_are_no_features():
    inputs = keras.Input((8, 8, 3))
    hidden = conv(4, "conv")(inputs)
    for passive in (keras.layers.MaxPooling2D(2), keras.layers.Dropout(0.5), keras.layers.ZeroPadding2D(1)):
        hidden = passive(hidden)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(hidden)))

    assert default(model) == "conv"


def test_maps_of_one_position_are_no_positions():
    inputs = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True)(conv(4, "conv")(inputs))
    head = keras.layers.Conv2D(3, 1, name="classes")(pooled)
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Flatten()(head)))

    assert default(model) == "conv"


def test_a_layer_beside_the_way_to_the_scores_is_not_read():
    inputs = keras.Input((8, 8, 3))
    early = conv(4, "early")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(early)
    beside = keras.Model(inputs, [keras.layers.Dense(3)(pooled), conv(4, "beside")(early)])
    model = keras.Model(inputs, beside(inputs)[0])

    assert default(model).endswith("/early")


def test_the_chosen_layer_is_told(nested, images):
    assert explain(gradcam, nested, images).notes["layer"] == "backbone/late"


FAMILIES = {  # what a class activation map reads, and its positions for inputs of 64 x 64
    "VGG16": ("block5_conv3", (4, 4)),
    "MobileNet": ("conv_pw_13_relu", (2, 2)),
    "MobileNetV3Small": (None, (2, 2)),
    "ResNet50V2": ("post_relu", (2, 2)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_default_layer_of_known_families(family):
    expected, positions = FAMILIES[family]
    options = {} if family in ("VGG16", "ResNet50V2") else {"alpha": 0.5 if family == "MobileNet" else 0.75}
    model = getattr(keras.applications, family)(weights=None, input_shape=(64, 64, 3), classes=5, **options)
    view = as_view(model)

    tap = spatial_layer(view)

    assert tuple(tap.tensor(view.preview).shape[1:3]) == positions
    assert expected is None or str(tap) == expected


def test_layers_are_described_in_the_order_of_calling(nested):
    rows = described(as_view(nested))

    assert [row["path"] for row in rows if row["positions"]] == ["backbone/early", "backbone/late", "backbone"]
    assert [row["path"] for row in rows if row["default"]] == ["backbone/late"]
    assert {
        "path": "backbone/late",
        "class": "Conv2D",
        "shape": [None, 4, 4, 5],
        "positions": True,
        "default": True,
    } in rows


def test_a_layer_inside_of_a_loop_is_refused():
    cell = keras.layers.LSTMCell(3, name="cell")
    model = keras.Sequential([keras.Input((4, 2)), keras.layers.RNN(cell, name="loop"), keras.layers.Dense(2)])

    with pytest.raises(ModelError, match="'cell:input' runs inside of a loop"):
        layer(as_view(model), "cell:input")
