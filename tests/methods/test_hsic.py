"""HSIC: the trace of the paper written out in NumPy, permutations, and how well it is known."""

import keras
import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.functions import model_of
from tests.oracles.masks import blend, cells_of, drawn
from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import explain, find, hsic
from xaikit.core import Model, tf
from xaikit.errors import ModelError, ParameterError, XaikitWarning
from xaikit.methods.hsic import criterion

EXAMPLE = np.array([[1.0, 2.0, 1.0, 4.0]])


@pytest.fixture(scope="module")
def weighted():
    """Four features, of which the last one does nothing."""
    return model_of(lambda a, b, c, d: a - 2 * b + 3 * c + 0 * d, 4)


def centred(kernel):
    """HKH."""
    return kernel - kernel.mean(axis=0) - kernel.mean(axis=1, keepdims=True) + kernel.mean()


def kernels(scores, tosses):
    """Dirac's of tosses [n] and a Gaussian one of scores [n]."""
    first = scores[:128]
    distances = np.sort(np.abs(first[:, np.newaxis] - first)[np.triu_indices(len(first), 1)])
    width = distances[distances > 0][np.sum(distances > 0) // 2]
    dirac = (tosses[:, np.newaxis] == tosses).astype(float)
    gauss = np.exp(-((scores[:, np.newaxis] - scores) ** 2) / (2 * width**2))
    return dirac, gauss


def written_out(scores, tosses):
    """tr(KHLH) / (n - 1)^2 of scores [n] and one cell's tosses [n]."""
    dirac, gauss = kernels(scores, tosses)
    return (dirac * centred(gauss)).sum() / (len(scores) - 1) ** 2  # both are symmetric: the trace of the product


@pytest.mark.parametrize(
    "parameters", [{"cells": 2}, {"cells": 3, "baseline": -0.5, "seed": 4}, {"cells": 2, "samples": 300}]
)
def test_a_position_has_its_cells_criterion(parameters, pooled64, images64):
    images, oracle = images64[:2, :5, :4], Pooled(pooled64)
    counts = [min(parameters.get("cells", 7), side) for side in (5, 4)]
    explainer = hsic(**{"samples": 30, **parameters})
    tosses = drawn(explainer.parameters["samples"], [np.prod(counts)], parameters.get("seed", 0)) < 0.5
    numbers = cells_of((5, 4), counts)
    fill = parameters.get("baseline", 0.0)
    scores = np.stack([oracle.logits(blend(images, toss[numbers], fill)) for toss in tosses])  # [n, B, T]
    expected = np.empty((2, 5, 4, 2))
    for b, t in np.ndindex(2, 2):
        found = np.array([written_out(scores[:, b, t], tosses[:, cell]) for cell in range(np.prod(counts))])
        expected[b, ..., t] = found[numbers]

    actual = explain(explainer, pooled64, images, [[0, 1]] * 2).maps

    np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-14)


def test_an_independent_feature_lies_within_the_quantile_of_permutations_and_the_others_far_above(weighted):
    samples = 400
    tosses = drawn(samples, [4]) < 0.5
    scores = (tosses * EXAMPLE[0]) @ [1, -2, 3, 0]
    draws = np.random.default_rng(0)
    chance = [written_out(scores, draws.permutation(tosses[:, 3])) for _ in range(100)]

    maps = explain(hsic(samples=samples), weighted, EXAMPLE).maps[0, :, 0]

    assert maps[3] < np.quantile(chance, 0.99)
    assert maps[:3].min() > 2 * max(chance)
    assert (np.argsort(maps) == [3, 0, 2, 1]).all()
    np.testing.assert_allclose(np.mean(chance), 0.25 / samples, rtol=0.5)


def test_a_feature_that_changes_the_spread_of_the_score_alone_is_seen():
    model = model_of(lambda a, b: a * (b - 0.5), 2)
    maps = explain(hsic, model, np.ones((1, 2))).maps[0, :, 0]

    assert maps[0] > 0.01


def test_neither_scale_nor_offset_of_the_scores_change_a_map(pooled64, images64):
    explainer = hsic(samples=40, cells=2)
    expected = explain(explainer, pooled64, images64, lambda scores: scores[:, 1]).maps

    actual = explain(explainer, pooled64, images64, lambda scores: 900 - 30 * scores[:, 1]).maps

    np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("samples", [1, 2, 40])
def test_a_score_that_is_the_same_under_all_masks_has_a_map_of_zeros(samples, pooled, changed, images):
    model = changed(pooled, head=lambda kernel, bias: [0 * kernel, bias])
    found = explain(hsic(samples=samples, cells=2), model, images, "all", details=True)

    np.testing.assert_array_equal(found.maps, 0)
    np.testing.assert_array_equal(found.details["standard_error"], np.inf if samples == 1 else 0)


