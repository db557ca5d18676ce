"""tta: the average over views of other sizes and mirrored ones."""

import keras
import numpy as np
import pytest

from tests.oracles import grids
from tests.oracles.counting import RowsOf
from tests.oracles.explainers import coarse, constant, echo, unchanged
from tests.oracles.weights import settled
from xaikit import explain, gradcam, gradients, normalize, positive, resize, smooth, tta
from xaikit.errors import ModelError, ParameterError, UnfitInput


def mirrored(values, axis=2):
    return np.flip(values, axis=axis)


def by_hand(explainer, model, inputs, targets, scales, hflip=True):
    """Nested loops over single calls: resize, mirror, explain, mirror back, resize back, add up."""
    views = []
    for scale in [1.0, *[scale for scale in scales if scale != 1.0]]:
        sides = [max(1, round(side * scale)) for side in inputs.shape[1:-1]]
        scaled = inputs if scale == 1.0 else grids.each(inputs, sides)
        for mirror in (False, True) if hflip else (False,):
            view = mirrored(scaled) if mirror else scaled
            maps = explain(explainer, model, view, targets).maps
            maps = mirrored(maps) if mirror else maps
            flat = maps.reshape(*maps.shape[:3], -1)  # channels and targets side by side
            views.append(grids.each(flat, inputs.shape[1:3]).reshape(*inputs.shape[:3], *maps.shape[3:]))
    return np.mean(views, axis=0)


@pytest.mark.parametrize(
    ("scales", "hflip", "located"),
    [((), True, True), ((1.0,), False, False), ((0.5, 2.0), True, False), ((0.5, 2.0), False, True)],
)
def test_the_average_of_ones_is_ones(scales, hflip, located, pooled, images):
    explainer = tta(constant(located=located), scales=scales, hflip=hflip)

    maps = explain(explainer, pooled, images).maps

    np.testing.assert_allclose(maps, 1, atol=1e-6)
    assert maps.shape == ((5, 8, 8, 1) if located else (5, 8, 8, 3, 1))


@pytest.mark.parametrize("explainer", [gradcam, gradients], ids=str)
def test_tta_is_the_mean_over_its_views(explainer, pooled64, images64):
    targets = explain(gradients, pooled64, images64).targets
    expected = by_hand(explainer, pooled64, images64, targets, (0.5, 1.5, 2.0))

    result = explain(tta(explainer), pooled64, images64)

    np.testing.assert_array_equal(result.targets, targets)
    np.testing.assert_allclose(result.maps, expected, atol=1e-6)


