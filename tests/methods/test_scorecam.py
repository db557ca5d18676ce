"""Score-CAM: the input seen through each feature, and a softmax of what the model says of it."""

import keras
import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.grids import resized
from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import explain, gradcam, scorecam, smooth
from xaikit.errors import ModelError, ParameterError


def written_out(oracle, inputs, target, channels=None):
    """Definitions 4 and 5 and algorithm 1, one mask after the other: [B, H, W, C] to [B, h, w]."""
    maps = []
    for image in inputs:
        features = oracle.features(image[np.newaxis])[0]
        baseline = oracle.logits(np.zeros_like(image)[np.newaxis])[0, target]
        chosen, rises = [], []
        for k in np.argsort(-features.var(axis=(0, 1)), kind="stable")[:channels]:
            up = resized(features[..., k], image.shape[:2])
            if np.ptp(features[..., k]) > 0:
                mask = (up - up.min()) / np.ptp(up)  # eq. 7 and 8
                rises.append(oracle.logits((image * mask[..., np.newaxis])[np.newaxis])[0, target] - baseline)  # eq. 6
                chosen.append(features[..., k])
        weights = np.exp(rises) / np.exp(rises).sum()
        maps.append(np.einsum("k,khw->hw", weights, chosen))  # eq. 9, without its ReLU
    return np.stack(maps)


@pytest.mark.parametrize("channels", [0, 2, 5, 90])
def test_scorecam_is_what_the_paper_says(channels, pooled64, images64):
    oracle = Pooled(pooled64)
    expected = [written_out(oracle, images64, t, channels or None) for t in range(4)]

    actual = explain(scorecam(channels=channels), pooled64, images64, "all").maps

    # masks are resized in float32
    np.testing.assert_allclose(np.moveaxis(actual, -1, 0), expected, rtol=1e-5, atol=1e-6)


def test_a_constant_feature_adds_nothing(pooled64, images64, changed):
    def flat(kernel, bias):
        kernel[..., 1], bias[1] = 0, 0.7
        return [kernel, bias]

    model = changed(pooled64, conv2=flat)
    expected = written_out(Pooled(model), images64, 2)

    actual = explain(scorecam, model, images64, 2).maps[..., 0]

    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)  # masks are resized in float32


def test_features_that_are_all_constant_give_a_map_of_nothing(pooled, images, changed):
    model = changed(pooled, conv2=lambda kernel, bias: [0 * kernel, np.full_like(bias, 0.3)])

    maps = explain(scorecam, model, images, "all").maps

    np.testing.assert_array_equal(maps, np.zeros((5, 4, 4, 4)))


def test_the_weights_of_the_features_add_up_to_1(pooled64, images64, changed):
    model = changed(pooled64, conv2=lambda kernel, bias: [kernel[..., [0] * 5], bias[[0] * 5]])
    expected = Pooled(model).features(images64)[..., 0]  # five times the same, whatever each one's weight

    actual = explain(scorecam, model, images64, "all").maps

    np.testing.assert_allclose(actual, np.repeat(expected[..., np.newaxis], 4, axis=-1), atol=1e-12)


def test_a_constant_added_to_the_logits_changes_nothing(pooled64, images64):
    expected = explain(scorecam, pooled64, images64, 1).maps

    actual = explain(scorecam, pooled64, images64, lambda scores: scores[:, 1] + 10.0).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_one_sigmoid_output_has_a_map_for_either_sign(images):
    inputs = keras.Input((8, 8, 3))
    features = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    outputs = keras.layers.Dense(1, activation="sigmoid")(keras.layers.GlobalAveragePooling2D()(features))
    model = settled(keras.Model(inputs, outputs))

    scores, maps = explain(scorecam, model, images)
    against = explain(scorecam, model, images, lambda logits: -logits[:, 0]).maps

    assert not np.allclose(scores, scores[0])
    assert (np.ptp(maps, axis=(1, 2, 3)) > 0).all()
    assert (np.ptp(against, axis=(1, 2, 3)) > 0).all()
    assert not np.allclose(maps, against)


