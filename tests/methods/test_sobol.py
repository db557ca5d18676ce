"""Sobol: Jansen's estimator written out in NumPy, closed forms of indices, and how well they are known."""

import keras
import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.functions import model_of
from tests.oracles.masks import blend, cells_of, drawn
from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import explain, find, sobol
from xaikit.core import Model, tf
from xaikit.core.sampling import BLOCK
from xaikit.errors import ModelError, ParameterError, XaikitWarning
from xaikit.methods.sobol import jansen

WEIGHTS = np.array([1, -2, 3, 0.5])
EXAMPLE = np.array([[1.0, 2.0, 1.0, 4.0]])


def waves_of(sin):
    """Ishigami's function (7, 0.1) of shares in [0, 1]."""

    def waves(*shares):
        a, b, c = (np.pi * (2 * share - 1) for share in shares)
        return sin(a) + 7 * sin(b) ** 2 + 0.1 * c**4 * sin(a)

    return waves


@pytest.fixture(scope="module")
def weighted():
    return model_of(lambda a, b, c, d: a - 2 * b + 3 * c + 0.5 * d, 4)


@pytest.fixture(scope="module")
def ishigami():
    return model_of(waves_of(tf.sin), 3)


def estimates(scores, pairs):
    """First-order and total-order indices by Jansen, [cells, ...], from scores of shares [cells] to [...]."""
    a, b = (np.stack([scores(pair[k]) for pair in pairs]) for k in (0, 1))
    variance = np.concatenate([a, b]).var(axis=0, ddof=1)
    first, total = [], []
    for cell in range(pairs.shape[2]):
        swapped = pairs[:, 0].copy()
        swapped[:, cell] = pairs[:, 1, cell]
        c = np.stack([scores(each) for each in swapped])
        first.append(1 - ((b - c) ** 2).mean(axis=0) / (2 * variance))
        total.append(((a - c) ** 2).mean(axis=0) / (2 * variance))
    return np.stack(first), np.stack(total)


@pytest.mark.parametrize(
    "parameters", [{"cells": 2}, {"cells": 3, "baseline": -0.5}, {"cells": 8, "designs": 2, "seed": 4}]
)
def test_a_position_has_its_cells_total_index(parameters, pooled64, images64):
    images, oracle = images64[:3, :5, :4], Pooled(pooled64)
    counts = [min(parameters["cells"], side) for side in (5, 4)]
    explainer = sobol(**{"designs": 5, **parameters})
    pairs = drawn(explainer.parameters["designs"], [2, np.prod(counts)], parameters.get("seed", 0))
    numbers = cells_of((5, 4), counts)
    fill = parameters.get("baseline", 0.0)
    _, totals = estimates(lambda shares: oracle.logits(blend(images, shares[numbers], fill)), pairs)  # [cells, B, T]
    expected = np.moveaxis(totals[numbers], 2, 0)

    actual = explain(explainer, pooled64, images, "all").maps

    np.testing.assert_allclose(actual, expected, rtol=1e-8)


def test_of_a_linear_score_an_index_is_a_share_of_the_squares(weighted):
    squares = (WEIGHTS * EXAMPLE[0]) ** 2
    found = explain(sobol(designs=2000), weighted, EXAMPLE, details=True)

    assert (np.abs(found.maps[0, :, 0] - squares / squares.sum()) < 4 * found.details["standard_error"]).all()
    assert found.details["standard_error"] < 0.02
    np.testing.assert_allclose(found.maps.sum(), 1, atol=0.1)
    assert found.details["samples"].tolist() == [[2000]]


def test_what_cells_do_together_counts_for_each(ishigami):
    found = explain(sobol(designs=3000), ishigami, np.ones((1, 3)), details=True)

    assert (np.abs(found.maps[0, :, 0] - [0.5576, 0.4424, 0.2437]) < 4 * found.details["standard_error"]).all()
    assert found.details["standard_error"] < 0.04


def test_total_indices_are_at_least_those_of_the_cells_alone_which_add_up_to_one_at_most(ishigami):
    first, total = estimates(lambda shares: waves_of(np.sin)(*shares), drawn(3000, [2, 3]))

    actual = explain(sobol(designs=3000), ishigami, np.ones((1, 3))).maps[0, :, 0]

    np.testing.assert_allclose(actual, total, rtol=1e-9)
    np.testing.assert_allclose(first, [0.3139, 0.4424, 0], atol=0.06)
    assert (actual >= first - 0.06).all()
    assert first.sum() < 1 < actual.sum()


