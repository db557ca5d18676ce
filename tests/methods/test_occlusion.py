"""Occlusion: the mean drop of the windows that hide a position."""

import itertools

import keras
import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import explain, occlusion
from xaikit.core import Model, tf
from xaikit.errors import ModelError, ParameterError


def written_out(scores, images, patch, stride, fill):
    """Hide window after window: a function of [B, ...] to [B, T], and inputs [B, H, W, C], to [B, H, W, T]."""
    size, clean = images.shape[1:3], scores(images)
    totals, counts = np.zeros((*images.shape[:3], clean.shape[1])), np.zeros((*size, 1))
    starts = [sorted({*range(0, n - p, s), n - p}) for n, p, s in zip(size, patch, stride, strict=True)]
    for i, j in itertools.product(*starts):
        window = np.s_[i : i + patch[0], j : j + patch[1]]
        hidden = images.copy()
        hidden[(slice(None), *window)] = fill
        totals[(slice(None), *window)] += (clean - scores(hidden))[:, np.newaxis, np.newaxis]
        counts[window] += 1
    return totals / counts


@pytest.mark.parametrize(
    ("parameters", "patch", "stride"),
    [
        ({"patch": 3}, (3, 3), (1, 1)),
        ({"patch": (3, 2), "stride": (2, 1)}, (3, 2), (2, 1)),
        ({"patch": (4, 3), "stride": 3, "baseline": -0.5}, (4, 3), (3, 3)),
        ({"patch": (7, 5)}, (7, 5), (3, 2)),
    ],
)
def test_a_position_has_the_mean_drop_of_the_windows_over_it(parameters, patch, stride, pooled64, images64):
    images = images64[:3, :7, :5]
    expected = written_out(Pooled(pooled64).logits, images, patch, stride, parameters.get("baseline", 0.0))

    actual = explain(occlusion(**parameters), pooled64, images, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-10)


def test_by_default_a_window_is_an_eighth_of_each_side_and_moves_by_half_of_it(pooled64):
    images = np.random.default_rng(8).normal(size=(1, 32, 17, 3))
    expected = explain(occlusion(patch=(4, 2), stride=(2, 1)), pooled64, images, 1).maps

    actual = explain(occlusion, pooled64, images, 1).maps

    np.testing.assert_array_equal(actual, expected)


def test_disjoint_windows_of_an_additive_model_share_out_the_whole_drop(linear64, rectangles64):
    explainer = occlusion(patch=2, stride=2, baseline=0.4)
    weights = linear64.get_layer("head").get_weights()[0].reshape(4, 6, 2, 3)
    drops = np.einsum("bhwc,hwct->bhwt", rectangles64 - 0.4, weights)
    expected = drops.reshape(3, 2, 2, 3, 2, 3).sum(axis=(2, 4)).repeat(2, axis=1).repeat(2, axis=2)
    whole = explain(occlusion(patch=(4, 6), baseline=0.4), linear64, rectangles64, "all").maps[:, 0, 0]

    actual = explain(explainer, linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-9)
    np.testing.assert_allclose(actual.sum(axis=(1, 2)), 4 * whole, atol=1e-9)


@pytest.mark.parametrize(("patch", "stride"), [(3, 2), (4, 4), (2, 1), ((5, 1), (3, 1))])
def test_a_uniform_model_gives_a_uniform_map_up_to_the_borders(patch, stride, pointwise64):
    images = np.full((1, 7, 9, 3), 0.8)

    maps = explain(occlusion(patch=patch, stride=stride), pointwise64, images, "all").maps

    assert maps.shape == (1, 7, 9, 4)
    assert (np.abs(maps[0, 0, 0]) > 1e-6).all()
    np.testing.assert_allclose(maps, np.broadcast_to(maps[:, :1, :1], maps.shape), atol=1e-12)


def test_hiding_a_value_behind_itself_changes_nothing(pooled64):
    images = np.full((2, 6, 6, 3), 0.8)

    maps = explain(occlusion(patch=2, baseline=0.8), pooled64, images, "all").maps

    np.testing.assert_allclose(maps, 0, atol=1e-14)


def test_the_result_says_what_hides(pooled, images):
    assert explain(occlusion(baseline=0.25), pooled, images[:1]).notes["baseline"] == "0.25"


def test_on_a_picture_that_is_not_square_the_hit_is_in_its_place(linear64, rectangles64, changed):
    def one_place(kernel, bias):
        place = np.zeros((4, 6, 2, 3))
        place[3, 4] = 1
        return [place.reshape(kernel.shape), bias]

    model = changed(linear64, head=one_place)
    expected = np.zeros((3, 4, 6), bool)
    expected[:, 3, 4] = True

    actual = explain(occlusion(patch=1), model, rectangles64, 1).maps[..., 0] != 0

    np.testing.assert_array_equal(actual, expected)


def test_maps_are_linear_in_the_score(pooled64, images64):
    explainer = occlusion(patch=4)
    every = explain(explainer, pooled64, images64, "all").maps
    expected = 2.0 * every[..., 0] - 3.0 * every[..., 3]

    actual = explain(explainer, pooled64, images64, lambda scores: 2.0 * scores[:, 0] - 3.0 * scores[:, 3] + 7.0).maps

    np.testing.assert_allclose(actual[..., 0], expected, atol=1e-12)


