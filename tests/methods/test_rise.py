"""RISE: means over masks rebuilt from their draws, and the law of a linear score."""

import keras
import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.functions import model_of
from tests.oracles.masks import blend, drawn, rise_mask
from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import explain, find, rise
from xaikit.core import Model, tf
from xaikit.core.sampling import BLOCK
from xaikit.errors import ModelError, ParameterError, XaikitWarning

WEIGHTS = np.array([1, -2, 3, 0.5])
EXAMPLE = np.array([[1.0, 2.0, 1.0, 4.0]])


@pytest.fixture(scope="module")
def weighted():
    return model_of(lambda a, b, c, d: a - 2 * b + 3 * c + 0.5 * d, 4)


def written_out(scores, images, count, cells, keep, seed=0, fill=0.0):
    """Mean of f M over mean of M, with f of inputs [B, H, W, C] to [B, T]: [B, H, W, T]."""
    sides = images.shape[1:3]
    counts = [min(cells, side) for side in sides]
    masks = [rise_mask(each, sides, counts, keep) for each in drawn(count, [np.prod(counts) + 2], seed)]
    found = np.stack([scores(blend(images, mask, fill)) for mask in masks])
    return np.einsum("nbt,nhw->bhwt", found, masks) / np.sum(masks, axis=0)[..., np.newaxis]


@pytest.mark.parametrize(
    "parameters",
    [{"cells": 3}, {"cells": 8, "keep": 0.7}, {"cells": 2, "keep": 0.3, "baseline": -0.5, "seed": 4}],
)
def test_a_position_has_the_mean_score_of_the_masks_that_let_it_through(parameters, pooled64, images64):
    images = images64[:3, :7, :5]
    expected = written_out(
        Pooled(pooled64).logits,
        images,
        20,
        parameters["cells"],
        parameters.get("keep", 0.5),
        parameters.get("seed", 0),
        parameters.get("baseline", 0.0),
    )

    actual = explain(rise(samples=20, **parameters), pooled64, images, "all").maps

    np.testing.assert_allclose(actual, expected, atol=2e-6)  # the masks are written out in float32


def test_of_a_linear_score_a_feature_has_its_own_part_and_a_share_of_the_whole(weighted):
    expected = 0.5 * (WEIGHTS @ EXAMPLE[0]) + 0.5 * WEIGHTS * EXAMPLE[0]
    found = explain(rise, weighted, EXAMPLE, details=True)

    np.testing.assert_allclose(expected, [1.5, -1, 2.5, 2])
    assert (np.abs(found.maps[0, :, 0] - expected) < 4 * found.details["standard_error"]).all()
    assert found.details["standard_error"] < 0.1
    assert found.details["samples"].tolist() == [[4000]]


def test_the_share_is_the_one_that_is_kept(weighted):
    expected = 0.2 * (WEIGHTS @ EXAMPLE[0]) + 0.8 * WEIGHTS * EXAMPLE[0]
    found = explain(rise(keep=0.2), weighted, EXAMPLE, details=True)

    assert (np.abs(found.maps[0, :, 0] - expected) < 4 * found.details["standard_error"]).all()


def test_its_variance_falls_as_samples_grow(weighted):
    few, many = (
        explain(rise(samples=count), weighted, EXAMPLE, details=True).details["standard_error"][0, 0]
        for count in (250, 4000)
    )

    assert 3.5 < few / many < 4.5  # sqrt(16)


def test_a_score_that_is_the_same_under_all_masks_gives_the_same_value_everywhere(pooled64, changed, images64):
    model = changed(pooled64, head=lambda kernel, bias: [0 * kernel, bias])
    found = explain(rise(samples=20, cells=2), model, images64, "all", details=True)

    expected = np.broadcast_to(found.scores[:, np.newaxis, np.newaxis], found.maps.shape)
    np.testing.assert_array_equal(found.maps, expected)
    np.testing.assert_array_equal(found.details["standard_error"], 0)


