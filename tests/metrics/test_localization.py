"""Metrics that compare with masks: oracles that count pairs, orders and maxima one by one, and closed forms."""

import itertools

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.oracles.weights import settled
from xaikit import localization_auc, pointing_game, relevance_mass, relevance_rank
from xaikit.errors import InputError, ModelError, ParameterError, UsageError

DRAWS = np.random.default_rng(7)
METRICS = [localization_auc, pointing_game, relevance_mass, relevance_rank]
MASKS = DRAWS.random((3, 4, 6)) < 0.3
NAMES = [metric.declaration.name for metric in METRICS]


@pytest.fixture(scope="module")
def measured(linear64, rectangles64):
    """Measure maps [3, 4, 6, ...] beside masks [3, 4, 6]."""
    return lambda metric, maps, masks=MASKS: metric(maps, linear64, rectangles64, 0, masks)


def tied(shape=(3, 4, 6, 2, 1)):
    """Maps with many equal values."""
    return DRAWS.integers(-2, 3, size=shape).astype("float64")


def mean_over_orders(values, inside):
    """The share of the K first in the mask, over all orders of what is equal, for few positions."""
    size = inside.sum()
    ways = [
        np.mean([inside[i] for i in order[:size]])
        for order in itertools.permutations(range(len(values)))
        if all(values[a] >= values[b] for a, b in itertools.pairwise(order))
    ]
    return np.mean(ways)


def test_the_area_is_that_of_the_curve_ties_and_all(measured):
    maps = tied()
    relevance = maps[..., 0].sum(axis=3)
    expected = [roc_auc_score(m.ravel(), r.ravel()) for m, r in zip(MASKS, relevance, strict=True)]

    np.testing.assert_allclose(measured(localization_auc, maps), expected, atol=1e-12)
    np.testing.assert_allclose(measured(localization_auc, -maps), 1 - np.array(expected), atol=1e-12)


def test_mass_is_the_share_of_the_positive_sums_over_channels(measured):
    maps = DRAWS.normal(size=(3, 4, 6, 2, 1))
    positive = np.maximum(maps[..., 0].sum(axis=3), 0)
    expected = (positive * MASKS).sum(axis=(1, 2)) / positive.sum(axis=(1, 2))

    np.testing.assert_allclose(measured(relevance_mass, maps), expected, atol=1e-12)
    np.testing.assert_allclose(measured(relevance_mass, 3e307 * maps), expected, atol=1e-12)  # their sum overflows


