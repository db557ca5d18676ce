"""XGrad-CAM: slopes averaged by each position's share of the feature."""

import numpy as np
import pytest

from xaikit import explain, gradcam, xgradcam
from xaikit.errors import UnknownName


def written_out(features, slopes):
    """The paper's weights, feature by feature: [h, w, K] twice to [h, w]."""
    maps = np.zeros(features.shape[:2])
    for k in range(features.shape[2]):
        total = features[..., k].sum()
        if total != 0:
            maps += (features[..., k] / total * slopes[..., k]).sum() * features[..., k]
    return maps


def test_xgradcam_is_what_the_paper_says(flattened_case):
    model, inputs, features, slopes, _ = flattened_case
    expected = [[written_out(each, slopes[..., t]) for t in range(3)] for each in features]

    actual = explain(xgradcam, model, inputs, "all").maps

    np.testing.assert_allclose(np.moveaxis(actual, -1, 1), expected, atol=1e-12)


def test_on_a_pooled_linear_head_xgradcam_is_gradcam(pooled64, images64):
    expected = explain(gradcam, pooled64, images64, "all").maps

    actual = explain(xgradcam, pooled64, images64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=2e-9)


def test_the_map_adds_up_to_the_features_times_their_slopes(flattened_case):
    model, inputs, features, slopes, _ = flattened_case
    expected = np.einsum("bhwk,hwkt->bt", features, slopes)  # the paper's conservation

    actual = explain(xgradcam, model, inputs, "all").maps.sum(axis=(1, 2))

    np.testing.assert_allclose(actual, expected, atol=1e-10)


def test_features_that_add_up_to_nothing_weigh_nothing(given64):
    features = np.random.default_rng(3).normal(size=(2, 4, 4, 2))
    features[0, ..., 0] = [[1, -1, 2, -2]] * 4
    features[1, ..., 1] = 0
    slopes = given64.get_layer("head").get_weights()[0][:, 2].reshape(4, 4, 2)
    expected = [written_out(each, slopes) for each in features]

    actual = explain(xgradcam, given64, features, 2).maps[..., 0]

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_maps_are_linear_in_the_score(flattened_case):
    model, inputs, *_ = flattened_case
    every = explain(xgradcam, model, inputs, "all").maps
    expected = 2.0 * every[..., 0] - 3.0 * every[..., 2]

    actual = explain(xgradcam, model, inputs, lambda scores: 2.0 * scores[:, 0] - 3.0 * scores[:, 2] + 7.0).maps

    np.testing.assert_allclose(actual[..., 0], expected, atol=1e-12)


def test_an_unknown_layer_is_refused(pooled, images):
    with pytest.raises(UnknownName, match=r"has no layer named 'conv22'\. Did you mean 'conv2'"):
        explain(xgradcam(layer="conv22"), pooled, images)