@pytest.mark.parametrize("samples", [1, 2])
def test_positions_that_no_mask_lets_through_have_the_mean_of_all(samples, weighted):
    kept = drawn(samples, [5])[:, :4] < 0.5
    scores = kept @ (WEIGHTS * EXAMPLE[0])
    hit = kept.any(axis=0)
    expected = np.where(hit, (scores @ kept) / np.maximum(kept.sum(axis=0), 1), scores.mean())

    actual = explain(rise(samples=samples), weighted, EXAMPLE).maps[0, :, 0]

    assert not hit.all()
    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_maps_are_linear_in_the_score(pooled64, images64):
    explainer = rise(samples=9, cells=3)
    every = explain(explainer, pooled64, images64, "all").maps
    expected = 2.0 * every[..., 0] - 3.0 * every[..., 3] + 7.0

    actual = explain(explainer, pooled64, images64, lambda scores: 2.0 * scores[:, 0] - 3.0 * scores[:, 3] + 7.0).maps

    np.testing.assert_allclose(actual[..., 0], expected, atol=1e-12)


def test_on_a_picture_that_is_not_square_the_hit_is_in_its_place():
    inputs = keras.Input((24, 36, 1))
    hit = keras.layers.Lambda(lambda x: x[:, 17:21, 5:9, 0:1])(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(hit))
    image = np.ones((1, 24, 36, 1), "float32")

    maps = explain(rise(samples=400), model, image).maps[0, ..., 0]
    row, column = np.unravel_index(maps.argmax(), maps.shape)

    assert maps.shape == (24, 36)
    assert 16 <= row <= 21
    assert 4 <= column <= 9


@pytest.mark.parametrize(("model", "inputs"), [("table", "rows"), ("series", "waves"), ("volumes", "blocks")])
def test_inputs_of_any_rank_are_explained(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    positions = inputs.shape[1:] if inputs.ndim == 2 else inputs.shape[1:-1]

    maps = explain(rise(samples=40, cells=3), model, inputs, [[0, 2]] * len(inputs)).maps

    assert maps.shape == (len(inputs), *positions, 2)
    assert np.ptp(maps, axis=tuple(range(1, maps.ndim - 1))).min() > 0


def test_steps_of_a_series_are_kept_by_themselves_and_with_all_their_channels(series, waves):
    kept = drawn(6, [10])[:, :9] < 0.5
    scores = np.stack([explain(rise(samples=1), series, waves * mask[:, np.newaxis], "all").scores for mask in kept])
    expected = np.einsum("nbt,nl->blt", scores, kept) / kept.sum(axis=0)[:, np.newaxis]

    actual = explain(rise(samples=6), series, waves, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_tokens_are_explained_and_only_other_tokens_hide_them():
    inputs = keras.Input((6,), dtype="int32")
    embedded = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 4)(inputs))
    model = settled(keras.Model(inputs, keras.layers.Dense(3)(embedded)))
    tokens = np.array([[1, 2, 3, 0, 5, 5], [8, 7, 6, 5, 4, 0]])
    kept = drawn(30, [7])[:, :6] < 0.5
    scores = np.stack([explain(rise(samples=1), model, tokens * mask, "all").scores for mask in kept])
    expected = np.einsum("nbt,nl->blt", scores, kept) / kept.sum(axis=0)[:, np.newaxis]

    actual = explain(rise(samples=30), model, tokens, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-5)
    with pytest.raises(ParameterError, match="baseline must be made of whole numbers"):
        rise(baseline=0.5).bind(model)


def test_pictures_of_whole_numbers_are_kept_where_a_mask_is_at_least_one_half():
    inputs = keras.Input((4, 6, 1), dtype="uint8")
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: tf.reduce_sum(tf.cast(x, "float32"), [1, 2]))(inputs))
    image = np.arange(1, 25, dtype="uint8").reshape(1, 4, 6, 1)
    masks = np.round([rise_mask(each, (4, 6), (2, 2), 0.5) for each in drawn(20, [6])])
    scores = (masks * image[0, ..., 0]).sum(axis=(1, 2))
    expected = np.einsum("n,nhw->hw", scores, masks) / masks.sum(axis=0)

    actual = explain(rise(samples=20, cells=2), model, image).maps[0, ..., 0]

    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_of_several_inputs_one_is_masked_at_a_time(rows):
    inputs = {"pictures": keras.Input((4, 4, 1), name="pictures"), "table": keras.Input((5,), name="table")}
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(inputs["pictures"]), inputs["table"]])
    model = settled(keras.Model(inputs, keras.layers.Dense(2, name="head")(joined)))
    data = {"pictures": np.random.default_rng(9).normal(size=(4, 4, 4, 1)).astype("float32"), "table": rows}
    clean = explain(rise(samples=1), model, data, "all").scores
    weights = model.get_layer("head").get_weights()[0]
    kept = drawn(30, [6], number=1)[:, :5] < 0.5
    scores = clean - np.einsum("nf,bf,ft->nbt", ~kept, rows, weights[16:])
    expected = np.einsum("nbt,nf->bft", scores, kept) / kept.sum(axis=0)[:, np.newaxis]

    found = explain(rise(samples=30), model, data, "all", details=True)

    np.testing.assert_allclose(found.maps["table"], expected, atol=1e-5)
    assert found.maps["pictures"].shape == (4, 4, 4, 2)
    assert found.details["standard_error"].shape == (4, 2)


