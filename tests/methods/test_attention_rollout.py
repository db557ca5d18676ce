"""Attention rollout: the product of the layers' attention."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.vits import Tokens, Written, pictures, vit
from tests.oracles.weights import settled
from xaikit import attention_rollout, explain, mc_dropout, smooth, tta
from xaikit.core.streams import Stream
from xaikit.core.tokens import Grid
from xaikit.errors import ModelError, ParameterError

layers = keras.layers


def written_out(attention):
    """Section 3 of the paper: from each layer's attention, [heads, N, N], to [N, N]."""
    rolled = np.eye(attention[0].shape[-1])
    for weights in attention:
        mixed = 0.5 * weights.mean(axis=0) + 0.5 * np.eye(len(rolled))
        rolled = mixed / mixed.sum(axis=-1, keepdims=True) @ rolled
    return rolled


CASES = {
    "class token": {},
    "registers": {"special": 5},
    "class and distillation tokens": {"special": 2, "blocks": 3},
    "pooled": {"special": 0, "pooled": True},
    "pooled with a class token": {"special": 1, "pooled": True},
    "wide": {"size": (8, 16)},
    "high": {"size": (12, 4), "special": 0, "pooled": True},
}


@pytest.mark.parametrize("case", CASES)
def test_attention_rollout_is_what_the_paper_says(case):
    options = CASES[case]
    model, (height, width) = vit(**options), options.get("size", (8, 8))
    images, special = pictures((height, width)), options.get("special", 1)
    oracle = Written(model)
    rolled = [written_out(oracle.run(image)[1]) for image in images]
    rows = [every.mean(axis=0) if oracle.pooled else every[0] for every in rolled]
    expected = np.stack([row[special:].reshape(height // 2, width // 2) for row in rows])

    result = explain(attention_rollout, model, images, "all")

    grid = f"{height // 2} x {width // 2}"
    tokens = {0: "", 1: " after 1 class token"}.get(special, f" after {special} class tokens")
    assert result.notes["grid"] == grid + tokens
    assert result.notes["read"] == ("all tokens" if oracle.pooled else "token 0")
    assert result.maps.dtype == np.float64
    for target in range(3):  # the target does not matter
        np.testing.assert_allclose(result.maps[..., target], expected, atol=1e-7)


def test_without_class_tokens_a_map_adds_up_to_1():
    maps = explain(attention_rollout, vit(0, pooled=True), pictures(), "all").maps

    np.testing.assert_allclose(maps.sum(axis=(1, 2)), 1, atol=1e-12)


def rolled_back(matrices, row):
    """What `Stream` makes of [B, N, N], one for each layer, of which one row is read."""
    count = matrices[0].shape[-1]
    stream = Stream([], tf.one_hot(row, count, dtype=tf.float64), Grid((count,)))
    return np.asarray(stream.back([tf.constant(matrix) for matrix in matrices]))


def test_layers_are_a_matrix_product():
    draws = np.random.default_rng(3).random(size=(4, 2, 5, 5))
    product = draws[3] @ draws[2] @ draws[1] @ draws[0]
    for row in range(5):
        np.testing.assert_allclose(rolled_back(list(draws), row), product[:, row], rtol=1e-12)


def test_rows_add_up_to_1_identity_stays_and_uniform_gives_uniform():
    draws = np.random.default_rng(3).random(size=(4, 2, 5, 5))
    rows = draws / draws.sum(axis=-1, keepdims=True)

    np.testing.assert_allclose(rolled_back(list(rows), 2).sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_array_equal(rolled_back([np.eye(5)[np.newaxis]] * 3, 2), np.eye(5)[[2]])
    np.testing.assert_allclose(rolled_back([np.full((1, 5, 5), 0.2)] * 3, 2), np.full((1, 5), 0.2), rtol=1e-12)


def test_uniform_attention_in_one_layer_gives_half_a_token_and_a_uniform_half():
    model = vit(0, pooled=False, blocks=1)
    attention = model.get_layer("attention0")
    attention.set_weights([0 * values for values in attention.get_weights()])  # all products are the same

    maps = explain(attention_rollout, model, pictures()).maps[..., 0]

    expected = np.full((3, 4, 4), 0.5 / 16)
    expected[:, 0, 0] += 0.5  # the first patch is the token that is read
    np.testing.assert_allclose(maps, expected, atol=1e-12)


def test_a_grid_can_be_given_and_has_to_fit():
    model, images = vit(0, pooled=True, size=(8, 8)), pictures()

    maps = explain(attention_rollout(grid=(2, 7)), model, images).maps

    square = explain(attention_rollout, model, images).maps
    np.testing.assert_array_equal(maps.reshape(3, 14), square.reshape(3, 16)[:, 2:])
    with pytest.raises(ModelError, match="has 16 tokens, fewer than the 20 of a grid of 4 x 5"):
        attention_rollout(grid=(4, 5)).bind(model)
    with pytest.raises(ParameterError, match="one side for each axis"):
        attention_rollout(grid=(16,)).bind(model)
    with pytest.raises(ParameterError, match="grid must be at least 1, not"):
        attention_rollout(grid=(4, 0))


def encoder(read, inputs=None, **options):
    """A text model: embeddings, attention, and a head that reads some tokens."""
    tokens = keras.Input((6,) if inputs is None else inputs, dtype="int32")
    hidden = layers.Embedding(11, 6, **options)(tokens)
    hidden = layers.LayerNormalization()(hidden + layers.MultiHeadAttention(2, 3, name="attention")(hidden, hidden))
    return settled(keras.Model(tokens, layers.Dense(3, activation="softmax")(read(hidden))))


TEXTS = np.array([[1, 4, 5, 2, 0, 0], [3, 3, 9, 10, 1, 7]])


@pytest.mark.parametrize(
    ("read", "row"),
    [(lambda x: x[:, 0], 0), (lambda x: x[:, -1], 5), (layers.GlobalAveragePooling1D(), None)],
    ids=["first", "last", "pooled"],
)
def test_texts_of_whole_numbers_have_a_value_for_each_token(read, row):
    model = encoder(read)
    embedded = model.layers[1].get_weights()[0][TEXTS]
    wq, bq, wk, bk = model.get_layer("attention").get_weights()[:4]
    queries, keys = (np.einsum("bnk,khd->bhnd", embedded, w) + b[:, np.newaxis] for w, b in ((wq, bq), (wk, bk)))
    raised = np.exp(queries @ keys.swapaxes(2, 3) / np.sqrt(3))
    rolled = np.stack([written_out([each]) for each in raised / raised.sum(axis=-1, keepdims=True)])
    expected = rolled.mean(axis=1) if row is None else rolled[:, row]

    result = explain(attention_rollout, model, TEXTS, "all")

    assert result.maps.shape == (2, 6, 3)
    assert result.maps.dtype == np.float32
    assert result.notes["read"] == ("all tokens" if row is None else f"token {row}")
    np.testing.assert_allclose(result.maps[..., 1], expected, atol=1e-6)


def test_texts_of_any_length_are_explained():
    model = encoder(lambda x: x[:, 0], inputs=(None,))

    assert explain(attention_rollout, model, TEXTS).maps.shape == (2, 6, 1)
    assert explain(attention_rollout, model, TEXTS[:, :4]).maps.shape == (2, 4, 1)


def test_padding_that_is_masked_takes_nothing_and_gives_nothing():
    maps = explain(attention_rollout, encoder(lambda x: x[:, 0], mask_zero=True), TEXTS).maps[..., 0]

    np.testing.assert_allclose(maps[0, 4:], 0, atol=1e-12)
    assert (maps[1] > 0).all()


def test_series_in_patches_have_their_own_positions():
    inputs = keras.Input((24, 2))
    patches = layers.Conv1D(4, 4, strides=4)(inputs)
    hidden = patches + layers.MultiHeadAttention(2, 2)(patches, patches)
    model = settled(keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(hidden))))

    maps = explain(attention_rollout, model, np.ones((2, 24, 2), "float32"), "all").maps

    assert maps.shape == (2, 6, 3)


def test_a_class_token_before_patches_of_a_series_is_no_position():
    inputs = keras.Input((24, 2))
    patches = Tokens(1)(layers.Conv1D(4, 4, strides=4)(inputs))
    hidden = patches + layers.MultiHeadAttention(2, 2)(patches, patches)
    model = settled(keras.Model(inputs, layers.Dense(3)(hidden[:, 0])))

    result = explain(attention_rollout, model, np.ones((2, 24, 2), "float32"), "all")

    assert result.maps.shape == (2, 6, 3)
    assert result.notes["grid"] == "6 after 1 class token"


def test_attention_is_found_with_its_dropout_on():
    model, images = vit(), pictures()
    expected = explain(attention_rollout, model, images).maps

    drawn = explain(mc_dropout(attention_rollout, repetitions=3), model, images).maps

    assert drawn.shape == expected.shape
    assert not np.allclose(drawn, expected)  # later attention is drawn on, too
    np.testing.assert_allclose(drawn, expected, atol=0.3)


def test_xla_and_half_precision_change_nothing_else():
    full, half = vit(size=(4, 4), dtype="float32"), vit(size=(4, 4), dtype=keras.DTypePolicy("mixed_float16"))
    images = pictures((4, 4), dtype="float32")
    expected = explain(attention_rollout, full, images, jit=False).maps

    compiled = explain(attention_rollout, full, images, jit=True).maps
    halved = explain(attention_rollout, half, images).maps

    assert expected.dtype == halved.dtype == np.float32
    np.testing.assert_allclose(compiled, expected, atol=1e-6)
    np.testing.assert_allclose(halved, expected, atol=0.02 * expected.max())


def test_neighbours_and_batches_change_nothing():
    model, images = vit(), pictures()
    expected = explain(attention_rollout, model, images).maps

    alone = np.concatenate([explain(attention_rollout, model, images[i : i + 1]).maps for i in range(3)])

    np.testing.assert_allclose(alone, expected, rtol=1e-12)


def test_it_goes_with_transformers():
    model, images = vit(), pictures()
    expected = explain(attention_rollout, model, images).maps

    smoothed = explain(smooth(attention_rollout, noise=0, repetitions=2), model, images).maps
    mirrored = explain(tta(attention_rollout, scales=()), model, images).maps

    np.testing.assert_allclose(smoothed, expected, atol=1e-12)
    assert mirrored.shape == (3, 8, 8, 1)


def test_a_model_without_attention_is_refused(pooled):
    with pytest.raises(ModelError, match="No attention is seen in model 'pooled'"):
        attention_rollout.bind(pooled)