def test_on_a_table_each_feature_is_hidden_by_itself(table, rows):
    clean = explain(occlusion, table, rows, "all")
    drops = []
    for feature in range(5):
        hidden = rows.copy()
        hidden[:, feature] = 0
        drops.append(clean.scores - explain(occlusion, table, hidden, "all").scores)
    expected = np.stack(drops, axis=1)

    assert clean.maps.shape == (4, 5, 3)
    np.testing.assert_allclose(clean.maps, expected, atol=1e-6)


@pytest.mark.parametrize(("model", "inputs"), [("series", "waves"), ("volumes", "blocks")])
def test_inputs_with_one_and_with_three_axes_of_positions_are_explained(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)

    maps = explain(occlusion(patch=2), model, inputs, "all").maps

    assert maps.shape == (*inputs.shape[:-1], 3)
    assert maps.any()


def test_tokens_are_explained_and_only_other_tokens_hide_them():
    inputs = keras.Input((6,), dtype="int32")
    embedded = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 4)(inputs))
    model = settled(keras.Model(inputs, keras.layers.Dense(3)(embedded)))
    tokens = np.array([[1, 2, 3, 0, 0, 0], [8, 7, 6, 5, 4, 0]])

    maps = explain(occlusion, model, tokens, "all").maps

    assert maps.shape == (2, 6, 3)
    np.testing.assert_array_equal(np.abs(maps).max(axis=-1) > 1e-6, tokens != 0)
    for baseline in (0.5, -3e9):
        with pytest.raises(ParameterError, match="occlusion: baseline must be whole, such as int32 holds"):
            explain(occlusion(baseline=baseline), model, tokens)


def test_of_several_inputs_one_is_hidden_at_a_time(rows):
    inputs = {"pictures": keras.Input((4, 4, 1), name="pictures"), "table": keras.Input((5,), name="table")}
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(inputs["pictures"]), inputs["table"]])
    model = settled(keras.Model(inputs, keras.layers.Dense(2, name="head")(joined)))
    weights = model.get_layer("head").get_weights()[0]
    data = {"pictures": np.random.default_rng(9).normal(size=(4, 4, 4, 1)).astype("float32"), "table": rows}
    expected = {"pictures": data["pictures"] * weights[:16].reshape(4, 4, 2), "table": rows[..., None] * weights[16:]}

    actual = explain(occlusion(patch=1), model, data, "all").maps

    for name, maps in expected.items():
        np.testing.assert_allclose(actual[name], maps, atol=1e-5)


def test_windows_cost_a_row_each_and_no_budget_changes_a_map():
    counting, explainer = RowsOf(), occlusion(patch=2)
    maps = {}
    for budget in (1, 3, 6, 64):
        seen = counting.counted(
            lambda budget=budget: maps.update(
                {budget: explain(explainer, counting.model, counting.images, "all", batch_size=budget).maps}
            )
        )

        assert max(seen) <= budget
        assert sum(seen) == 6 * (1 + 3 * 3)
    for budget in (3, 6, 64):
        np.testing.assert_allclose(maps[budget], maps[1], atol=1e-6 * np.abs(maps[1]).max())


def test_xla_gives_the_same(pooled, images):
    expected = explain(occlusion(patch=3), pooled, images, "all", batch_size=12, jit=False).maps

    actual = explain(occlusion(patch=3), pooled, images, "all", batch_size=12, jit=True).maps

    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"patch": 2, "stride": 3}, "occlusion: stride must be at most 2"),
        ({"patch": 9}, "occlusion: patch must be at most 8, the input's side, not 9"),
        ({"patch": (2, 2, 2)}, r"occlusion: patch must be one number, or one for each axis of positions \(2\)"),
    ],
)
def test_windows_that_miss_positions_or_the_input_are_refused(parameters, message, pooled, images):
    with pytest.raises(ParameterError, match=message):
        explain(occlusion(**parameters), pooled, images)


def test_what_is_wrong_whatever_the_size_is_refused_when_it_is_bound(pooled):
    with pytest.raises(ParameterError, match="stride must be at most 2"):
        occlusion(patch=2, stride=3).bind(pooled)


def test_windows_on_a_table_are_refused(table, rows):
    with pytest.raises(ParameterError, match="a table's features are hidden one by one"):
        explain(occlusion(patch=2), table, rows)


@pytest.mark.parametrize("baseline", [np.nan, np.inf])
def test_a_baseline_that_is_no_finite_number_is_refused(baseline):
    with pytest.raises(ParameterError, match="baseline must be a finite number"):
        occlusion(baseline=baseline)


def test_an_open_size_is_refused_in_one_sentence(pooled):
    spec = tf.TensorSpec([None, None, None, 3], tf.float32)
    step = occlusion.bind(Model(pooled, spec))
    traced = tf.function(step, autograph=False)

    with pytest.raises(ModelError, match="occlusion lays windows over inputs of a known size"):
        traced.get_concrete_function(spec, tf.TensorSpec([None, 1], tf.int32))