def test_masks_cost_a_row_each_and_no_budget_changes_a_map():
    counting, explainer = RowsOf(), rise(samples=7, cells=2)
    maps = {}
    for budget in (1, 3, 6, 64):
        seen = counting.counted(
            lambda budget=budget: maps.update(
                {budget: explain(explainer, counting.model, counting.images, "all", batch_size=budget).maps}
            )
        )

        assert max(seen) <= budget
        assert sum(seen) == 6 * (1 + 7)
    for budget in (3, 6, 64):
        np.testing.assert_allclose(maps[budget], maps[1], atol=1e-6 * np.abs(maps[1]).max())


def test_samples_are_taken_until_the_standard_error_is_below_the_tolerance(weighted):
    examples = np.concatenate([EXAMPLE, 0.5 * EXAMPLE, 0 * EXAMPLE])
    found = explain(rise(tolerance=0.15), weighted, examples, details=True)
    counts = found.details["samples"][:, 0]
    alone = explain(rise(samples=int(counts[1])), weighted, examples[1:2], details=True)
    before = explain(rise(samples=int(counts[1]) - BLOCK), weighted, examples[1:2], details=True)

    assert (found.details["standard_error"] <= 0.15).all()
    assert counts[0] > counts[1] > counts[2] == BLOCK
    np.testing.assert_allclose(found.maps[1], alone.maps[0], atol=1e-12)
    np.testing.assert_allclose(found.details["standard_error"][1], alone.details["standard_error"][0], rtol=1e-9)
    assert before.details["standard_error"][0, 0] > 0.15


def test_a_tolerance_that_is_out_of_reach_is_said(weighted, monkeypatch):
    monkeypatch.setattr("xaikit.core.sampling.MOST", 2 * BLOCK)

    with pytest.warns(XaikitWarning, match=f"rise: after {2 * BLOCK} samples"):
        explain(rise(tolerance=1e-3), weighted, EXAMPLE)


def test_xla_takes_the_same_samples_and_gives_the_same(pooled, images):
    explainer = rise(samples=30, tolerance=0.4)
    expected = explain(explainer, pooled, images, "all", batch_size=12, jit=False, details=True)

    actual = explain(explainer, pooled, images, "all", batch_size=12, jit=True, details=True)

    np.testing.assert_array_equal(actual.details["samples"], expected.details["samples"])
    np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-5 * np.abs(expected.maps).max())


def test_xla_takes_samples_that_do_not_fill_the_last_helping(pooled, images):
    explainer = rise(samples=8)
    expected = explain(explainer, pooled, images, 0, jit=False).maps

    actual = explain(explainer, pooled, images, 0, batch_size=15, jit=True).maps  # three copies of five at a time

    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())


def test_the_result_says_what_hides_and_parameters_read_back(weighted):
    assert explain(rise(samples=1, baseline="mean"), weighted, EXAMPLE).notes["baseline"] == "mean"
    assert repr(rise(samples=4000, cells=8, keep=0.5, baseline=0.0, seed=0, tolerance=0.0)) == "rise"
    assert find(repr(rise(keep=0.25, tolerance=0.1))) == rise(keep=0.25, tolerance=0.1)


@pytest.mark.parametrize(("keep", "rule"), [(0.0, "more than 0"), (1.0, "less than 1")])
def test_masks_that_are_all_alike_are_refused(keep, rule):
    with pytest.raises(ParameterError, match=f"keep must be {rule}, not {keep}"):
        rise(keep=keep)


def test_an_open_size_is_refused_in_one_sentence(pooled):
    spec = tf.TensorSpec([None, None, None, 3], tf.float32)
    traced = tf.function(rise.bind(Model(pooled, spec)), autograph=False)

    with pytest.raises(ModelError, match="rise lays cells over inputs of a known size"):
        traced.get_concrete_function(spec, tf.TensorSpec([None, 1], tf.int32))
