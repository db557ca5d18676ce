"""over_channels: one value for each position."""

import numpy as np
import pytest

from xaikit import absolute, explain, gradcam, gradients, over_channels

WAYS = {
    "max": lambda maps: maps.max(axis=-2),
    "mean": lambda maps: maps.mean(axis=-2),
    "sum": lambda maps: maps.sum(axis=-2),
    "l2": lambda maps: np.sqrt((maps**2).sum(axis=-2)),
}


@pytest.mark.parametrize("how", WAYS)
def test_channels_are_reduced_as_asked(how, pooled, images):
    expected = WAYS[how](explain(gradients, pooled, images).maps)

    actual = explain(over_channels(gradients, how=how), pooled, images).maps

    assert actual.shape == (5, 8, 8, 1)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("how", ["max", "mean"])
def test_of_a_linear_score_the_saliency_is_the_reduced_size_of_its_weights(how, linear64, rectangles64):
    weights = np.abs(linear64.get_layer("head").kernel.numpy()).reshape(4, 6, 2, 3)
    expected = np.broadcast_to(WAYS[how](weights), (3, 4, 6, 3))

    actual = explain(over_channels(absolute(gradients), how=how), linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_location_maps_pass(pooled, images):
    expected = explain(gradcam, pooled, images).maps

    actual = explain(over_channels(gradcam), pooled, images).maps

    np.testing.assert_array_equal(actual, expected)


def test_maps_of_tables_pass(table, rows):
    expected = explain(gradients, table, rows).maps

    actual = explain(over_channels(gradients), table, rows).maps

    np.testing.assert_array_equal(actual, expected)


def test_the_sum_is_the_mean_times_the_channels(pooled, images):
    expected = 3 * explain(over_channels(gradients, how="mean"), pooled, images).maps

    actual = explain(over_channels(gradients, how="sum"), pooled, images).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)