def test_rank_is_the_mean_over_the_orders_of_what_is_equal(table, rows):
    maps = np.array([[1, 1, 1, 0, 2], [3, 3, 3, 3, 3], [0, -1, -1, -1, -2], [5, 4, 3, 2, 1]], "float32")[..., None]
    masks = np.array([[1, 0, 0, 1, 0], [1, 1, 0, 0, 0], [0, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)
    expected = [mean_over_orders(values, inside) for values, inside in zip(maps[..., 0], masks, strict=True)]

    np.testing.assert_allclose(relevance_rank(maps, table, rows, 0, masks), expected, atol=1e-6)


def test_pointing_hits_with_the_share_of_the_maxima_that_lie_in_the_mask(measured):
    maps = tied((3, 4, 6, 1))
    relevance = maps[..., 0]
    expected = [m[r == r.max()].mean() for m, r in zip(MASKS, relevance, strict=True)]

    assert 0 < np.mean(expected) < 1
    np.testing.assert_allclose(measured(pointing_game, maps), expected, atol=1e-12)


@pytest.mark.parametrize("tolerance", [1, 2, 5])
def test_a_hit_may_be_as_far_from_the_mask_as_is_tolerated(tolerance, measured):
    masks = np.zeros((3, 4, 6), bool)
    masks[:, 0, 1] = masks[1, 3, 5] = True
    maps = np.zeros((3, 4, 6, 1))
    places = [(2, 3), (2, 3), (1, 1)]
    for one, place in zip(maps, places, strict=True):
        one[place] = 1
    expected = [
        min(np.hypot(*(np.array(place) - spot)) for spot in np.argwhere(mask)) <= tolerance
        for place, mask in zip(places, masks, strict=True)
    ]

    np.testing.assert_array_equal(measured(pointing_game(tolerance=tolerance), maps, masks), expected)


def test_a_constant_map_is_at_chance(measured):
    maps, area = np.full((3, 4, 6, 1), 0.1), MASKS.mean(axis=(1, 2))

    found = {metric.declaration.name: measured(metric, maps) for metric in METRICS}

    np.testing.assert_allclose(found["localization_auc"], 0.5, atol=1e-12)
    for name in ("pointing_game", "relevance_mass", "relevance_rank"):
        np.testing.assert_allclose(found[name], area, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS, ids=NAMES)
def test_a_map_inside_of_the_mask_is_perfect_and_one_outside_has_nothing(metric, measured):
    maps = MASKS[..., np.newaxis] * DRAWS.uniform(1, 2, size=(3, 4, 6, 1))
    outside = ~MASKS[..., np.newaxis] * DRAWS.uniform(1, 2, size=(3, 4, 6, 1))

    np.testing.assert_allclose(measured(metric, maps), 1, atol=1e-12)
    np.testing.assert_allclose(measured(metric, outside), 0, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS, ids=NAMES)
def test_an_empty_mask_is_nan_and_its_neighbours_are_not(metric, measured):
    masks = MASKS.copy()
    masks[1] = False

    found = measured(metric, tied((3, 4, 6, 1)), masks)

    assert np.isnan(found).tolist() == [False, True, False]


def test_nothing_to_tell_apart_is_nan(measured):
    full = np.ones((3, 4, 6), bool)

    assert np.isnan(measured(localization_auc, tied((3, 4, 6, 1)), full)).all()
    assert np.isnan(measured(relevance_mass, -np.ones((3, 4, 6, 1)))).all()
    np.testing.assert_array_equal(measured(relevance_rank, tied((3, 4, 6, 1)), full), 1)


@pytest.mark.parametrize("metric", [localization_auc, pointing_game, relevance_rank], ids=lambda m: m.declaration.name)
def test_orders_do_not_see_a_scale_and_a_shift(metric, measured):
    maps = tied((3, 4, 6, 1))

    np.testing.assert_array_equal(measured(metric, 3 * maps + 1), measured(metric, maps))


def test_location_maps_are_resized_to_the_mask(measured):
    coarse = np.zeros((3, 2, 3, 1))
    coarse[:, 0, 0] = 1
    masks = np.zeros((3, 4, 6), bool)
    masks[:, :1, :1] = True

    np.testing.assert_array_equal(measured(pointing_game, coarse, masks), 1)


def test_masks_of_series_volumes_and_tokens(series, waves, volumes, blocks):
    wave = np.arange(27.0, dtype="float32").reshape(3, 9, 1)
    block = np.arange(240.0, dtype="float32").reshape(2, 4, 6, 5, 1)
    last = np.zeros((3, 9), bool)
    last[:, -2] = True
    corner = np.zeros((2, 4, 6, 5), bool)
    corner[:, -1, -1, -2] = True

    assert pointing_game(wave, series, waves, 0, last).tolist() == [0, 0, 0]
    assert pointing_game(tolerance=1)(wave, series, waves, 0, last).tolist() == [1, 1, 1]
    assert pointing_game(tolerance=1)(block, volumes, blocks, 0, corner).tolist() == [1, 1]


def test_refusals_are_in_words(measured, table, rows):
    maps = tied((3, 4, 6, 1))
    with pytest.raises(InputError, match=r"positions of the inputs, \(None, 4, 6\), not \(None, 6, 4\)"):
        measured(relevance_mass, maps, MASKS.transpose(0, 2, 1))
    with pytest.raises(UsageError, match="compares with masks"):
        measured(relevance_mass, maps, None)
    with pytest.raises(ModelError, match="leave tolerance at 0"):
        pointing_game(tolerance=1)(np.ones((4, 5, 1), "float32"), table, rows, 0, np.ones((4, 5), bool))
    with pytest.raises(ParameterError, match="tolerance must be at least 0"):
        pointing_game(tolerance=-1)


def test_a_model_with_several_inputs_is_refused(rows):
    inputs = [keras.Input((5,)), keras.Input((5,))]
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Add()(inputs))))
    maps = [np.ones((4, 5, 1), "float32")] * 2

    with pytest.raises(ModelError, match="A mask lies on one input"):
        relevance_rank(maps, model, [rows, rows], 0, np.ones((4, 5), bool))
