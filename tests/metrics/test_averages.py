"""Average drop, gain and increase: of the input seen through its map, by hand."""

import keras
import numpy as np
import pytest

from tests.conftest import draws
from tests.oracles.counting import RowsOf
from tests.oracles.weights import settled
from xaikit import average_drop, average_gain, average_increase, explain, gradcam, gradients, heatmap
from xaikit.errors import ModelError

AVERAGES = [average_drop, average_gain, average_increase]


def by_hand(metric, before, after):
    if metric is average_drop:
        return max(0, before - after) / before
    if metric is average_gain:
        return max(0, after - before) / (1 - before)
    return float(after > before)


def unit(heat):
    """The evidence for, from its least to its most."""
    heat = np.maximum(heat, 0)
    return (heat - heat.min()) / (heat.max() - heat.min())


@pytest.mark.parametrize("metric", AVERAGES)
def test_figures_are_those_of_a_loop_over_examples(flattened64, metric):
    images, maps = draws((8, 6, 6, 2), "float64"), draws((8, 6, 6, 2, 1), "float64", seed=2)
    expected = []
    for image, one in zip(images, maps[..., 0], strict=True):
        seen = image * unit(one.sum(axis=-1))[..., np.newaxis]
        before, after = (flattened64(each[np.newaxis]).numpy()[0, 1] for each in (image, seen))
        expected.append(by_hand(metric, before, after))

    actual = metric(maps, flattened64, images, 1)

    assert 0 < np.count_nonzero(expected) < 8  # some drop, some rise
    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize("metric", AVERAGES)
def test_a_coarse_map_is_brought_to_the_positions_of_the_input(pooled, images, metric):
    heat = explain(heatmap(gradcam, show="for"), pooled, images, 1).maps[..., 0]
    before, after = (pooled.predict(each, verbose=0)[:, 1] for each in (images, images * heat[..., np.newaxis]))
    expected = [by_hand(metric, *pair) for pair in zip(before, after, strict=True)]

    np.testing.assert_allclose(metric(gradcam, pooled, images, 1), expected, atol=1e-6)


def test_a_map_of_one_value_keeps_nothing(pooled, images):
    before, after = (pooled.predict(each, verbose=0)[:, 1] for each in (images, 0 * images))
    expected = np.maximum(before - after, 0) / before

    np.testing.assert_allclose(average_drop(np.ones((5, 8, 8, 1)), pooled, images, 1), expected, rtol=1e-5)


def test_scale_and_what_speaks_against_do_not_matter(pooled, images):
    maps = np.abs(draws((5, 8, 8, 1)))
    maps[:, 0] = 0
    against = maps.copy()
    against[:, 0] = -7

    np.testing.assert_allclose(
        average_drop(4 * against, pooled, images, 1), average_drop(maps, pooled, images, 1), rtol=1e-6
    )


@pytest.mark.parametrize("metric", AVERAGES)
def test_probabilities_of_0_and_1_give_numbers(metric):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Softmax()(inputs))
    rows, maps = np.array([[500.0, 0], [0, 500]], "float32"), np.array([[[0.0], [1]]] * 2, "float32")

    found = metric(maps, model, rows, 0)

    # the map leaves [0, 0] and [0, 500]
    expected = {average_drop: [0.5, 0], average_gain: [0, 0], average_increase: [0, 0]}[metric]
    np.testing.assert_allclose(found, expected)


def test_the_logit_is_never_compared(linear64, rectangles64):
    for metric in AVERAGES:
        with pytest.raises(ModelError, match="are no probabilities"):
            metric(gradients, linear64, rectangles64, 0)


def test_there_is_one_forward_pass_more(pooled):
    counting = RowsOf()

    counted = counting.counted(lambda: average_drop(draws((6, 4, 4, 1)), counting.model, counting.images, 0))

    assert counted == [6, 6]


@pytest.mark.parametrize("metric", AVERAGES)
def test_batches_orders_and_neighbours_change_nothing(pooled, images, metric):
    expected = metric(gradcam, pooled, images)

    np.testing.assert_allclose(metric(gradcam, pooled, images[::-1], batch_size=2), expected[::-1], rtol=1e-5)


def test_features_of_a_table_are_multiplied(table, rows):
    maps = np.abs(draws((4, 5, 1)))
    seen = rows * np.stack([unit(one) for one in maps[..., 0]])
    before, after = (table.predict(each, verbose=0)[:, 1] for each in (rows, seen))

    np.testing.assert_array_equal(average_increase(maps, table, rows, 1), after > before)


def test_tokens_cannot_be_multiplied():
    inputs = keras.Input((4,), dtype="int32")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(9, 2)(inputs))
    model = settled(keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(embedded)))

    with pytest.raises(ModelError, match="tokens cannot be"):
        average_drop(np.zeros((1, 4, 1)), model, np.zeros((1, 4), "int32"), 0)
