"""Ablation-CAM: the share of the score that is lost without each feature."""

import keras
import numpy as np
import pytest

from tests.oracles.counting import Counter, RowsOf
from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import ablationcam, explain, gradcam, smooth
from xaikit.errors import ModelError, ParameterError


def written_out(features, score, target, channels=None):
    """The definitions of section 3, one feature after the other; `score` is of features [h, w, K]: [B, h, w]."""
    maps = np.zeros(features.shape[:-1])
    for i, values in enumerate(features):
        whole = score(values)[target]
        for k in np.argsort(-values.var(axis=(0, 1)), kind="stable")[:channels]:
            without = values.copy()
            without[..., k] = 0
            maps[i] += (whole - score(without)[target]) / whole * values[..., k]
    return maps


def pooled_score(oracle):
    return lambda features: features.mean(axis=(0, 1)) @ oracle.weights + oracle.bias


def test_on_a_pooled_linear_head_a_weight_is_the_share_of_the_feature_in_the_score(pooled64, images64):
    oracle = Pooled(pooled64)
    features, logits = oracle.features(images64), oracle.logits(images64)
    weights = np.einsum("kt,bk,bt->bkt", oracle.weights, features.mean(axis=(1, 2)), 1 / logits)
    expected = np.einsum("bhwk,bkt->bhwt", features, weights)

    actual = explain(ablationcam, pooled64, images64, "all").maps

    assert (logits < 0).any()
    assert (logits > 0).any()
    np.testing.assert_allclose(actual, expected, rtol=6e-8, atol=1e-10)


@pytest.mark.parametrize("channels", [0, 1, 2, 3, 90])
def test_ablationcam_is_what_the_paper_says(channels, flattened_case):
    model, inputs, features, slopes, bias = flattened_case

    def score(values):
        return np.einsum("hwk,hwkt->t", values, slopes) + bias

    expected = [written_out(features, score, t, channels or None) for t in range(3)]

    actual = explain(ablationcam(channels=channels), model, inputs, "all").maps

    np.testing.assert_allclose(np.moveaxis(actual, -1, 0), expected, rtol=1e-8, atol=1e-10)


def test_a_head_that_is_not_linear_runs_without_each_feature():
    def dense(units, **options):
        return keras.layers.Dense(units, dtype="float64", **options)

    inputs = keras.Input((4, 4, 2), dtype="float64")
    features = keras.layers.Conv2D(3, 1, name="conv", activation="relu", dtype="float64")(inputs)
    hidden = dense(5, activation="tanh")(keras.layers.GlobalAveragePooling2D(dtype="float64")(features))
    model = settled(keras.Model(inputs, dense(3)(hidden)))
    images = np.random.default_rng(4).normal(size=(3, 4, 4, 2))
    kernel, bias, *head = model.get_weights()
    values = np.maximum(images @ kernel[0, 0] + bias, 0)

    def score(features):
        return np.tanh(features.mean(axis=(0, 1)) @ head[0] + head[1]) @ head[2] + head[3]

    expected = written_out(values, score, 1)

    actual = explain(ablationcam, model, images, 1).maps[..., 0]

    np.testing.assert_allclose(actual, expected, atol=1e-11)


def test_another_layer_is_read_and_what_is_between_runs_again(pooled64, images64):
    from tests.oracles.networks import convolved

    oracle = Pooled(pooled64)
    values = np.maximum(convolved(images64, oracle.kernel1, oracle.bias1), 0)

    def score(features):
        late = np.maximum(convolved(features[np.newaxis], oracle.kernel2, oracle.bias2, 2), 0)
        return late.mean(axis=(1, 2))[0] @ oracle.weights + oracle.bias

    expected = written_out(values, score, 2)

    named = explain(ablationcam(layer="conv1"), pooled64, images64, 2)
    taken_in = explain(ablationcam(layer="conv2:input"), pooled64, images64, 2)

    assert named.notes["layer"] == "conv1"
    np.testing.assert_allclose(named.maps[..., 0], expected, atol=1e-10)
    np.testing.assert_array_equal(taken_in.maps, named.maps)