def test_differences_of_rounding_are_no_dependence():
    tosses = tf.constant(np.random.default_rng(1).random((60, 3)) < 0.5)
    rounding = 1000 + np.where(tosses[:, 0], 1, -1) * np.spacing(np.float32(1000))

    assert (criterion(tf.constant(rounding, tf.float32), tosses, tf.constant(60))[0].numpy() == 0).all()
    assert criterion(tf.constant(rounding, tf.float64), tosses, tf.constant(60))[0].numpy()[0] > 0.1


def test_scores_that_are_mostly_ties_have_the_width_of_those_that_differ():
    tosses = np.random.default_rng(1).random((200, 3)) < 0.5
    scores = tosses.all(axis=1) * 2.0  # seven of eight are 0, and so is the median distance
    expected = [written_out(scores, tosses[:, cell]) for cell in range(3)]

    actual, _ = criterion(tf.constant(scores), tf.constant(tosses), tf.constant(200))

    np.testing.assert_allclose(actual, expected, rtol=1e-9)
    assert min(expected) > 0.001


@pytest.mark.parametrize("count", [5, 256, 300, 512])
def test_samples_that_are_not_taken_yet_do_not_count(count):
    draws = np.random.default_rng(3)
    scores, tosses = draws.normal(size=700), draws.random((700, 3)) < 0.5
    expected = criterion(tf.constant(scores[:count]), tf.constant(tosses[:count]), tf.constant(count))
    taken = max(count, 128)
    again = criterion(tf.constant(scores[:taken]), tf.constant(tosses[:taken]), tf.constant(taken))

    actual = criterion(tf.constant(scores), tf.constant(tosses), tf.constant(taken))

    np.testing.assert_allclose(actual, again, rtol=1e-10)
    np.testing.assert_allclose(
        expected[0], [written_out(scores[:count], tosses[:count, i]) for i in range(3)], rtol=1e-9, atol=1e-15
    )


def test_the_standard_error_is_that_of_twice_each_samples_mean_over_its_pairs():
    draws = np.random.default_rng(5)
    tosses = draws.random((40, 3)) < 0.4
    scores = tosses @ [1.0, -2.0, 0.0] + draws.normal(size=40)
    expected = []
    for cell in range(3):
        dirac, gauss = kernels(scores, tosses[:, cell])
        means = (centred(dirac) * centred(gauss)).mean(axis=1)
        expected.append(2 * means.std(ddof=1) / np.sqrt(40))

    _, actual = criterion(tf.constant(scores), tf.constant(tosses), tf.constant(40))

    np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_the_standard_error_is_the_spread_over_draws():
    draws = np.random.default_rng(4)
    estimate = tf.function(criterion, autograph=False)
    values, errors = [], []
    for _ in range(150):
        tosses = draws.random((300, 4)) < 0.5
        scores = tosses @ [1.0, -2.0, 0.5, 0.0] + 0.3 * draws.normal(size=300)
        value, error = estimate(tf.constant(scores), tf.constant(tosses), tf.constant(300))
        values.append(value)
        errors.append(error)
    spread, errors = np.std(values, axis=0), np.mean(errors, axis=0)

    np.testing.assert_allclose(errors[:3], spread[:3], rtol=0.3)
    assert errors[3] < errors[:3].min()


def test_on_a_picture_that_is_not_square_the_hit_is_in_its_place():
    inputs = keras.Input((24, 36, 1))
    hit = keras.layers.Lambda(lambda x: x[:, 18:21, 5:9, 0:1])(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(hit))
    expected = np.isin(cells_of((24, 36), (8, 8)), [6 * 8 + 1])  # rows 18 to 20, columns 5 to 8

    maps = explain(hsic(samples=200, cells=8), model, np.ones((1, 24, 36, 1), "float32")).maps[0, ..., 0]

    np.testing.assert_array_equal(maps > 0.05, expected)


