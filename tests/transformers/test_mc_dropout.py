"""Monte-Carlo dropout: seeded draws of the network, the same for every example, and what is made of their maps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import draws
from tests.oracles.counting import Aside
from tests.oracles.weights import settled
from xaikit import average, deeplift, explain, gradcam, gradients, mc_dropout, multiply, quantiles, smooth
from xaikit.errors import ParameterError


@pytest.fixture(scope="module")
def dropping():
    """Dropout of two kinds around a normalisation."""
    inputs = keras.Input((6, 6, 2))
    features = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(inputs)
    features = keras.layers.SpatialDropout2D(0.4)(keras.layers.BatchNormalization(name="norm")(features))
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    outputs = keras.layers.Dense(3, activation="softmax", name="head")(keras.layers.Dropout(0.3)(pooled))
    return settled(keras.Model(inputs, outputs))


@pytest.fixture(scope="module")
def pictures():
    return draws((4, 6, 6, 2))


def linear(*layers):
    """The sum of five values behind some layers that make noise, in float64: the slopes are the layers' own factors."""
    inputs = keras.Input((5,), dtype="float64")
    values = inputs
    for layer in layers:
        values = layer(values)
    total = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", dtype="float64")(values)
    return keras.Model(inputs, total)


def repeated(explainer, model, inputs, count, **options):
    """The maps of every repetition, by asking for every quantile: sorted, [count, ...]."""
    shares = np.linspace(0, 1, count)
    return quantiles(explainer, model, inputs, 0, q=shares, repetitions=count, **options).maps


def test_dropout_is_inverted_and_the_same_for_every_example():
    model = linear(keras.layers.Dropout(0.2, dtype="float64"))
    maps = repeated(gradients, model, np.ones((3, 5)), 200)[..., 0]

    assert set(np.round(np.unique(maps), 9)) == {0.0, 1.25}
    np.testing.assert_array_equal(maps[:, 0], maps[:, 2])
    np.testing.assert_allclose((maps == 0).mean(axis=(0, 1)), 0.2, atol=4 * np.sqrt(0.2 * 0.8 / 200))


def test_the_values_of_an_example_are_dropped_one_by_one():
    model = linear(keras.layers.Dropout(0.5, dtype="float64"))
    first = explain(mc_dropout(gradients, repetitions=1), model, np.ones((1, 5))).maps[0, :, 0]
    other = explain(mc_dropout(gradients, repetitions=1, seed=3), model, np.ones((1, 5))).maps[0, :, 0]

    assert not np.array_equal(first, other)
    assert len(np.unique([first, other])) == 2


def test_gaussian_dropout_multiplies_and_gaussian_noise_adds():
    multiplied = linear(keras.layers.GaussianDropout(0.2, dtype="float64"))
    maps = repeated(gradients, multiplied, np.ones((1, 5)), 400)
    added = linear(keras.layers.GaussianNoise(0.8, dtype="float64"))

    np.testing.assert_allclose(maps.mean(), 1.0, atol=4 * 0.5 / np.sqrt(2000))
    np.testing.assert_allclose(maps.std(), 0.5, rtol=0.1)  # sqrt(rate / (1 - rate))
    np.testing.assert_array_equal(repeated(gradients, added, np.ones((1, 5)), 3), 1.0)


def test_noise_that_is_added_moves_a_square():
    inputs = keras.Input((5,), dtype="float64")
    noisy = keras.layers.GaussianNoise(0.8, dtype="float64")(inputs)
    squares = keras.layers.Lambda(lambda x: tf.reduce_sum(x**2, -1, keepdims=True), dtype="float64")(noisy)
    maps = repeated(gradients, keras.Model(inputs, squares), np.zeros((1, 5)), 400)

    np.testing.assert_allclose(maps.std(), 2 * 0.8, rtol=0.1)


