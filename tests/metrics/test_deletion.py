"""Deletion and insertion: curves against loops in NumPy, and the laws that they keep."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import draws
from tests.oracles import removal
from tests.oracles.counting import RowsOf
from tests.oracles.weights import settled
from xaikit import deletion, explain, gradients, insertion
from xaikit.errors import ModelError, ParameterError, UsageError
from xaikit.measuring.measured import Measured

REMOVALS = [deletion, insertion]


@pytest.fixture(scope="module")
def sums64():
    """f = the sum of all values, on rows of 8."""
    inputs = keras.Input((8,), dtype="float64")
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False, dtype="float64")(inputs), name="sums")
    model.set_weights([np.ones((8, 1))])
    return model


@pytest.fixture(scope="module")
def counting():
    return RowsOf()


def probability(model, target):
    return lambda inputs: model(inputs).numpy()[0, target]  # predict would feed float32


def logit(model, target):
    head = keras.Model(model.input, model.layers[-2].output)
    kernel, bias = model.layers[-1].get_weights()
    return lambda inputs: (head(inputs).numpy() @ kernel + bias)[0, target]


@pytest.mark.parametrize(("on", "score"), [("probability", probability), ("logit", logit)])
@pytest.mark.parametrize("metric", REMOVALS)
def test_curves_are_those_of_a_loop_over_positions(flattened64, metric, on, score):
    images, maps = draws((2, 6, 6, 2), "float64"), draws((2, 6, 6, 2, 1), "float64", seed=2)
    counts = np.array([0, 7, 14, 22, 29, 36])  # fifths of 36, the nearest whole numbers
    function = score(flattened64, 1)
    for_deletion = metric is deletion
    expected = []
    for image, one in zip(images, maps[..., 0].sum(-1), strict=True):
        start, end = (image, np.full_like(image, 0.3)) if for_deletion else (np.full_like(image, 0.3), image)
        expected.append(removal.curve(function, start, one, counts if for_deletion else 36 - counts[::-1], end))
    at = counts / 36 if for_deletion else 1 - counts[::-1] / 36

    chosen = metric(steps=5, baseline=0.3, on=on)
    actual = chosen.curve(maps, flattened64, images, 1)

    np.testing.assert_allclose(actual.values, expected, atol=1e-12)
    np.testing.assert_allclose(actual.at, at, atol=1e-12)
    areas = [removal.trapezoids(at, curve) for curve in expected]
    np.testing.assert_allclose(chosen(maps, flattened64, images, 1), areas, atol=1e-12)


@pytest.mark.parametrize("maps", [draws((5, 4, 4, 1)), np.zeros((5, 4, 4, 1), "float32")], ids=["any", "constant"])
def test_insertion_read_backwards_is_deletion_of_the_negative_map(pooled, images, maps):
    taken_away = deletion(steps=7, baseline="mean").curve(-maps, pooled, images, 1)

    put_in = insertion(steps=7, baseline="mean").curve(maps, pooled, images, 1)

    np.testing.assert_array_equal(put_in.values[:, ::-1], taken_away.values)
    np.testing.assert_allclose(1 - put_in.at[::-1], taken_away.at, atol=1e-6)


def test_curves_run_from_the_input_to_the_baseline(pooled, images):
    before = pooled.predict(images, verbose=0)[:, 2]
    after = pooled.predict(np.full_like(images, 0.5), verbose=0)[:, 2]

    curve = deletion(steps=4, baseline=0.5).curve(gradients, pooled, images, 2).values

    np.testing.assert_array_equal(curve[:, 0], before)
    np.testing.assert_allclose(curve[:, -1], after, rtol=1e-6)


@pytest.mark.parametrize("metric", REMOVALS)
def test_the_share_removed_is_the_share_asked_for_whatever_the_ties(sums64, metric):
    rows = np.ones((3, 8))
    maps = np.zeros((3, 8, 1))
    maps[1, 3], maps[2] = 1, -0.0

    curve = metric(steps=5, on="logit").curve(maps, sums64, rows, 0)

    removed = 8 - curve.values if metric is deletion else curve.values
    np.testing.assert_allclose(removed / 8, [curve.at] * 3, atol=1e-12)
    assert np.abs(curve.at - np.arange(6) / 5).max() <= 0.5 / 8 + 1e-12
    np.testing.assert_allclose(metric(steps=5, on="logit")(maps, sums64, rows, 0), [4] * 3, atol=1e-12)


def test_a_constant_map_scores_as_the_mean_over_random_orders(sums64):
    # every example gets the same order of equals: a random order of the examples' own values is one of it
    rows = np.random.default_rng(4).permuted(np.tile([1.0, 2, 4, 8, 16, 32, 64, 128], (600, 1)), axis=1)
    maps = np.full((600, 8, 1), 0.1)

    curve = deletion(steps=8, on="logit").curve(maps, sums64, rows, 0, batch_size=600).values

    straight = 255 * (1 - np.arange(9) / 8)
    errors = curve.std(axis=0, ddof=1) / np.sqrt(600)
    assert (np.abs(curve.mean(axis=0) - straight) <= 4 * errors + 1e-9).all()


def test_a_seed_is_an_order_of_equals(sums64):
    rows, maps = np.arange(8.0)[np.newaxis] ** 2, np.zeros((1, 8, 1))
    first, again, other = (deletion(on="logit", seed=seed).curve(maps, sums64, rows, 0).values for seed in (0, 0, 1))

    np.testing.assert_array_equal(again, first)
    assert (other != first).any()


def test_only_the_order_of_a_map_counts(pooled, images):
    maps = np.round(draws((5, 8, 8, 1)) * 64) / 64  # so that 3 a + 1 is exact
    expected = deletion(steps=5).curve(maps, pooled, images).values

    np.testing.assert_array_equal(deletion(steps=5).curve(3 * maps + 1, pooled, images).values, expected)


@pytest.mark.parametrize("metric", REMOVALS)
def test_batches_orders_and_neighbours_change_nothing(pooled, images, metric):
    chosen, order = metric(steps=5), [3, 0, 4, 1, 2]
    expected = chosen(gradients, pooled, images)

    np.testing.assert_array_equal(chosen(gradients, pooled, images[order]), expected[order])
    for size in (1, 2, 12):
        np.testing.assert_allclose(chosen(gradients, pooled, images, batch_size=size), expected, rtol=1e-6)


def test_maps_score_as_the_explainer_that_made_them(pooled, images):
    explained = explain(gradients, pooled, images)

    np.testing.assert_array_equal(
        deletion(steps=5)(explained, pooled, images), deletion(steps=5)(gradients, pooled, images)
    )


def test_several_targets_are_measured_one_by_one(pooled, images):
    maps = explain(gradients, pooled, images, [[0, 2]] * 5).maps
    expected = [deletion(steps=4)(maps[..., i : i + 1], pooled, images, target) for i, target in enumerate((0, 2))]

    actual = deletion(steps=4)(maps, pooled, images, [[0, 2]] * 5)

    np.testing.assert_allclose(actual, np.stack(expected, axis=1), rtol=1e-6)


@pytest.mark.parametrize("metric", REMOVALS)
def test_there_is_one_row_for_the_input_and_one_for_each_step(counting, metric):
    maps = draws((6, 4, 4, 1))
    counted = counting.counted(lambda: metric(steps=4)(maps, counting.model, counting.images, 0, batch_size=12))

    assert sum(counted) == 6 * (1 + 4)
    assert max(counted) <= 12


def test_no_step_is_smaller_than_a_position(table, rows):
    curve = deletion.curve(gradients, table, rows)

    np.testing.assert_allclose(curve.at, np.arange(6) / 5, atol=1e-6)


def test_new_data_and_an_equal_value_share_one_trace(pooled, images):
    traces = []

    class Watched(Measured):
        def _bound(self, metric, model):
            traces.append(1)
            return super()._bound(metric, model)

    from xaikit.measuring import run

    original, run.Measured = run.Measured, Watched
    try:
        for _ in range(2):
            deletion(steps=3)(gradients, pooled, images, batch_size=2)
        deletion(steps=3)(gradients, pooled, 2 * images, 1)
    finally:
        run.Measured = original
    assert len(traces) == 1


def test_xla_gives_what_the_graph_gives(pooled, images):
    maps = draws((5, 8, 8, 1))
    maps[:, ::2] = 0
    maps[:, :, ::2] *= -1  # zeros of both signs, which are equals

    expected = deletion(steps=3).curve(maps, pooled, images, 1).values

    np.testing.assert_allclose(deletion(steps=3).curve(maps, pooled, images, 1, jit=True).values, expected, rtol=1e-5)


def test_two_replicas_give_what_one_device_gives(pooled, images):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        mirrored = keras.models.clone_model(pooled)
    mirrored.set_weights(pooled.get_weights())

    actual = deletion(steps=3)(gradients, mirrored, images, batch_size=2)

    np.testing.assert_allclose(actual, deletion(steps=3)(gradients, pooled, images, batch_size=2), rtol=1e-6)


@pytest.fixture(scope="module")
def parts64():
    """f = the sum of a picture and three times a row."""
    picture = keras.Input((2, 2, 1), name="picture", dtype="float64")
    row = keras.Input((2,), name="row", dtype="float64")
    flat = keras.layers.Concatenate(dtype="float64")([keras.layers.Flatten(dtype="float64")(picture), row])
    outputs = keras.layers.Dense(1, use_bias=False, dtype="float64")(flat)
    model = keras.Model({"picture": picture, "row": row}, outputs, name="parts")
    model.set_weights([np.array([[1.0]] * 4 + [[3.0]] * 2)])
    return model


def test_positions_of_several_inputs_are_ranked_together(parts64):
    inputs = {"picture": np.ones((1, 2, 2, 1)), "row": np.ones((1, 2))}
    maps = {"picture": np.arange(4.0).reshape(1, 2, 2, 1, 1), "row": np.array([[[2.5], [0.5]]])}

    curve = deletion(steps=6, on="logit").curve(maps, parts64, inputs, 0)

    np.testing.assert_allclose(curve.values, [[10, 9, 6, 5, 4, 1, 0]], atol=1e-12)


def test_an_input_that_the_map_does_not_lie_on_stays(parts64):
    inputs = {"picture": np.ones((1, 2, 2, 1)), "row": np.ones((1, 2))}

    curve = deletion(steps=4, on="logit").curve(np.arange(4.0).reshape(1, 2, 2, 1), parts64, inputs, 0)

    np.testing.assert_allclose(curve.values, [[10, 9, 8, 7, 6]], atol=1e-12)


def test_tokens_are_replaced_by_a_token():
    inputs = keras.Input((4,), dtype="int32")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(9, 2)(inputs))
    model = settled(keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(embedded)))
    tokens, maps = np.array([[5, 3, 8, 1]], "int32"), np.array([[[3.0], [1], [4], [2]]], "float32")
    removed = np.array([[5, 3, 8, 1], [5, 3, 7, 1], [7, 3, 7, 1], [7, 3, 7, 7], [7, 7, 7, 7]])

    curve = deletion(steps=4, baseline=7).curve(maps, model, tokens, 1)

    np.testing.assert_allclose(curve.values[0], model.predict(removed, verbose=0)[:, 1], rtol=1e-6)


@pytest.mark.parametrize("case", [("series", "waves"), ("volumes", "blocks")])
def test_series_and_volumes_are_measured(case, request):
    model, inputs = (request.getfixturevalue(name) for name in case)

    curve = insertion(steps=3).curve(gradients, model, inputs, 1).values

    np.testing.assert_allclose(curve[:, -1], model.predict(inputs, verbose=0)[:, 1], rtol=1e-6)


def test_outputs_that_are_no_probabilities_are_refused(linear64, rectangles64):
    with pytest.raises(ModelError, match="are no probabilities"):
        deletion(gradients, linear64, rectangles64, 0)


def test_logarithms_of_probabilities_are_refused_too(rows):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation="log_softmax")])

    with pytest.raises(ModelError, match="are no probabilities"):
        deletion(gradients, model, rows, 0)


def test_a_baseline_of_another_shape_is_refused(pooled, images):
    with pytest.raises(ParameterError, match="baseline must have the shape of one example"):
        deletion(baseline=np.zeros((4, 4)))(gradients, pooled, images)


def test_a_text_is_refused_with_a_way_out(pooled, images):
    with pytest.raises(UsageError, match=r"not a text: find\('gradients'\)"):
        deletion("gradients", pooled, images)


def test_no_steps_are_refused():
    with pytest.raises(ParameterError, match="steps must be at least 1, not 0"):
        insertion(steps=0)
