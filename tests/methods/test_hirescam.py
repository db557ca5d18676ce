"""HiResCAM: each value times its own slope."""

import numpy as np
import pytest

from tests.oracles.networks import Pooled
from xaikit import explain, gradcam, hirescam
from xaikit.errors import ModelError


def test_hirescam_is_the_features_times_their_slopes(flattened_case):
    model, inputs, features, slopes, _ = flattened_case
    expected = np.einsum("bhwk,hwkt->bhwt", features, slopes)

    actual = explain(hirescam, model, inputs, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_with_one_linear_layer_after_it_a_map_adds_up_to_the_logit_less_the_bias(flattened_case):
    model, inputs, _, _, bias = flattened_case

    scores, maps = explain(hirescam, model, inputs, "all")

    np.testing.assert_allclose(maps.sum(axis=(1, 2)) + bias, scores, atol=1e-12)


def test_on_a_pooled_linear_head_hirescam_is_gradcam(pooled64, images64):
    expected = explain(gradcam, pooled64, images64, "all").maps

    scores, maps = explain(hirescam, pooled64, images64, "all")

    np.testing.assert_allclose(maps, expected, atol=1e-12)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)) + Pooled(pooled64).bias, scores, atol=1e-12)


def test_maps_are_linear_in_the_score(flattened_case):
    model, inputs, *_ = flattened_case
    every = explain(hirescam, model, inputs, "all").maps
    expected = 2.0 * every[..., 0] - 3.0 * every[..., 2]

    actual = explain(hirescam, model, inputs, lambda scores: 2.0 * scores[:, 0] - 3.0 * scores[:, 2] + 7.0).maps

    np.testing.assert_allclose(actual[..., 0], expected, atol=1e-12)


def test_half_precision_gives_the_maps_of_full_precision(pooled, halved, images):
    expected = explain(hirescam, pooled, images, 2).maps

    actual = explain(hirescam, halved, images, 2).maps

    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=0.02 * np.abs(expected).max())


def test_a_layer_without_positions_is_refused(pooled, images):
    with pytest.raises(ModelError, match="without positions: choose another layer"):
        explain(hirescam(layer="pool"), pooled, images)
