"""Segments: superpixels that follow a picture where scikit-image is there, and else the cells of a grid."""

import keras
import numpy as np
import pytest

from tests.oracles.weights import settled
from xaikit import explain, method, smooth
from xaikit.core import Count, Explanation, Model, forward, tf
from xaikit.core.segments import _laid, _superpixels, grid, hidden, placed, segmented, sizes
from xaikit.errors import ModelError

TWO = [[0, 1]] * 5  # a column for the numbers, and one for the sizes


@method
def labelled(model, *, segments: Count = 12):
    """Give each position the number of its segment, and the size of it: maps [B, *positions, 2]."""

    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        parts = segmented(inputs, segments)
        counts = sizes(parts, inputs)
        numbers = tf.range(parts.count, dtype=tf.float64) + tf.zeros_like(counts)
        values = tf.stack([numbers, counts], axis=-1) + tf.zeros([tf.shape(scores)[0], 1, 1], tf.float64)
        return Explanation(scores, placed(tf.cast(values, scores.dtype), parts, inputs))

    return step


def mean_model(*shape):
    inputs = keras.Input(shape)
    return settled(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs))))


@pytest.fixture
def without(monkeypatch):
    """As if scikit-image were not installed."""
    monkeypatch.setattr("xaikit.core.segments.available", lambda: False)


def regions(channels=3, height=24, width=36, noise=0.01):
    """A picture of flat regions with crooked borders, and the regions: [H, W, C], [H, W]."""
    y, x = np.mgrid[:height, :width]
    areas = (x > width / 2 + height / 6 * np.sin(6 * y / height)).astype(int)
    areas += 2 * ((x - width / 4) ** 2 + (y - height / 2) ** 2 < (height / 5) ** 2)
    colours = np.random.default_rng(3).uniform(0, 1, size=(4, channels))
    return colours[areas] + np.random.default_rng(4).normal(scale=noise, size=(height, width, channels)), areas


def astray(labels, areas):
    """The share of positions whose segment lies mostly in another region."""
    return sum(np.sort(np.bincount(areas[labels == label]))[:-1].sum() for label in np.unique(labels)) / areas.size


@pytest.mark.parametrize(
    ("shape", "asked", "cells"),
    [
        ([8, 8], 50, [7, 7]),
        ([224, 224], 50, [7, 7]),
        ([24, 36], 50, [5, 10]),
        ([36, 24], 50, [10, 5]),
        ([8, 8], 64, [8, 8]),
        ([8, 8], 1000, [8, 8]),
        ([8, 8], 1, [1, 1]),
        ([1, 100], 50, [1, 50]),
        ([4, 6, 5], 27, [2, 4, 3]),
        ([16, 16, 16], 50, [3, 4, 4]),
        ([2, 9, 9], 50, [1, 7, 7]),
    ],
)
def test_cells_are_about_as_long_as_wide_and_never_more_than_asked(shape, asked, cells):
    assert grid(shape, asked) == cells


def test_cells_are_boxes_whose_sides_differ_by_one_at_most():
    labels = _laid([7, 10], [3, 4])

    for label in range(12):
        rows, columns = np.nonzero(labels == label)
        assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert np.ptp(rows) + 1 in (2, 3)
        assert np.ptp(columns) + 1 in (2, 3)
    np.testing.assert_array_equal(labels[:, 0], np.repeat([0, 4, 8], [3, 2, 2]))
    np.testing.assert_array_equal(labels[0], np.repeat([0, 1, 2, 3], [3, 2, 3, 2]))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_superpixels_keep_to_the_borders_of_what_is_seen(channels):
    picture, areas = regions(channels)
    labels = _superpixels(picture[np.newaxis], 30)[0]

    assert 15 <= len(np.unique(labels)) <= 30
    assert astray(labels, areas) < 0.02
    assert astray(_laid([24, 36], grid([24, 36], 30)), areas) > 0.06  # which a grid does not


@pytest.mark.parametrize(("size", "noise"), [((24, 36), 0.1), ((64, 64), 0.05), ((64, 64), 0.1), ((128, 128), 0.05)])
def test_noise_makes_superpixels_coarser_and_not_a_grid(size, noise):
    picture, areas = regions(3, *size, noise)
    labels = _superpixels(picture[np.newaxis], 50)[0]
    cells = _laid(list(size), grid(list(size), 50))

    assert 25 <= len(np.unique(labels)) <= 50
    assert (labels != cells).mean() > 0.5
    assert astray(labels, areas) < 0.9 * astray(cells, areas)


@pytest.mark.parametrize("asked", [1, 2, 5, 12, 50, 100])
@pytest.mark.parametrize("shape", [(8, 8, 3), (24, 36, 3), (20, 20, 1), (4, 6, 5, 1), (2, 60, 2), (9, 9, 4)])
def test_about_as_many_are_found_as_asked_in_noise_and_in_nothing_too(shape, asked):
    noise = np.random.default_rng(0).normal(scale=1e3, size=shape).astype("float32")
    for picture in (noise, np.ones(shape, "float32"), np.arange(np.prod(shape), dtype="uint8").reshape(shape)):
        labels = _superpixels(picture[np.newaxis], asked)[0]
        count = labels.max() + 1

        assert labels.shape == shape[:-1]
        np.testing.assert_array_equal(np.unique(labels), np.arange(count))
        assert min(asked, np.prod(shape[:-1])) / 2.5 <= count <= asked


