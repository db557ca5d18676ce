"""CAM: the class's own weights of the features that a pooled linear head reads."""

import keras
import numpy as np
import pytest

from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import cam, explain, gradcam
from xaikit.errors import ModelError, UnknownName


@pytest.fixture
def build():
    """Build a model of 8 x 8 pictures whose head is made by a function of the features."""

    def built(head, name="other"):
        inputs = keras.Input((8, 8, 3))
        features = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(inputs)
        return settled(keras.Model(inputs, head(features), name=name))

    return built


def test_cam_weighs_features_by_the_weights_of_the_class(pooled64, images64):
    oracle = Pooled(pooled64)
    expected = np.einsum("bhwk,kt->bhwt", oracle.features(images64), oracle.weights)

    actual = explain(cam, pooled64, images64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-10)


def test_the_mean_of_a_map_and_the_bias_are_the_logit(pooled64, images64):
    bias = pooled64.get_layer("head").bias.numpy()

    scores, maps = explain(cam, pooled64, images64, "all")

    np.testing.assert_allclose(maps.mean(axis=(1, 2)) + bias, scores, atol=1e-10)


def test_cam_is_gradcam_times_the_number_of_positions(pooled64, images64):
    expected = 16 * explain(gradcam, pooled64, images64, "all").maps

    actual = explain(cam, pooled64, images64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=5e-10)


def test_some_targets_are_all_targets_then_picked(pooled64, images64):
    every = explain(cam, pooled64, images64, "all").maps
    expected = every[..., [3, 0, 3]]

    actual = explain(cam, pooled64, images64, [[3, 0, 3]] * 5).maps

    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize(("model", "inputs", "shape"), [("series", "waves", (5,)), ("volumes", "blocks", (2, 3, 3))])
def test_cam_reads_positions_of_one_and_of_three_axes(model, inputs, shape, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    bias = model.layers[-1].bias.numpy()

    scores, maps = explain(cam, model, inputs, "all")

    assert maps.shape == (len(inputs), *shape, 3)
    positions = tuple(range(1, maps.ndim - 1))
    np.testing.assert_allclose(maps.mean(axis=positions) + bias, scores, atol=1e-5)


def test_a_single_logit_has_a_map(build, images):
    model = build(lambda x: keras.layers.Dense(1, activation="sigmoid")(keras.layers.GlobalAveragePooling2D()(x)))

    scores, maps = explain(cam, model, images)

    assert maps.shape == (5, 8, 8, 1)
    np.testing.assert_allclose(maps.mean(axis=(1, 2)) + model.layers[-1].bias.numpy(), scores, atol=1e-5)


def test_a_pointwise_convolution_before_the_pooling_is_a_head(build, images):
    def head(features):
        classes = keras.layers.Conv2D(6, 1, name="classes")(features)
        return keras.layers.Activation("sigmoid")(keras.layers.GlobalAveragePooling2D()(classes))

    model = build(head)
    kernel, bias = model.get_layer("classes").get_weights()
    features = keras.Model(model.inputs, model.get_layer("conv").output).predict(images, verbose=0)
    expected = features @ kernel[0, 0]

    result = explain(cam, model, images, "all")

    assert result.notes["layer"] == "conv"
    np.testing.assert_allclose(result.maps, expected, atol=1e-5)
    np.testing.assert_allclose(result.maps.mean(axis=(1, 2)) + bias, result.scores, atol=1e-5)


def test_dense_layers_without_activation_are_one_linear_head(build, images):
    def head(features):
        hidden = keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(features))
        return keras.layers.Dense(3, activation="softmax")(hidden)

    model = build(head)
    (first, _), (second, _) = (layer.get_weights() for layer in model.layers[-2:])
    features = keras.Model(model.inputs, model.get_layer("conv").output).predict(images, verbose=0)
    expected = features @ first @ second

    actual = explain(cam, model, images, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_pooling_that_keeps_its_axes_and_a_flatten_is_a_head(build, images):
    def head(features):
        pooled = keras.layers.GlobalAveragePooling2D(keepdims=True)(features)
        return keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(pooled))

    model = build(head)

    scores, maps = explain(cam, model, images, "all")

    np.testing.assert_allclose(maps.mean(axis=(1, 2)) + model.layers[-1].bias.numpy(), scores, atol=1e-5)


@pytest.mark.parametrize(
    ("head", "obstacle"),
    [
        (lambda x: keras.layers.Dense(3)(keras.layers.Flatten()(x)), "MatMul"),
        (lambda x: keras.layers.Dense(3)(keras.layers.GlobalMaxPooling2D()(x)), "Max"),
        (
            lambda x: keras.layers.Dense(3)(
                keras.layers.Dense(4, activation="relu")(keras.layers.GlobalAveragePooling2D()(x))
            ),
            "Relu",
        ),
        (lambda x: keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.AveragePooling2D(2)(x))), "AvgPool"),
    ],
    ids=["flattened", "max pooling", "hidden layer", "pooling in parts"],
)
def test_another_head_is_refused_and_named(build, images, head, obstacle):
    with pytest.raises(ModelError, match=f"cam needs average pooling and linear layers .*{obstacle}.*: use gradcam"):
        explain(cam, build(head), images)


def test_an_unknown_layer_is_refused_with_the_nearest(pooled, images):
    with pytest.raises(UnknownName, match=r"has no layer named 'conv22'\. Did you mean 'conv2'"):
        explain(cam(layer="conv22"), pooled, images)


def test_a_layer_before_the_last_convolution_is_refused(pooled, images):
    with pytest.raises(ModelError, match=r"cam needs average pooling .* between layer 'conv1'"):
        explain(cam(layer="conv1"), pooled, images)
