"""LayerCAM: each value times its own positive slope."""

import numpy as np
import pytest

from tests.oracles.networks import convolved, convolved_back
from xaikit import explain, hirescam, layercam
from xaikit.errors import UnknownName


def test_layercam_is_the_features_times_their_positive_slopes(flattened_case):
    model, inputs, features, slopes, _ = flattened_case
    expected = np.einsum("bhwk,hwkt->bhwt", features, np.maximum(slopes, 0))

    actual = explain(layercam, model, inputs, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_an_early_layer_is_read_with_its_own_slopes(pooled64, images64):
    kernel1, bias1 = pooled64.get_layer("conv1").get_weights()
    kernel2, bias2 = pooled64.get_layer("conv2").get_weights()
    share = pooled64.get_layer("head").get_weights()[0][:, 1] / 16
    hidden = np.maximum(convolved(images64, kernel1, bias1), 0)
    slopes = convolved_back((convolved(hidden, kernel2, bias2, 2) > 0) * share, hidden, kernel2, 2)
    expected = (np.maximum(slopes, 0) * hidden).sum(axis=-1)

    actual = explain(layercam(layer="conv1"), pooled64, images64, 1).maps[..., 0]

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_where_no_slope_is_negative_layercam_is_hirescam(flattened_case, changed):
    model = changed(flattened_case.model, head=lambda kernel, bias: [np.abs(kernel), bias])
    expected = explain(hirescam, model, flattened_case.inputs, "all").maps

    actual = explain(layercam, model, flattened_case.inputs, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-14)


def test_features_keep_their_sign(given64):
    features = np.random.default_rng(4).normal(size=(2, 4, 4, 2))
    slopes = given64.get_layer("head").get_weights()[0][:, 0].reshape(4, 4, 2)
    expected = (np.maximum(slopes, 0) * features).sum(axis=-1)

    actual = explain(layercam, given64, features, 0).maps[..., 0]

    assert actual.min() < 0 < actual.max()
    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_logits_times_a_factor_scale_maps_by_it_and_a_constant_does_nothing(pooled64, images64):
    expected = 3.0 * explain(layercam, pooled64, images64, 2).maps

    actual = explain(layercam, pooled64, images64, lambda scores: 3.0 * scores[:, 2] + 5.0).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_an_unknown_layer_is_refused(pooled, images):
    with pytest.raises(UnknownName, match="has no layer named 'conv3'"):
        explain(layercam(layer="conv3"), pooled, images)