def test_superpixels_do_not_depend_on_the_units_or_on_the_neighbours():
    picture = regions()[0]
    others = np.random.default_rng(1).normal(size=(2, *picture.shape))
    alone = _superpixels(picture[np.newaxis], 30)[0]
    together = _superpixels(np.stack([others[0], picture, others[1]]), 30)[1]

    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(_superpixels(picture[np.newaxis] * 256 - 1000, 30)[0], alone)


def test_superpixels_come_from_scikit_image_in_a_step(pooled, images):
    found = explain(labelled, pooled, images, TWO)
    expected = _superpixels(images, 12)

    np.testing.assert_array_equal(found.maps[..., 0], expected)
    assert found.notes["segments"] == "superpixels of scikit-image"
    for example, labels in zip(found.maps, expected, strict=True):
        np.testing.assert_array_equal(example[..., 1], np.bincount(labels.ravel())[labels])
    assert len({labels.max() for labels in expected}) > 1  # examples with numbers of their own


def test_without_scikit_image_there_is_a_grid_and_the_result_says_so(without):
    model = mean_model(8, 12, 3)
    found = explain(labelled, model, np.ones((2, 8, 12, 3)), TWO[:2])

    np.testing.assert_array_equal(found.maps[..., 0], np.stack([_laid([8, 12], [2, 6])] * 2))
    np.testing.assert_array_equal(found.maps[..., 1], 8)
    assert found.notes["segments"] == "grid of 2 x 6"


def test_where_there_are_no_more_positions_than_asked_each_is_a_segment():
    found = explain(labelled(segments=20), mean_model(4, 5, 3), np.ones((2, 4, 5, 3)), TWO[:2])

    np.testing.assert_array_equal(found.maps[..., 0], np.stack([np.arange(20).reshape(4, 5)] * 2))
    assert found.notes["segments"] == "grid of 4 x 5"


def test_features_and_steps_are_segments_each_and_several_inputs_have_numbers_of_their_own(rows):
    inputs = {
        "a": keras.Input((5,), name="a"),
        "b": keras.Input((6, 2), name="b"),
        "c": keras.Input((8, 8, 3), name="c"),
    }
    flat = keras.layers.Concatenate()([keras.layers.Flatten()(leaf) for leaf in inputs.values()])
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(flat)))
    pictures = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    data = {"a": rows, "b": np.ones((4, 6, 2), "float32"), "c": pictures}

    found = explain(labelled, model, data, TWO[:4])

    np.testing.assert_array_equal(found.maps["a"][..., 0], np.tile(np.arange(5), (4, 1)))
    np.testing.assert_array_equal(found.maps["b"][..., 0], np.tile(5 + np.arange(6), (4, 1)))
    np.testing.assert_array_equal(found.maps["c"][..., 0], 11 + _superpixels(pictures, 12))
    np.testing.assert_array_equal(found.maps["b"][..., 1], 1)


def test_copies_of_an_example_lie_side_by_side_with_its_own_segments_hidden():
    pictures = np.random.default_rng(2).normal(size=(2, 8, 8, 3))
    labels = _superpixels(pictures, 5)
    kept = np.random.default_rng(3).random((2, 4, 5)) < 0.5

    @tf.function
    def run():
        inputs = tf.constant(pictures)
        return hidden(inputs, tf.fill(tf.shape(inputs), tf.constant(7.0, tf.float64)), kept, segmented(inputs, 5))

    seen = np.stack([[kept[b, n][labels[b]] for n in range(4)] for b in range(2)])
    expected = np.where(seen[..., None], pictures[:, None], 7.0).reshape(8, 8, 8, 3)

    np.testing.assert_array_equal(run(), expected)


def test_xla_is_left_out_where_superpixels_are_made_and_the_result_says_so(pooled, images):
    plain = explain(labelled, pooled, images, TWO)
    compiled = explain(labelled, pooled, images, TWO, jit=True)

    np.testing.assert_array_equal(compiled.maps, plain.maps)
    assert compiled.notes == {**plain.notes, "jit": "off, for the superpixels of scikit-image"}


def test_around_copies_superpixels_are_those_of_each_copy(pooled, images):
    targets = np.tile([0, 1], (5, 1))  # as many as the maps that are shown
    found = explain(smooth(labelled, noise=0.0, repetitions=2), pooled, images, targets, jit=True)

    np.testing.assert_array_equal(found.maps[..., 0], _superpixels(images, 12))
    assert found.notes["segments"] == "superpixels of scikit-image"


def test_an_open_size_is_refused_in_one_sentence(pooled):
    spec = tf.TensorSpec([None, None, None, 3], tf.float32)
    traced = tf.function(labelled.bind(Model(pooled, spec)), autograph=False)

    with pytest.raises(ModelError, match="Segments are laid over inputs of a known size"):
        traced.get_concrete_function(spec, tf.TensorSpec([None, 1], tf.int32))