@pytest.mark.parametrize(("model", "inputs"), [("table", "rows"), ("series", "waves"), ("volumes", "blocks")])
def test_inputs_of_any_rank_are_explained(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    positions = inputs.shape[1:] if inputs.ndim == 2 else inputs.shape[1:-1]

    maps = explain(hsic(samples=30, cells=2), model, inputs, [[0, 2]] * len(inputs)).maps
    cells = cells_of(positions, positions if len(positions) == 1 else (2, 2, 2))

    assert maps.shape == (len(inputs), *positions, 2)
    assert (maps >= 0).all()
    assert len(np.unique(maps[0, ..., 0])) == cells.max() + 1


def test_tokens_are_explained_and_only_other_tokens_hide_them():
    inputs = keras.Input((6,), dtype="int32")
    embedded = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 4)(inputs))
    model = settled(keras.Model(inputs, keras.layers.Dense(3)(embedded)))
    tokens = np.array([[1, 2, 3, 0, 0, 0], [8, 7, 6, 5, 4, 0]])

    maps = explain(hsic(samples=600), model, tokens, 1).maps[..., 0]

    assert (maps[tokens == 0] < 0.002).all()
    assert (maps[tokens != 0] > 0.002).mean() > 0.8
    with pytest.raises(ParameterError, match="baseline must be made of whole numbers"):
        hsic(baseline=0.5).bind(model)


def test_of_several_inputs_one_is_masked_at_a_time(rows):
    inputs = [keras.Input((3,), name="first"), keras.Input((5,), name="second")]
    model = settled(keras.Model(inputs, keras.layers.Dense(2, name="head")(keras.layers.Concatenate()(inputs))))
    kept = drawn(50, [5], number=1) < 0.5
    scores = (kept * rows[0]) @ model.get_layer("head").get_weights()[0][3:]
    expected = [[written_out(scores[:, t], kept[:, i]) for t in range(2)] for i in range(5)]

    found = explain(hsic(samples=50), model, [rows[:1, :3], rows[:1]], "all", details=True)

    np.testing.assert_allclose(found.maps[1][0], expected, rtol=1e-4, atol=1e-7)
    assert found.maps[0].shape == (1, 3, 2)
    assert found.details["standard_error"].shape == (1, 2)


def test_masks_cost_a_row_each_and_no_budget_changes_a_map():
    counting, explainer = RowsOf(), hsic(samples=7, cells=2)
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
        np.testing.assert_allclose(maps[budget], maps[1], atol=1e-5 * np.abs(maps[1]).max())


def test_samples_are_taken_until_the_standard_error_is_below_the_tolerance(weighted):
    found = explain(hsic(tolerance=0.006), weighted, np.concatenate([EXAMPLE, 0 * EXAMPLE]), details=True)
    counts = found.details["samples"][:, 0]
    alone = explain(hsic(samples=int(counts[0])), weighted, EXAMPLE, details=True)
    before = explain(hsic(samples=int(counts[0]) - 256), weighted, EXAMPLE, details=True)

    assert (found.details["standard_error"] <= 0.006).all()
    assert counts[0] > counts[1] == 256
    np.testing.assert_allclose(found.maps[0], alone.maps[0], rtol=1e-9)
    np.testing.assert_allclose(found.details["standard_error"][0], alone.details["standard_error"][0], rtol=1e-9)
    assert before.details["standard_error"][0, 0] > 0.006


def test_a_tolerance_that_is_out_of_reach_is_said(weighted, monkeypatch):
    monkeypatch.setattr("xaikit.methods.hsic._MOST", 512)

    with pytest.warns(XaikitWarning, match="hsic: after 512 samples"):
        explain(hsic(tolerance=1e-5), weighted, EXAMPLE)


def test_xla_takes_the_same_samples_and_gives_the_same(pooled, images):
    explainer = hsic(samples=30, cells=2, tolerance=0.05)
    expected = explain(explainer, pooled, images, "all", batch_size=12, jit=False, details=True)

    actual = explain(explainer, pooled, images, "all", batch_size=12, jit=True, details=True)

    np.testing.assert_array_equal(actual.details["samples"], expected.details["samples"])
    np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-5 * np.abs(expected.maps).max())


def test_the_result_says_what_hides_and_parameters_read_back(weighted):
    assert explain(hsic(samples=1, baseline="mean"), weighted, EXAMPLE).notes["baseline"] == "mean"
    assert repr(hsic(samples=1500, cells=7, baseline=0.0, seed=0, tolerance=0.0)) == "hsic"
    assert find(repr(hsic(cells=3, tolerance=0.1))) == hsic(cells=3, tolerance=0.1)
    with pytest.raises(ParameterError, match="samples must be at least 1, not 0"):
        hsic(samples=0)


def test_an_open_size_is_refused_in_one_sentence(pooled):
    spec = tf.TensorSpec([None, None, None, 3], tf.float32)
    traced = tf.function(hsic.bind(Model(pooled, spec)), autograph=False)

    with pytest.raises(ModelError, match="hsic lays cells over inputs of a known size"):
        traced.get_concrete_function(spec, tf.TensorSpec([None, 1], tf.int32))