@pytest.mark.parametrize("designs", [1, 2, 32])
def test_a_score_that_is_the_same_under_all_masks_has_a_map_of_zeros(designs, pooled, changed, images):
    model = changed(pooled, head=lambda kernel, bias: [0 * kernel, bias])
    found = explain(sobol(designs=designs, cells=2), model, images, "all", details=True)

    np.testing.assert_array_equal(found.maps, 0)
    np.testing.assert_array_equal(found.details["standard_error"], np.inf if designs == 1 else 0)


def test_differences_of_rounding_are_no_variance():
    rounding = 1000 + np.random.default_rng(0).integers(-1, 2, (20, 5)) * np.spacing(np.float32(1000))
    for kind, expected in (("float32", False), ("float64", True)):
        totals, errors = jansen(tf.constant(rounding, kind), tf.constant(20))

        assert (totals.numpy() > 0).any() == expected
        assert np.isfinite(errors).all()


def test_neither_scale_nor_offset_of_the_scores_change_a_map(pooled64, images64):
    explainer = sobol(designs=4, cells=2)
    expected = explain(explainer, pooled64, images64, lambda scores: scores[:, 1]).maps

    actual = explain(explainer, pooled64, images64, lambda scores: 900 - 30 * scores[:, 1]).maps

    np.testing.assert_allclose(actual, expected, rtol=1e-8)


def test_the_standard_error_is_the_spread_over_draws():
    draws = np.random.default_rng(2)
    estimate = tf.function(jansen, autograph=False)
    for count, effects in ((32, [1.0, -2.0, 0.5, 0.0]), (100, [3.0, 1.0])):
        totals, errors = [], []
        for _ in range(200):
            a, b = draws.random((2, count, len(effects)))
            rows = [a, b, *(np.where(np.arange(len(effects)) == i, b, a) for i in range(len(effects)))]
            scores = np.stack([row @ effects + 2 * row[:, 0] * row[:, 1] for row in rows], axis=1)
            total, error = estimate(tf.constant(scores), tf.constant(count))
            totals.append(total)
            errors.append(error)
        spread = np.std(totals, axis=0)[:2]

        np.testing.assert_allclose(np.mean(errors, axis=0)[:2], spread, rtol=0.25)


def test_designs_that_are_not_taken_yet_do_not_count():
    scores = np.random.default_rng(3).normal(size=(9, 6))
    expected = jansen(tf.constant(scores[:5]), tf.constant(5))

    actual = jansen(tf.constant(scores), tf.constant(5))

    np.testing.assert_allclose(actual, expected, rtol=1e-12)


def test_on_a_picture_that_is_not_square_the_hit_is_in_its_place():
    inputs = keras.Input((24, 36, 1))
    hit = keras.layers.Lambda(lambda x: x[:, 18:21, 5:9, 0:1])(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(hit))
    expected = np.isin(cells_of((24, 36), (8, 8)), [6 * 8 + 1])  # rows 18 to 20, columns 5 to 8

    maps = explain(sobol(designs=4), model, np.ones((1, 24, 36, 1), "float32")).maps[0, ..., 0]

    np.testing.assert_array_equal(maps > 1e-6, expected)


@pytest.mark.parametrize(("model", "inputs"), [("table", "rows"), ("series", "waves"), ("volumes", "blocks")])
def test_inputs_of_any_rank_are_explained(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    positions = inputs.shape[1:] if inputs.ndim == 2 else inputs.shape[1:-1]

    maps = explain(sobol(designs=4, cells=2), model, inputs, [[0, 2]] * len(inputs)).maps
    cells = cells_of(positions, positions if len(positions) == 1 else (2, 2, 2))

    assert maps.shape == (len(inputs), *positions, 2)
    assert (maps >= 0).all()
    assert len(np.unique(maps[0, ..., 0])) == cells.max() + 1


def test_tokens_are_kept_where_a_share_is_at_least_one_half():
    inputs = keras.Input((4,), dtype="int32")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(9, 3)(inputs))
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(embedded)))
    tokens = np.array([[1, 2, 3, 0]])
    table, (kernel, bias) = model.layers[1].get_weights()[0], model.layers[-1].get_weights()

    def scores(shares):
        return table[np.where(shares >= 0.5, tokens[0], 0)].ravel() @ kernel + bias

    _, expected = estimates(scores, drawn(12, [2, 4]))

    actual = explain(sobol(designs=12), model, tokens, "all").maps[0]

    np.testing.assert_allclose(actual, expected, atol=1e-4)
    assert (actual[3] == 0).all()  # a token that is what hides it
    with pytest.raises(ParameterError, match="baseline must be made of whole numbers"):
        sobol(baseline=0.5).bind(model)


