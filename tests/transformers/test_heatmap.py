"""heatmap: the convention for looking, as the composition that its docstring says."""

import numpy as np
import pytest

from tests.oracles.explainers import constant
from xaikit import absolute, explain, gradcam, gradients, heatmap, normalize, over_channels, positive, resize


@pytest.mark.parametrize(
    ("shown", "composed"),
    [
        (heatmap(gradcam), normalize(resize(positive(gradcam)))),
        (heatmap(gradients), normalize(resize(over_channels(absolute(gradients))))),
        (heatmap(gradcam, show="size"), normalize(resize(absolute(gradcam)))),
        (heatmap(gradients, show="for"), normalize(resize(positive(over_channels(gradients, how="sum"))))),
    ],
    ids=str,
)
def test_a_heatmap_is_a_composition(shown, composed, pooled, images):
    expected = explain(composed, pooled, images).maps

    actual = explain(shown, pooled, images).maps

    assert actual.shape == (5, 8, 8, 1)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("explainer", [gradcam, over_channels(gradients, how="sum")], ids=str)
def test_a_signed_heatmap_keeps_zero_and_the_signs(explainer, pooled, images):
    raw = explain(resize(explainer), pooled, images, "all").maps
    expected = raw / np.abs(raw).max(axis=(1, 2), keepdims=True)

    actual = explain(heatmap(explainer, show="signed"), pooled, images, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_signed_heatmaps_of_attributions_add_up_the_channels(pooled, images):
    expected = explain(heatmap(over_channels(gradients, how="sum"), show="signed"), pooled, images).maps

    actual = explain(heatmap(gradients, show="signed"), pooled, images).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize(("show", "located"), [("auto", True), ("for", False), ("size", False)])
def test_a_constant_map_becomes_zeros(show, located, pooled, images):
    maps = explain(heatmap(constant(located=located), show=show), pooled, images).maps

    assert (maps == 0).all()


def test_a_map_of_zeros_stays_zeros_with_its_sign(pooled, images):
    maps = explain(heatmap(constant(value=0.0), show="signed"), pooled, images).maps

    assert (maps == 0).all()


def test_a_heatmap_of_a_table_shows_the_size_of_each_feature(table, rows):
    raw = np.abs(explain(gradients, table, rows).maps)
    low, high = raw.min(axis=1, keepdims=True), raw.max(axis=1, keepdims=True)
    expected = (raw - low) / (high - low)

    actual = explain(heatmap(gradients), table, rows).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)