def test_the_input_of_a_layer_that_no_layer_gives_is_refused():
    inputs = keras.Input((4, 4, 2))
    features = keras.layers.Conv2D(3, 1, name="early")(inputs)
    late = keras.layers.Conv2D(3, 1, name="late")(features * 2.0)
    model = settled(keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(late))))

    with pytest.raises(ModelError, match="late:input is no layer's output, and so cannot be replaced"):
        ablationcam(layer="late:input").bind(model)


def test_a_score_of_nothing_has_a_map_of_nothing(pooled64, images64):
    maps = explain(ablationcam, pooled64, images64, lambda scores: 0 * scores[:, 1]).maps

    np.testing.assert_array_equal(maps, np.zeros((5, 4, 4, 1)))


class Twice:
    """A model that counts the rows before the layer that is read, and after it."""

    def __init__(self):
        inputs = keras.Input((4, 4, 2))
        self.before, self.after = Counter(name="before"), Counter(name="after")
        features = keras.layers.Conv2D(3, 3, padding="same", name="conv")(self.before(inputs))
        pooled = self.after(keras.layers.GlobalAveragePooling2D()(features))
        self.model = settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(pooled)))
        self.images = np.random.default_rng(3).normal(size=(6, 4, 4, 2)).astype("float32")

    def counted(self, run):
        for counter in (self.before, self.after):
            counter.seen.clear()
        run()
        return list(self.before.seen), list(self.after.seen)


@pytest.mark.parametrize(("channels", "cost"), [(0, 1 + 3), (2, 1 + 2)])
def test_the_layers_before_run_once_and_those_after_once_for_each_feature(channels, cost):
    counting, maps = Twice(), {}
    for budget in (1, 4, 6, 64):
        before, after = counting.counted(
            lambda budget=budget: maps.update(
                {budget: explain(ablationcam(channels=channels), counting.model, counting.images, batch_size=budget)}
            )
        )

        assert sum(before) == 6 + (-6 % budget if budget < 6 else 0)  # a short last batch is filled
        assert sum(after) == cost * sum(before)
        assert max(before + after) <= budget
    for budget in (4, 6, 64):
        np.testing.assert_allclose(maps[budget].maps, maps[1].maps, atol=1e-6 * np.abs(maps[1].maps).max())


def test_noisy_copies_are_ablated_within_the_same_budget():
    counting = RowsOf()

    seen = counting.counted(
        lambda: explain(smooth(ablationcam, repetitions=2), counting.model, counting.images, 1, batch_size=20)
    )

    assert max(seen) <= 20
    assert sum(seen) == 6 * (1 + 2)


def test_xla_gives_the_same(pooled, images):
    expected = explain(ablationcam(channels=3), pooled, images, "all", batch_size=12, jit=False).maps

    actual = explain(ablationcam(channels=3), pooled, images, "all", batch_size=12, jit=True).maps

    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())


def test_half_precision_gives_the_maps_of_full_precision(pooled, halved, images):
    expected = explain(ablationcam, pooled, images, "top1").maps

    actual = explain(ablationcam, halved, images, "top1").maps

    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize(("model", "inputs", "shape"), [("series", "waves", (5,)), ("volumes", "blocks", (2, 3, 3))])
def test_ablationcam_reads_positions_of_one_and_of_three_axes(model, inputs, shape, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)

    maps = explain(ablationcam, model, inputs, "all").maps

    assert maps.shape == (len(inputs), *shape, 3)
    assert maps.any()


def test_fewer_channels_than_none_are_refused():
    with pytest.raises(ParameterError, match="channels must be at least 0, not -1"):
        ablationcam(channels=-1)


def test_the_layer_read_is_that_of_gradcam(pooled, images):
    expected = explain(gradcam, pooled, images[:1]).notes["layer"]

    assert explain(ablationcam, pooled, images[:1]).notes["layer"] == expected