@pytest.mark.parametrize(("explainer", "cost"), [(scorecam, 1 + 3), (scorecam(channels=2), 1 + 2)], ids=repr)
def test_masks_in_batches_are_masks_one_by_one_and_cost_a_row_each(explainer, cost):
    counting = RowsOf()
    maps = {}
    for budget in (1, 3, 6, 64):
        seen = counting.counted(
            lambda budget=budget: maps.update(
                {budget: explain(explainer, counting.model, counting.images, "all", batch_size=budget).maps}
            )
        )

        assert max(seen) <= budget
        assert sum(seen) == 6 * cost
    for budget in (3, 6, 64):
        np.testing.assert_allclose(maps[budget], maps[1], atol=1e-6 * np.abs(maps[1]).max())


@pytest.mark.parametrize("budget", [3, 20])
def test_noisy_copies_are_masked_within_the_same_budget(budget):
    counting = RowsOf()

    seen = counting.counted(
        lambda: explain(smooth(scorecam, repetitions=2), counting.model, counting.images, 1, batch_size=budget)
    )

    assert max(seen) <= budget
    assert sum(seen) == 6 * (1 + 2 * (1 + 3))


def test_xla_gives_the_same(pooled, images):
    expected = explain(scorecam(channels=3), pooled, images, "all", batch_size=12, jit=False).maps

    actual = explain(scorecam(channels=3), pooled, images, "all", batch_size=12, jit=True).maps

    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())


def test_half_precision_gives_the_maps_of_full_precision(pooled, halved, images):
    expected = explain(scorecam, pooled, images, 2).maps

    actual = explain(scorecam, halved, images, 2).maps

    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize(("model", "inputs", "shape"), [("series", "waves", (5,)), ("volumes", "blocks", (2, 3, 3))])
def test_scorecam_reads_positions_of_one_and_of_three_axes(model, inputs, shape, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)

    maps = explain(scorecam, model, inputs, "all").maps

    assert maps.shape == (len(inputs), *shape, 3)
    assert maps.any()


@pytest.fixture(scope="module")
def beside():
    """Build a model of pictures that has another input beside."""

    def built(shape):
        pictures, other = keras.Input((6, 6, 2), name="pictures"), keras.Input(shape, name="other")
        features = keras.layers.Conv2D(3, 3, activation="relu", name="conv")(pictures)
        pooled = keras.layers.GlobalAveragePooling2D()(features)
        joined = keras.layers.Concatenate()([pooled, keras.layers.Flatten()(other)])
        return settled(keras.Model({"pictures": pictures, "other": other}, keras.layers.Dense(3)(joined)))

    return built


def test_an_input_beside_the_pictures_is_not_masked(beside):
    model, draws = beside((4,)), np.random.default_rng(5)
    inputs = {"pictures": draws.normal(size=(3, 6, 6, 2)), "other": draws.normal(size=(3, 4))}
    moved = {**inputs, "other": 2 * inputs["other"]}  # a linear head: the score moves alike for every mask
    expected = explain(scorecam, model, inputs, 1).maps

    actual = explain(scorecam, model, moved, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_two_inputs_that_the_features_could_lie_on_are_refused(beside):
    with pytest.raises(ModelError, match="several inputs, and it is not plain on which"):
        scorecam.bind(beside((6, 6, 2)))


def test_fewer_channels_than_none_are_refused():
    with pytest.raises(ParameterError, match="channels must be at least 0, not -1"):
        scorecam(channels=-1)


def test_a_table_has_no_layer_with_positions(table, rows):
    with pytest.raises(ModelError, match="No layer on the way to the scores of model 'table' has positions"):
        explain(scorecam, table, rows)


def test_the_layer_read_is_that_of_gradcam(pooled, images):
    expected = explain(gradcam, pooled, images[:1]).notes["layer"]

    assert explain(scorecam, pooled, images[:1]).notes["layer"] == expected