def test_alpha_dropout_keeps_mean_and_variance():
    inputs = keras.Input((4000,), dtype="float64")
    values = keras.layers.AlphaDropout(0.3, dtype="float64")(inputs)
    squares = keras.layers.Lambda(lambda x: tf.reduce_sum(x**2, -1, keepdims=True) / 2, dtype="float64")(values)
    total = keras.Model(inputs, squares)
    numbers = draws((1, 4000), "float64")
    slopes = explain(mc_dropout(gradients, repetitions=1), total, numbers).maps[0, :, 0]
    stretch = slopes[slopes != 0]  # a dropped value has no slope; a kept one has a (a x + b)

    assert np.mean(slopes == 0) == pytest.approx(0.3, abs=0.03)
    kept = numbers[0][slopes != 0]
    a, ab = np.polyfit(kept, stretch, 1)
    a, b = np.sqrt(a), ab / np.sqrt(a)
    low = -1.6732632423543772 * 1.0507009873554805
    after = np.where(slopes != 0, a * numbers[0] + b, a * low + b)
    assert after.mean() == pytest.approx(0, abs=0.08)
    assert after.var() == pytest.approx(1, abs=0.1)


def test_spatial_dropout_drops_whole_features(dropping, pictures):
    features = keras.Model(dropping.inputs, dropping.layers[3].output)  # the spatial dropout's own
    summed = keras.Model(features.inputs, keras.ops.sum(features.output, axis=(1, 2)))
    maps = explain(mc_dropout(gradients, repetitions=1, seed=1), summed, pictures, "all").maps

    dead = ~maps.any(axis=(1, 2, 3))  # [examples, features]
    assert dead.any()
    assert not dead.all()
    assert (dead == dead[0]).all()


RECURRENT = [keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN]


def recurrent(layer, **options):
    inputs = keras.Input((6, 12))
    return settled(keras.Model(inputs, keras.layers.Dense(2)(layer(4, **options)(inputs))))


@pytest.mark.parametrize("layer", RECURRENT)
def test_recurrent_masks_are_drawn_once_for_all_steps(layer):
    model, series = recurrent(layer, dropout=0.5), draws((3, 6, 12))
    model(series)  # Keras itself leaves an empty mask on a cell that was called
    before = set(model.layers[1].cell.__dict__)
    maps = explain(mc_dropout(gradients, repetitions=1), model, series, 0).maps[..., 0]

    dropped = ~maps.any(axis=(0, 1))  # a channel that is dropped is dropped at each step, of each example
    assert dropped.any()
    assert not dropped.all()
    assert set(model.layers[1].cell.__dict__) == before


@pytest.mark.parametrize("layer", RECURRENT)
def test_states_are_dropped_too(layer):
    model, series = recurrent(layer, recurrent_dropout=0.5), draws((3, 6, 12))
    spread = explain(mc_dropout(gradients, repetitions=8, reduce="variance"), model, series, 0).maps

    assert spread[:, :-1].max() > 1e-6
    assert spread[:, :-1].max() > 0


def test_stacked_and_bidirectional_cells_drop_too():
    inputs = keras.Input((6, 3))
    cells = [keras.layers.GRUCell(4, dropout=0.5), keras.layers.LSTMCell(4, dropout=0.5)]
    states = keras.layers.Bidirectional(keras.layers.RNN(cells))(inputs)
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(states)))
    found = explain(mc_dropout(gradients, repetitions=30, reduce="variance"), model, draws((2, 6, 3)), 0)

    assert (found.maps.max(axis=(1, 2, 3)) > 0).all()
    assert found.notes["dropout"] == "on in 4 layers"


def test_quantiles_are_those_of_numpy_over_the_repeated_maps(dropping, pictures):
    every = repeated(gradients, dropping, pictures, 7)
    shares = (0.0, 0.1, 0.25, 0.5, 0.83, 1.0)
    found = quantiles(gradients, dropping, pictures, 0, q=shares, repetitions=7)

    assert found.maps.shape == (6, 4, 6, 6, 2, 1)
    np.testing.assert_allclose(found.maps, np.quantile(every, shares, axis=0), atol=1e-6 * np.abs(every).max())
    one = explain(mc_dropout(gradients, repetitions=7, reduce="quantile", q=0.83), dropping, pictures, 0)
    np.testing.assert_allclose(one.maps, found.maps[4], atol=1e-6 * np.abs(every).max())


def test_mean_and_variance_are_those_of_the_repeated_maps(dropping, pictures):
    every = repeated(gradcam, dropping, pictures, 6)
    mean = explain(mc_dropout(gradcam, repetitions=6), dropping, pictures, 0)
    variance = explain(mc_dropout(gradcam, repetitions=6, reduce="variance"), dropping, pictures, 0).maps

    np.testing.assert_allclose(mean.maps, every.mean(axis=0), atol=1e-6 * np.abs(every).max())
    np.testing.assert_allclose(variance, every.var(axis=0), atol=1e-6 * variance.max())
    assert variance.min() >= 0
    assert variance.max() > 0