def test_the_order_that_is_written_is_the_order_that_is_done(pooled64, images64):
    inner = normalize(positive(gradcam))
    expected = by_hand(inner, pooled64, images64, 1, (0.5,))

    actual = explain(tta(inner, scales=(0.5,)), pooled64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("explainer", "width"),
    [(gradcam, 7), (gradients, 8), (coarse, 7), (coarse, 8), (smooth(gradcam, noise=0, repetitions=2), 7)],
    ids=str,
)
def test_a_mirrored_input_has_the_mirrored_map(explainer, width, pooled64, images64):
    inputs = images64[:, :, :width]
    expected = mirrored(explain(tta(explainer, scales=(0.5,)), pooled64, inputs, 1).maps)

    actual = explain(tta(explainer, scales=(0.5,)), pooled64, mirrored(inputs), 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("explainer", [gradcam, gradients, coarse], ids=str)
def test_the_identity_view_alone_is_the_resized_map(explainer, pooled64, images64):
    expected = explain(resize(explainer), pooled64, images64, 1).maps

    actual = explain(tta(explainer, scales=(1.0,), hflip=False), pooled64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize("explainer", [gradcam, gradients], ids=str)
def test_for_a_model_that_does_not_see_mirroring_tta_is_the_resized_map(explainer, pointwise64, images64):
    expected = explain(resize(explainer), pointwise64, images64, 1).maps

    actual = explain(tta(explainer, scales=()), pointwise64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-7)


def test_a_scale_of_one_and_a_scale_written_twice_add_no_view(pooled64, images64):
    expected = explain(tta(gradcam, scales=(0.5,)), pooled64, images64).maps

    actual = explain(tta(gradcam, scales=(0.5, 1.0, 0.5)), pooled64, images64).maps

    np.testing.assert_array_equal(actual, expected)


def test_a_view_that_is_mirrored_and_back_is_itself(pooled64, images64):
    maps = explain(tta(echo, scales=()), pooled64, images64).maps[..., 0]

    np.testing.assert_array_equal(maps, images64)


def test_the_scores_are_those_of_the_clean_input(pooled, images):
    expected = explain(gradients, pooled, images).scores

    actual = explain(tta(gradcam, scales=(0.5,)), pooled, images).scores

    np.testing.assert_array_equal(actual, expected)


def test_smoothing_tta_without_noise_is_tta(pooled64, images64):
    expected = explain(tta(gradcam, scales=(0.5,)), pooled64, images64, 1).maps

    actual = explain(smooth(tta(gradcam, scales=(0.5,)), noise=0, repetitions=2), pooled64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_smoothed_tta_is_nested_loops_over_single_calls(pooled64, images64):
    def noisy_mean(n):
        at_the_same_level = smooth(unchanged(echo), repetitions=n)
        return explain(at_the_same_level, pooled64, images64[:1]).maps[0, ..., 0] - images64[0]

    noises = [noisy_mean(1), 2 * noisy_mean(2) - noisy_mean(1)]
    expected = np.mean([by_hand(gradcam, pooled64, images64 + noise, 1, (0.5,)) for noise in noises], axis=0)

    actual = explain(smooth(tta(gradcam, scales=(0.5,)), repetitions=2), pooled64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_with_mirroring_only_smooth_and_tta_agree_in_the_mean(pooled64, images64):
    outer, inner = (
        np.stack([explain(make(seed), pooled64, images64[:1], 1).maps for seed in range(2)])
        for make in (
            lambda seed: smooth(tta(resize(gradients), scales=()), repetitions=200, noise=0.5, seed=seed),
            lambda seed: tta(smooth(resize(gradients), repetitions=200, noise=0.5, seed=seed), scales=()),
        )
    )
    spread = explain(smooth(gradients, repetitions=200, noise=0.5, reduce="variance"), pooled64, images64[:1], 1).maps
    errors = np.sqrt(spread[0].max() / 400) * np.sqrt(2)

    assert np.abs(outer.mean(axis=0) - inner.mean(axis=0)).max() < 5 * errors


def test_the_model_sees_each_view_once_and_the_clean_input_is_one_of_them():
    rows = RowsOf()

    seen = rows.counted(lambda: explain(tta(gradcam, scales=(0.5,)), rows.model, rows.images, batch_size=6))

    assert sum(seen) == 6 * 4


def test_the_model_sees_repetitions_times_views_and_the_clean_input_once():
    rows = RowsOf()
    explainer = smooth(tta(gradcam, scales=(0.5,)), repetitions=3)

    seen = rows.counted(lambda: explain(explainer, rows.model, rows.images, batch_size=6))

    assert sum(seen) == 6 * (3 * 4 + 1)


def in_plain_loops(explainer, model, inputs, scales, hflip):
    """`by_hand` for any number of axes of positions, the last of which is the width."""
    shape, views = inputs.shape[1:-1], []
    for scale in [1.0, *scales]:
        scaled = inputs if scale == 1.0 else grids.each(inputs, [max(1, round(side * scale)) for side in shape])
        for mirror in (False, True) if hflip else (False,):
            view = mirrored(scaled, inputs.ndim - 2) if mirror else scaled
            maps = explain(explainer, model, np.ascontiguousarray(view, "float32"), 1).maps
            maps = mirrored(maps, inputs.ndim - 2) if mirror else maps
            tail = maps.shape[inputs.ndim - 1 :]  # (channels,) targets
            flat = maps.reshape(*maps.shape[: inputs.ndim - 1], -1)
            views.append(grids.each(flat, shape).reshape(*inputs.shape[:-1], *tail))
    return np.mean(views, axis=0)


@pytest.mark.parametrize("explainer", [gradcam, gradients], ids=str)
def test_volumes_are_mirrored_along_their_width_alone(explainer, volumes, blocks):
    expected = in_plain_loops(explainer, volumes, blocks, (1.5,), hflip=True)

    actual = explain(tta(explainer, scales=(1.5,)), volumes, blocks, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("explainer", [gradcam, gradients], ids=str)
def test_time_is_never_turned_around(explainer, series, waves):
    expected = in_plain_loops(explainer, series, waves, (1.5,), hflip=False)

    actual = explain(tta(explainer, scales=(1.5,)), series, waves, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_a_series_of_one_size_is_told_what_is_left():
    inputs = keras.Input((6, 2))
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs))))

    with pytest.raises(UnfitInput, match=r"takes 6 alone: write tta\(\.\.\., scales=\(\)\), or build"):
        explain(tta(gradients), model, np.ones((2, 6, 2), "float32"))


def test_a_model_of_one_size_is_refused_with_a_way_out(flattened64):
    inputs = np.ones((2, 6, 6, 2))

    with pytest.raises(UnfitInput, match=r"takes 6 x 6 alone: write tta\(\.\.\., scales=\(\)\)"):
        explain(tta(gradcam), flattened64, inputs)
    assert explain(tta(gradcam, scales=()), flattened64, inputs).maps.shape == (2, 6, 6, 1)


def test_views_that_are_too_small_are_refused_with_the_smallest_that_works():
    inputs = keras.Input((None, None, 2))
    features = keras.layers.Conv2D(3, 3, activation="relu")(keras.layers.Conv2D(3, 3, activation="relu")(inputs))
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(features))
    model = settled(keras.Model(inputs, outputs))

    with pytest.raises(UnfitInput, match=r"scale 0\.5 .* the smallest that work are 5 x 5; .* at least 0\.\d+"):
        explain(tta(gradcam), model, np.ones((2, 8, 8, 2), "float32"))


def test_a_table_has_no_views(table, rows):
    with pytest.raises(ModelError, match="tta makes views of inputs with positions"):
        explain(tta(gradients), table, rows)


def test_tokens_and_several_inputs_have_no_views(table, rows):
    words = keras.Input((5,), dtype="int32")
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 3)(words))
    reader = settled(keras.Model(words, keras.layers.Dense(2)(pooled)))
    picture, row = keras.Input((None, None, 1)), keras.Input((5,))
    joined = keras.layers.Concatenate()([keras.layers.GlobalAveragePooling2D()(picture), row])
    both = settled(keras.Model([picture, row], keras.layers.Dense(2)(joined)))

    for model, inputs in ((reader, np.ones((2, 5), int)), (both, [np.ones((4, 6, 6, 1)), rows])):
        with pytest.raises(ModelError, match=r"tta makes views of inputs with positions.*leave tta out"):
            explain(tta(gradients), model, inputs)


def test_scales_refuse_zero():
    with pytest.raises(ParameterError, match="scales must be more than 0"):
        tta(gradcam, scales=(0.0,))
