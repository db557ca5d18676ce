"""Inputs without an axis of channels, or with the channels first, are explained as if they had them last."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.explainers import echo
from tests.oracles.weights import settled
from xaikit import (
    deeplift,
    expected_gradients,
    explain,
    gradcam,
    gradients,
    heatmap,
    integrated_gradients,
    lrp,
    mc_dropout,
    normalize,
    occlusion,
    over_channels,
    quantiles,
    resize,
    smooth,
    stream,
    tta,
)
from xaikit.core.layouts import inward, maps_inward, maps_outward, outward
from xaikit.errors import InputError, ModelError, ParameterError, UnfitInput, UsageError

EXPLAINERS = [
    gradients,
    gradcam,
    resize(gradcam),
    occlusion(patch=2),
    over_channels(gradients),
    heatmap(gradients),
    normalize(gradcam),
    smooth(gradients, repetitions=2),
    integrated_gradients(steps=3, baseline="blur"),
    expected_gradients(samples=3),
    lrp,
    deeplift,
    mc_dropout(gradients, repetitions=2),
]


def draws(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def pictured(side, channels, name):
    """The same network with the same weights, on pictures [side, side, channels], or in another layout."""
    size, layers = [side, side], keras.layers
    shape = {"last": (*size, channels), "first": (channels, *size), "none": tuple(size)}[name]
    inputs = keras.Input(shape)
    hidden = layers.Permute((2, 3, 1))(inputs) if name == "first" else inputs
    hidden = layers.Reshape((*size, 1))(inputs) if name == "none" and side else hidden
    hidden = layers.Lambda(lambda x: x[..., None])(inputs) if name == "none" and not side else hidden
    hidden = layers.Conv2D(4, 3, strides=2, activation="relu", name="conv")(hidden)
    hidden = layers.Dropout(0.3)(hidden)
    outputs = layers.Dense(3, activation="softmax", name="head")(layers.GlobalAveragePooling2D()(hidden))
    return settled(keras.Model(inputs, outputs, name=name), seed=3)


@pytest.fixture(scope="module")
def grey():
    """(channels last, none): two spellings of one network, and pictures [5, 8, 8, 1]."""
    return pictured(8, 1, "last"), pictured(8, 1, "none"), draws(5, 8, 8, 1)


@pytest.fixture(scope="module")
def coloured():
    """(channels last, first): two spellings of one network of pictures of any size, and pictures [5, 8, 8, 3]."""
    return pictured(None, 3, "last"), pictured(None, 3, "first"), draws(5, 8, 8, 3)


def own_layout(maps, channels, located):
    if located:
        return maps
    return maps[..., 0, :] if channels == "none" else np.moveaxis(maps, -2, 1)


@pytest.mark.parametrize("explainer", EXPLAINERS, ids=str)
@pytest.mark.parametrize("channels", ["none", "first"])
def test_the_maps_are_those_of_channels_last_laid_out_like_the_inputs(explainer, channels, grey, coloured):
    last, other, images = grey if channels == "none" else coloured
    given = images[..., 0] if channels == "none" else np.moveaxis(images, -1, 1)
    reference = explain(explainer, last, images, [[0, 2]] * 5, batch_size=2)
    located = reference.maps.ndim == images.ndim
    expected = own_layout(reference.maps, channels, located)

    actual = explain(explainer, other, given, [[0, 2]] * 5, batch_size=2, channels=channels)

    assert actual.maps.shape == expected.shape
    if not located:
        assert actual.maps.shape == (*given.shape, 2)
    np.testing.assert_allclose(actual.maps, expected, atol=1e-6)
    np.testing.assert_allclose(actual.scores, reference.scores, atol=1e-6)


def test_an_attribution_lies_where_its_value_lies(coloured):
    _, first, images = coloured
    given = np.ascontiguousarray(np.moveaxis(images[:, :, :6], -1, 1))  # [5, 3, 8, 6]

    maps = explain(echo, first, given, channels="first").maps

    np.testing.assert_array_equal(maps[..., 0], given)


@pytest.mark.parametrize("count", [1, 4])
def test_an_array_as_baseline_is_laid_out_like_the_inputs(count, grey, coloured):
    method = integrated_gradients(steps=3) if count == 1 else expected_gradients(samples=5)
    for (last, other, images), channels in ((grey, "none"), (coloured, "first")):
        background = draws(count, *images.shape[1:], seed=5)
        given, own = (
            array[..., 0] if channels == "none" else np.moveaxis(array, -1, 1) for array in (images, background)
        )
        inside, outside = (background[0], own[0]) if count == 1 else (background, own)
        expected = own_layout(explain(method(baseline=inside), last, images, 1).maps, channels, False)

        actual = explain(method(baseline=outside), other, given, 1, channels=channels).maps

        np.testing.assert_allclose(actual, expected, atol=1e-6)
        with pytest.raises(ParameterError, match="must have the shape of one example"):
            explain(method(baseline=background[0]), other, given, 1, channels=channels)


def test_tta_makes_views_of_channels_first_and_refuses_one_size_without_channels(grey, coloured):
    last, first, images = coloured
    expected = explain(tta(gradcam, scales=(1.5,)), last, images, 1).maps

    actual = explain(tta(gradcam, scales=(1.5,)), first, np.moveaxis(images, -1, 1), 1, channels="first").maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)
    with pytest.raises(UnfitInput, match=r"takes 8 x 8 alone: write tta\(\.\.\., scales=\(\)\)"):
        explain(tta(gradcam), grey[1], grey[2][..., 0], channels="none")


@pytest.mark.parametrize("jit", [False, True])
def test_streams_and_xla_know_the_layout(jit, grey):
    last, none, images = grey
    expected = explain(gradients, last, images, 1).maps[..., 0, :]

    parts = list(stream(gradients, none, images[..., 0], 1, channels="none", batch_size=2, jit=jit))

    assert [part.maps.shape for part in parts] == [(2, 8, 8, 1), (2, 8, 8, 1), (1, 8, 8, 1)]
    np.testing.assert_allclose(np.concatenate([part.maps for part in parts]), expected, atol=1e-6)


def test_datasets_and_other_types_know_the_layout(grey):
    _, none, images = grey
    given = (100 * np.abs(images[..., 0])).astype("uint8")
    expected = explain(gradients, none, given.astype("float32"), 1, channels="none").maps

    data = tf.data.Dataset.from_tensor_slices(given).batch(3)

    np.testing.assert_allclose(explain(gradients, none, data, 1, channels="none").maps, expected, atol=1e-6)


def test_quantiles_are_laid_out_like_the_inputs(grey, coloured):
    options = {"q": (0.25, 0.75), "repetitions": 3}
    for (last, other, images), channels in ((grey, "none"), (coloured, "first")):
        given = images[..., 0] if channels == "none" else np.moveaxis(images, -1, 1)
        expected = own_layout(quantiles(gradients, last, images, 1, **options).maps[0], channels, False)

        actual = quantiles(gradients, other, given, 1, channels=channels, **options).maps

        assert actual.shape == (2, *given.shape, 1)
        np.testing.assert_allclose(actual[0], expected, atol=1e-6)


def test_several_replicas_know_the_layout():
    devices = tf.config.list_logical_devices("CPU")
    if len(devices) < 2:
        pytest.skip("one device")
    images = draws(3, 8, 8)
    expected = explain(gradients, pictured(8, 1, "none"), images, 1, channels="none").maps
    with tf.distribute.MirroredStrategy([device.name for device in devices[:2]]).scope():
        spread = pictured(8, 1, "none")

    np.testing.assert_allclose(explain(gradients, spread, images, 1, channels="none").maps, expected, atol=1e-6)


@pytest.fixture(scope="module")
def several():
    """Grey pictures, series without channels, and tokens, by name."""
    layers = keras.layers
    inputs = {
        "picture": keras.Input((6, 4), name="picture"),
        "wave": keras.Input((7,), name="wave"),
        "words": keras.Input((5,), dtype="int32", name="words"),
    }
    embedded = layers.GlobalAveragePooling1D()(layers.Embedding(9, 3)(inputs["words"]))
    joined = layers.Concatenate()([layers.Flatten()(inputs["picture"]), inputs["wave"], embedded])
    return settled(keras.Model(inputs, layers.Dense(3)(joined), name="several"))


@pytest.fixture(scope="module")
def mixed():
    return {"picture": draws(2, 6, 4), "wave": draws(2, 7), "words": np.array([[1, 2, 3, 4, 5], [8, 7, 6, 0, 1]])}


def test_each_of_several_inputs_gets_its_maps_in_its_own_layout(several, mixed):
    maps = explain(occlusion, several, mixed, 0, channels="none").maps
    kernel = several.layers[-1].kernel.numpy()[:, 0]
    expected = {"picture": (mixed["picture"].reshape(2, -1) * kernel[:24]).reshape(2, 6, 4)}
    expected["wave"] = mixed["wave"] * kernel[24:31]

    assert {name: one.shape for name, one in maps.items()} == {
        "picture": (2, 6, 4, 1),
        "wave": (2, 7, 1),
        "words": (2, 5, 1),
    }
    for name in ("picture", "wave"):
        np.testing.assert_allclose(maps[name][..., 0], expected[name], atol=1e-5)


def test_tables_and_tokens_have_no_channels_to_lay_out():
    rows, tokens = draws(2, 5), np.zeros((2, 5), "int32")

    assert inward(rows, "first") is rows
    assert inward(tokens, "none") is tokens
    assert inward(rows, "none").shape == (2, 5, 1)


@pytest.mark.parametrize("shape", [(2, 3, 7), (2, 3, 7, 5), (2, 3, 4, 5, 6)])
@pytest.mark.parametrize("channels", ["first", "none", "last"])
def test_out_is_the_inverse_of_in(shape, channels):
    values = draws(*shape)

    there = inward(values, channels)
    maps = draws(*there.shape, 2)

    np.testing.assert_array_equal(outward(tf.constant(there), channels).numpy(), values)
    laid = maps_outward(maps, there, channels)
    assert laid.shape == (*shape, 2)
    again = maps_inward(laid, explained_layout(there, channels))
    np.testing.assert_array_equal(again, maps)


def explained_layout(inputs, channels):
    from xaikit.core.layouts import Layout

    return Layout(tf.TensorSpec([None, *inputs.shape[1:]]), channels, False)


def test_one_network_in_two_layouts_is_compiled_twice():
    """A subclassed model takes what it is given: the layout, not the shape alone, says what that means."""

    class Sum(keras.Model):
        def call(self, inputs):
            return tf.reshape(tf.reduce_sum(inputs * tf.range(1.0, 4.0), axis=[1, 2]), [-1, 3])[:, :1]

    model = Sum()
    images = draws(2, 3, 3, 3)
    model(images)

    last = explain(gradients, model, images).maps
    first = explain(gradients, model, images, channels="first").maps

    np.testing.assert_allclose(first, last, atol=1e-6)  # the gradient lies where the input's value lies


def test_the_model_that_is_not_fed_so_says_so_in_the_users_layout(grey, coloured):
    with pytest.raises(InputError, match=r"\(5, 8, 8, 3\).*the channels go first, np\.moveaxis\(inputs, -1, 1\)"):
        explain(gradients, coloured[1], coloured[2], channels="first")
    with pytest.raises(InputError, match="channels='first' is for models that take them first"):
        explain(gradients, coloured[0], np.moveaxis(coloured[2], -1, 1))
    with pytest.raises(InputError, match="4 axes instead of 3"):
        explain(gradients, grey[1], grey[2], channels="none")
    with pytest.raises(UsageError, match="channels must be 'last', 'first' or 'none', not 'middle'"):
        explain(gradients, grey[1], grey[2], channels="middle")


def test_a_layer_whose_features_have_the_channels_first_is_not_misread():
    inputs = keras.Input((3, 8, 8))
    pooled = keras.layers.AveragePooling2D(2, data_format="channels_first", name="pool")(inputs)
    flat = keras.layers.Flatten()(keras.layers.ReLU(name="relu")(pooled))
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(flat)))
    images = draws(2, 3, 8, 8)

    for explainer in (gradcam, gradcam(layer="relu")):
        with pytest.raises(ModelError, match=r"'pool' .* data_format='channels_first'.* reads no layer"):
            explain(explainer, model, images, channels="first")
    assert explain(gradients, model, images, channels="first").maps.shape == (2, 3, 8, 8, 1)