def test_a_tolerance_takes_the_place_of_repetitions(dropping, pictures):
    found = explain(mc_dropout(gradcam, tolerance=0.01), dropping, pictures, 1, details=True)
    spread = explain(mc_dropout(gradcam, repetitions=64, reduce="variance"), dropping, pictures, 1).maps
    counts = found.details["samples"][:, 0]

    assert (found.details["standard_error"] <= 0.01).all()
    assert (counts[spread.max(axis=(1, 2, 3)) > 0.02] > 100).all()
    with pytest.raises(ParameterError, match="'variance' repetitions"):
        explain(mc_dropout(gradcam, tolerance=0.01, reduce="variance"), dropping, pictures)


def test_scores_are_those_of_the_model_in_inference(dropping, pictures):
    logits = keras.Model(dropping.inputs, dropping.layers[-1].input)
    expected = logits([pictures], training=False) @ dropping.layers[-1].kernel + dropping.layers[-1].bias
    found = explain(mc_dropout(gradients), dropping, pictures, "all")

    np.testing.assert_allclose(found.scores, expected, atol=1e-5)


def test_a_model_without_dropout_gives_the_map_itself(pooled, images):
    found = explain(mc_dropout(gradcam, repetitions=3), pooled, images)
    expected = explain(gradcam, pooled, images).maps

    np.testing.assert_allclose(found.maps, expected, atol=1e-6 * np.abs(expected).max())
    assert found.notes["dropout"] == "none in this model"


def test_methods_that_follow_ops_are_repeated_too(pooled, images):
    expected = explain(deeplift, pooled, images).maps

    np.testing.assert_allclose(explain(mc_dropout(deeplift, repetitions=2), pooled, images).maps, expected, rtol=1e-5)


def test_one_network_is_drawn_for_all_that_runs_inside(dropping, pictures):
    # both factors see the same network: their product is the square of one map
    same = smooth(gradients, noise=0, repetitions=2)
    found = explain(mc_dropout(multiply(gradients, same), repetitions=1), dropping, pictures, 1).maps
    alone = explain(mc_dropout(gradients, repetitions=1), dropping, pictures, 1).maps

    assert (found >= 0).all()
    assert found.max() > 0
    assert alone.min() < 0


def test_statistics_and_seeds_of_the_model_stay_as_they_were(dropping, pictures):
    before = [np.array(variable) for variable in dropping.variables]

    explain(mc_dropout(smooth(gradients, repetitions=2), repetitions=2), dropping, pictures)

    for old, variable in zip(before, dropping.variables, strict=True):
        np.testing.assert_array_equal(old, np.array(variable))


def test_budgets_neighbours_and_xla_change_nothing(dropping, pictures):
    explainer = mc_dropout(gradients, repetitions=3)
    expected = explain(explainer, dropping, pictures, 1).maps
    top = np.abs(expected).max()

    alone = explain(explainer, dropping, pictures[2:3], 1, batch_size=1).maps
    np.testing.assert_allclose(alone[0], expected[2], atol=1e-6 * top)
    np.testing.assert_allclose(explain(explainer, dropping, pictures, 1, jit=True).maps, expected, atol=1e-5 * top)


@pytest.fixture(scope="module")
def counting():
    """Every kind of noise that lies on examples, behind a counter of rows."""
    counter = Aside()
    inputs = keras.Input((6, 6, 2))
    features = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(counter(inputs))
    features = keras.layers.GaussianNoise(0.1)(keras.layers.SpatialDropout2D(0.4)(features))
    hidden = keras.layers.Dense(5, activation="tanh")(keras.layers.Flatten()(features))
    hidden = keras.layers.GaussianDropout(0.2)(keras.layers.AlphaDropout(0.2)(hidden))
    outputs = keras.layers.Dense(3)(keras.layers.Dropout(0.3, noise_shape=(None, 1))(hidden))
    return settled(keras.Model(inputs, outputs)), counter


