"""Class activation maps on the tokens of vision transformers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.networks import slope_by_differences
from tests.oracles.vits import Tokens, Written, pictures, vit
from tests.oracles.weights import settled
from xaikit import ablationcam, cam, eigencam, explain, find, gradcam, heatmap, hirescam
from xaikit.core import as_view, spatial_layer
from xaikit.core.taps import described
from xaikit.errors import ModelError, ParameterError, XaikitWarning

layers = keras.layers
CAMS = ["gradcam", "gradcampp", "xgradcam", "hirescam", "layercam", "eigencam", "scorecam", "ablationcam"]


@pytest.fixture(scope="module")
def model():
    """A class token, 2 x 4 patches, two blocks."""
    return vit(size=(4, 8))


@pytest.fixture(scope="module")
def images():
    return pictures((4, 8))


@pytest.fixture(scope="module")
def case(model, images):
    """What goes into the last block, [B, N, K], the logits as functions of it, and their slopes, [B, N, K, classes]."""
    oracle = Written(model)

    def logits(hidden):
        return oracle.head(oracle.after(hidden, 1, *oracle.attention(hidden, 1)))

    hidden = [oracle.tokens(image) for image in images]
    hidden = np.stack([oracle.after(tokens, 0, *oracle.attention(tokens, 0)) for tokens in hidden])
    slopes = [
        [slope_by_differences(lambda tokens, t=t: logits(tokens)[t], tokens, 1e-5) for t in range(3)]
        for tokens in hidden
    ]
    return hidden, logits, np.moveaxis(np.array(slopes), 1, -1)


def laid(tokens):
    return tokens[:, 1:].reshape(len(tokens), 2, 4, *tokens.shape[2:])


def test_gradcam_and_hirescam_are_those_of_the_patches(model, images, case):
    hidden, _, slopes = case
    weights = laid(slopes).mean(axis=(1, 2))  # the class token has no part in them

    averaged = explain(gradcam(layer="sum0b"), model, images, "all")
    each = explain(hirescam(layer="sum0b"), model, images, "all")

    assert averaged.notes["grid"] == "2 x 4 after 1 class token"
    np.testing.assert_allclose(averaged.maps, np.einsum("bhwk,bkt->bhwt", laid(hidden), weights), atol=1e-6)
    np.testing.assert_allclose(each.maps, np.einsum("bhwk,bhwkt->bhwt", laid(hidden), laid(slopes)), atol=1e-6)


def test_ablationcam_leaves_the_class_token_as_it_is(model, images, case):
    hidden, logits, _ = case
    expected = np.zeros((3, 2, 4))
    for i, tokens in enumerate(hidden):
        whole = logits(tokens)[2]
        for k in range(tokens.shape[-1]):
            without = tokens.copy()
            without[1:, k] = 0
            expected[i] += (whole - logits(without)[2]) / whole * laid(hidden)[i, ..., k]

    actual = explain(ablationcam(layer="sum0b"), model, images, 2).maps[..., 0]

    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_eigencam_is_that_of_the_patches(model, images, case):
    tokens = laid(case[0]).reshape(3, 8, -1)
    first = np.linalg.svd(tokens)[2][:, 0]
    expected = np.einsum("bpk,bk->bp", tokens, first)
    expected *= np.sign(expected.sum(axis=1, keepdims=True))

    actual = explain(eigencam(layer="sum0b"), model, images).maps

    np.testing.assert_allclose(actual.reshape(3, 8), expected, atol=1e-6)


@pytest.mark.parametrize("name", CAMS)
def test_every_cam_finds_evidence_where_the_patches_go_on(name, model, images):
    result = explain(find(name), model, images, "all")

    assert result.notes["layer"] == "norm1a"  # after it, the class token alone is read
    assert result.maps.shape == (3, 2, 4, 3)
    assert (np.ptp(result.maps, axis=(1, 2)) > 0).all()


def test_cam_of_pooled_tokens_averages_to_the_score():
    model = vit(0, size=(4, 8), pooled=True)

    result = explain(cam, model, pictures((4, 8)), "all")

    assert result.notes["layer"] == "norm"
    np.testing.assert_allclose(
        result.maps.mean(axis=(1, 2)) + model.get_layer("head").bias.numpy(), result.scores, atol=1e-10
    )


def test_cam_weighs_by_the_weights_of_the_class_also_where_class_tokens_are_pooled():
    model = vit(2, size=(4, 8), pooled=True)
    features = keras.Model(model.inputs, model.get_layer("norm").output).predict(pictures((4, 8)), verbose=0)
    expected = features[:, 2:].reshape(3, 2, 4, -1) @ model.get_layer("head").kernel.numpy()

    np.testing.assert_allclose(explain(cam, model, pictures((4, 8)), "all").maps, expected, atol=1e-6)


def test_cam_of_a_class_token_is_refused(model, images):
    with pytest.raises(ModelError, match=r"cam needs average pooling .* StridedSlice"):
        explain(cam, model, images)


def test_pooled_tokens_are_read_from_the_last_layer():
    view = as_view(vit(5, pooled=True))

    assert str(spatial_layer(view)) == "norm"
    assert str(spatial_layer(view).grid) == "4 x 4 after 5 class tokens"


def test_the_default_and_the_layers_with_positions_are_described(model):
    rows = {row["path"]: row for row in described(as_view(model))}

    assert [path for path, row in rows.items() if row["default"]] == ["norm1a"]
    assert rows["norm1a"]["positions"]
    assert rows["sum1b"]["positions"]
    assert not rows["attention1/query"]["positions"]  # [B, N, heads, K]
    assert not rows["head"]["positions"]


class Block(layers.Layer):
    """A block written by hand: dense layers for queries, keys and values, queries and keys normalised."""

    def __init__(self, width, **options):
        super().__init__(**options)
        self.norm = layers.LayerNormalization(name="norm")
        self.asks, self.keys, self.gives, self.out = (
            layers.Dense(width, name=name) for name in ("asks", "keys", "gives", "out")
        )
        self.asks_norm, self.keys_norm = (layers.LayerNormalization(name=name) for name in ("asks_norm", "keys_norm"))

    def call(self, tokens):
        normed = self.norm(tokens)
        asks, keys = self.asks_norm(self.asks(normed)), self.keys_norm(self.keys(normed))
        weights = tf.nn.softmax(tf.matmul(asks, keys, transpose_b=True))
        return tokens + self.out(weights @ self.gives(normed))


def test_queries_keys_and_values_are_no_features():
    inputs = keras.Input((4, 4, 3))
    tokens = Tokens(1)(layers.Reshape((-1, 5))(layers.Conv2D(5, 2, strides=2)(inputs)))
    hidden = Block(5, name="late")(Block(5, name="early")(tokens))
    view = as_view(settled(keras.Model(inputs, layers.Dense(2)(hidden[:, 0]))))
    positions = {row["path"] for row in described(view) if row["positions"]}

    assert str(spatial_layer(view)) == "late/norm"
    assert {"early", "early/norm", "early/out", "late", "late/norm", "late/out"} <= positions
    assert not positions & {f"late/{name}" for name in ("asks", "keys", "gives", "asks_norm", "keys_norm")}


def test_attention_without_projections_leaves_its_layers():
    inputs = keras.Input((4, 4, 3))
    tokens = Tokens(1)(layers.Reshape((-1, 5))(layers.Conv2D(5, 2, strides=2)(inputs)))
    normed = layers.LayerNormalization(name="norm")(tokens)
    hidden = tokens + layers.Attention(name="attention")([normed, normed])
    model = settled(keras.Model(inputs, layers.Dense(2)(hidden[:, 0])))

    assert str(spatial_layer(as_view(model))) == "norm"


def test_a_layer_of_which_the_class_token_alone_goes_on_is_warned_of(model, images):
    with pytest.warns(XaikitWarning, match="Of layer norm the scores read class tokens alone: slopes .* are 0"):
        maps = explain(gradcam(layer="norm"), model, images).maps

    np.testing.assert_array_equal(maps, 0)


def test_a_grid_can_be_given(model, images):
    square = explain(gradcam, model, images).maps

    other = explain(gradcam(grid=(4, 2)), model, images)

    assert other.notes["grid"] == "4 x 2 after 1 class token"
    np.testing.assert_allclose(other.maps.reshape(3, 8), square.reshape(3, 8), atol=1e-12)
    with pytest.raises(ModelError, match="Layer norm1b has 9 tokens, fewer than the 12 of a grid of 3 x 4"):
        gradcam(layer="norm1b", grid=(3, 4)).bind(model)
    with pytest.raises(ParameterError, match="one side for each axis of the input's positions"):
        gradcam(layer="norm1b", grid=(9,)).bind(model)
    with pytest.raises(ModelError, match="which a grid of tokens does not fit"):
        gradcam(layer="patches", grid=(2, 4)).bind(model)


def test_tokens_that_fit_no_grid_say_how_many_they_are():
    inputs = keras.Input((12, 12, 3))
    patches = layers.Reshape((-1, 4))(layers.Conv2D(4, 1, strides=(1, 3), name="patches")(inputs))
    hidden = layers.LayerNormalization(name="late")(patches)
    model = settled(keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(hidden))))

    with pytest.raises(ModelError, match=r"Layer late has 48 tokens, which fit no grid .* like grid=\(14, 14\)"):
        gradcam.bind(model)
    assert not any(row["default"] for row in described(as_view(model)))
    assert explain(gradcam(grid=(12, 4)), model, np.ones((2, 12, 12, 3), "float32")).maps.shape == (2, 12, 4, 1)


class Windows(layers.Layer):
    """Windows of 2 x 2 among the examples, and back."""

    def __init__(self, back=False, **options):
        super().__init__(**options)
        self.back = back

    def call(self, tokens):
        if self.back:
            return tf.reshape(tf.transpose(tf.reshape(tokens, [-1, 2, 2, 2, 2, 4]), [0, 1, 3, 2, 4, 5]), [-1, 4, 4, 4])
        return tf.reshape(tf.transpose(tf.reshape(tokens, [-1, 2, 2, 2, 2, 4]), [0, 1, 3, 2, 4, 5]), [-1, 4, 4])


def test_tokens_of_windows_are_refused():
    inputs = keras.Input((4, 4, 4))
    inside = layers.Dense(4, name="inside")(Windows()(inputs))
    outside = layers.Conv2D(3, 1, name="outside")(Windows(back=True)(inside))
    model = settled(keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(outside))))

    with pytest.raises(ModelError, match="Layer inside gives 4 parts of each example, such as windows"):
        gradcam(layer="inside").bind(model)
    assert str(spatial_layer(as_view(model))) == "outside"


def test_volumes_have_grids_of_three_axes():
    inputs = keras.Input((4, 4, 8, 1))
    tokens = layers.Reshape((-1, 5))(layers.Conv3D(5, 2, strides=2)(inputs))
    hidden = layers.LayerNormalization(name="late")(Tokens(1)(tokens))
    model = settled(keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(hidden))))

    maps = explain(gradcam, model, np.random.default_rng(0).normal(size=(2, 4, 4, 8, 1)).astype("float32")).maps

    assert maps.shape == (2, 2, 2, 4, 1)


def test_texts_have_a_value_for_each_token():
    inputs = keras.Input((6,), dtype="int32")
    hidden = layers.LSTM(4, return_sequences=True, name="late")(layers.Embedding(9, 4)(inputs))
    model = settled(keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(hidden))))

    result = explain(gradcam, model, np.arange(12).reshape(2, 6) % 9, "all")

    assert result.maps.shape == (2, 6, 2)
    assert result.notes["layer"] == "late"


def test_pictures_of_any_size_have_the_grid_of_each_view():
    inputs = keras.Input((None, None, 3))
    tokens = layers.Reshape((-1, 4))(layers.Conv2D(4, 2, strides=2)(inputs))
    hidden = layers.Dense(5, activation="relu", name="late")(tokens)
    model = settled(keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(hidden))))

    maps = explain(find("tta(gradcam, scales=(0.5, 2.0))"), model, pictures((4, 8), dtype="float32")).maps

    assert maps.shape == (3, 4, 8, 1)


def test_maps_of_tokens_are_shown_like_others(model, images):
    heat = explain(heatmap(gradcam), model, images).maps

    assert heat.shape == (3, 4, 8, 1)
    assert heat.min() >= 0
    assert heat.max() == 1


def test_half_precision_and_xla_change_nothing_else():
    full = vit(size=(4, 4), dtype="float32")
    half, images = vit(size=(4, 4), dtype=keras.DTypePolicy("mixed_float16")), pictures((4, 4), dtype="float32")
    expected = explain(gradcam, full, images, jit=False).maps

    compiled = explain(gradcam, full, images, jit=True).maps
    halved = explain(gradcam, half, images).maps

    np.testing.assert_allclose(compiled, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(halved, expected, atol=0.03 * np.abs(expected).max())
    assert str(spatial_layer(as_view(half))) == "norm1a"