def test_of_several_inputs_one_is_masked_at_a_time(rows):
    inputs = [keras.Input((3,), name="first"), keras.Input((5,), name="second")]
    model = settled(keras.Model(inputs, keras.layers.Dense(2, name="head")(keras.layers.Concatenate()(inputs))))
    weights = model.get_layer("head").get_weights()[0]
    parts = [rows[0, :3, np.newaxis] * weights[:3], rows[0][:, np.newaxis] * weights[3:]]
    expected = [
        estimates(lambda shares, part=part: shares @ part, drawn(9, [2, len(part)], number=number))[1]
        for number, part in enumerate(parts)
    ]

    found = explain(sobol(designs=9), model, [rows[:1, :3], rows[:1]], "all", details=True)

    for maps, totals in zip(found.maps, expected, strict=True):
        np.testing.assert_allclose(maps[0], totals, rtol=1e-4)
    assert found.details["standard_error"].shape == (1, 2)


def test_designs_cost_a_row_for_each_cell_and_two_and_no_budget_changes_a_map():
    counting, explainer = RowsOf(), sobol(designs=2, cells=2)
    maps = {}
    for budget in (1, 3, 6, 64):
        seen = counting.counted(
            lambda budget=budget: maps.update(
                {budget: explain(explainer, counting.model, counting.images, "all", batch_size=budget).maps}
            )
        )

        assert max(seen) <= budget
        assert sum(seen) == 6 * (1 + 2 * (4 + 2))
    for budget in (3, 6, 64):
        np.testing.assert_allclose(maps[budget], maps[1], atol=1e-5 * np.abs(maps[1]).max())


def test_designs_are_taken_until_the_standard_error_is_below_the_tolerance(weighted, ishigami):
    found = explain(sobol(tolerance=0.08), weighted, np.concatenate([EXAMPLE, 0 * EXAMPLE]), details=True)
    counts = found.details["samples"][:, 0]
    alone = explain(sobol(designs=int(counts[0])), weighted, EXAMPLE, details=True)
    before = explain(sobol(designs=int(counts[0]) - BLOCK), weighted, EXAMPLE, details=True)

    assert (found.details["standard_error"] <= 0.08).all()
    assert counts[0] > counts[1] == BLOCK
    np.testing.assert_allclose(found.maps[0], alone.maps[0], rtol=1e-9)
    np.testing.assert_allclose(found.details["standard_error"][0], alone.details["standard_error"][0], rtol=1e-9)
    assert before.details["standard_error"][0, 0] > 0.08


def test_a_tolerance_that_is_out_of_reach_is_said(weighted, monkeypatch):
    monkeypatch.setattr("xaikit.methods.sobol._PASSES", 12)

    with pytest.warns(XaikitWarning, match=f"sobol: after {2 * BLOCK} samples"):
        explain(sobol(tolerance=1e-3), weighted, EXAMPLE)


def test_xla_takes_the_same_samples_and_gives_the_same(pooled, images):
    explainer = sobol(designs=3, cells=2, tolerance=0.2)
    expected = explain(explainer, pooled, images, "all", batch_size=12, jit=False, details=True)

    actual = explain(explainer, pooled, images, "all", batch_size=12, jit=True, details=True)

    np.testing.assert_array_equal(actual.details["samples"], expected.details["samples"])
    np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-4)


def test_the_result_says_what_hides_and_parameters_read_back(weighted):
    assert explain(sobol(designs=1, baseline="mean"), weighted, EXAMPLE).notes["baseline"] == "mean"
    assert repr(sobol(designs=32, cells=8, baseline=0.0, seed=0, tolerance=0.0)) == "sobol"
    assert find(repr(sobol(cells=3, tolerance=0.1))) == sobol(cells=3, tolerance=0.1)
    with pytest.raises(ParameterError, match="designs must be at least 1, not 0"):
        sobol(designs=0)


def test_an_open_size_is_refused_in_one_sentence(pooled):
    spec = tf.TensorSpec([None, None, None, 3], tf.float32)
    traced = tf.function(sobol.bind(Model(pooled, spec)), autograph=False)

    with pytest.raises(ModelError, match="sobol lays cells over inputs of a known size"):
        traced.get_concrete_function(spec, tf.TensorSpec([None, 1], tf.int32))