@pytest.mark.parametrize("reduce", ["mean", "variance"])
def test_repetitions_share_passes_where_there_is_room_and_draw_the_same(counting, pictures, reduce):
    model, counter = counting
    explainer = mc_dropout(gradients, repetitions=5, reduce=reduce)
    counter.seen.clear()
    apart = explain(explainer, model, pictures, 1, batch_size=4).maps
    assert counter.seen == [4] * 6
    counter.seen.clear()
    together = explain(explainer, model, pictures, 1, batch_size=13).maps  # room for three at a time
    assert sorted(counter.seen) == [4, 8, 12]  # the clean pass comes when it likes

    np.testing.assert_allclose(together, apart, atol=2e-6 * np.abs(apart).max())
    assert np.abs(apart).max() > 0


def test_explainers_that_make_copies_run_one_network_at_a_time(counting, pictures):
    model, counter = counting
    explainer = mc_dropout(smooth(gradients, repetitions=2, noise=0), repetitions=3)
    counter.seen.clear()
    maps = explain(explainer, model, pictures, 1).maps
    assert (max(counter.seen), counter.seen.count(8)) == (8, 3)  # both copies within one network

    folded = mc_dropout(average(gradients, gradients), repetitions=3)  # on the level of smooth, it draws the same
    expected = explain(folded, model, pictures, 1).maps
    np.testing.assert_allclose(maps, expected, atol=2e-6 * np.abs(expected).max())


class Places(keras.layers.Layer):
    """Places that are learned, with dropout of their own: its first axis is no axis of examples."""

    def build(self, shape):
        self.places = self.add_weight(shape=shape[1:], initializer="ones", name="places")
        self.dropout = keras.layers.Dropout(0.5)

    def call(self, inputs):
        return inputs * self.dropout(self.places)


class TimeFirst(keras.layers.Layer):
    """Dropout on rows that are steps first, and then examples."""

    def __init__(self):
        super().__init__()
        self.dropout = keras.layers.Dropout(0.5)

    def call(self, inputs):
        steps = keras.ops.reshape(keras.ops.transpose(inputs, (1, 0)), (-1, 1))
        return keras.ops.transpose(keras.ops.reshape(self.dropout(steps), (inputs.shape[1], -1)), (1, 0))


class Twice(keras.layers.Layer):
    """One layer of noise, on steps and then on examples."""

    def __init__(self):
        super().__init__()
        self.dropout = keras.layers.Dropout(0.5)

    def call(self, inputs):
        return self.dropout(keras.ops.transpose(self.dropout(keras.ops.transpose(inputs, (1, 0))), (1, 0)))


@pytest.mark.parametrize("layer", [Places, TimeFirst, Twice])
def test_noise_on_other_axes_is_drawn_one_network_at_a_time(layer, rows):
    inputs = keras.Input((5,))
    counter = Aside()
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(layer()(counter(inputs)))))
    explainer = mc_dropout(gradients, repetitions=4)
    maps = explain(explainer, model, rows, 0).maps

    assert counter.seen == [4] * 5
    np.testing.assert_array_equal(maps, explain(explainer, model, rows, 0, batch_size=4).maps)


@pytest.mark.parametrize("layer", RECURRENT)
def test_masks_of_recurrent_cells_share_passes(layer):
    counter = Aside()
    inputs = keras.Input((6, 12))
    states = layer(4, dropout=0.5, recurrent_dropout=0.2)(counter(inputs))
    model, series = settled(keras.Model(inputs, keras.layers.Dense(2)(states))), draws((3, 6, 12))
    explainer = mc_dropout(gradients, repetitions=4)
    together = explain(explainer, model, series, 0).maps
    assert sorted(counter.seen) == [3, 12]

    apart = explain(explainer, model, series, 0, batch_size=3).maps
    np.testing.assert_allclose(together, apart, atol=2e-6 * np.abs(apart).max())


def test_dropout_between_the_features_and_the_head_moves_cams(dropping, pictures):
    once = mc_dropout(gradcam, repetitions=1)
    first, second = (explain(once(seed=seed), dropping, pictures, 1).maps for seed in (0, 1))

    assert not np.array_equal(first, second)


def test_quantiles_refuse_shares_out_of_range(dropping, pictures):
    for wrong in ((), (0.5, 1.2), (-0.1,)):
        with pytest.raises(ParameterError, match="from 0 to 1"):
            quantiles(gradients, dropping, pictures, q=wrong)
    with pytest.raises(ParameterError, match="repetitions must be at least 1"):
        quantiles(gradients, dropping, pictures, repetitions=0)
