"""Grad-CAM: features weighed by their mean slope."""

import numpy as np
import pytest

from tests.oracles.networks import Pooled
from xaikit import explain, gradcam, positive
from xaikit.errors import ModelError


def written_out(features, slopes):
    """Equations 1 and 2 of the paper, one example after the other: [B, h, w, K] twice to [B, h, w]."""
    maps = np.zeros(features.shape[:-1])
    for i in range(len(features)):
        for k in range(features.shape[-1]):
            weight = slopes[i, ..., k].mean()  # eq. 1
            maps[i] += weight * features[i, ..., k]  # eq. 2, without its ReLU
    return maps


def test_on_a_pooled_linear_head_gradcam_is_cam_over_the_number_of_positions(pooled64, images64):
    oracle = Pooled(pooled64)
    features = oracle.features(images64)
    expected = features @ oracle.weights / (features.shape[1] * features.shape[2])

    actual = explain(gradcam, pooled64, images64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_on_a_flattened_head_gradcam_is_what_the_paper_says(flattened64):
    inputs = np.random.default_rng(6).normal(size=(4, 6, 6, 2))
    kernel, bias = flattened64.get_layer("conv").get_weights()
    head = flattened64.get_layer("head").get_weights()[0]
    windows = np.lib.stride_tricks.sliding_window_view(inputs, (3, 3), axis=(1, 2))
    features = np.maximum(np.einsum("bijchw,hwck->bijk", windows, kernel) + bias, 0)
    slopes = np.broadcast_to(head[:, 2].reshape(4, 4, 3), features.shape)
    expected = written_out(features, slopes)

    actual = explain(gradcam, flattened64, inputs, 2).maps[..., 0]

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_another_layer_is_read_by_its_name(pooled64, images64):
    oracle = Pooled(pooled64)
    hidden = np.maximum(_first(oracle, images64), 0)
    slopes = _slopes_at_first(oracle, hidden, 1)
    expected = written_out(hidden, slopes)

    result = explain(gradcam(layer="conv1"), pooled64, images64, 1)

    assert result.notes["layer"] == "conv1"
    np.testing.assert_allclose(result.maps[..., 0], expected, atol=1e-12)


def _first(oracle, inputs):
    from tests.oracles.networks import convolved

    return convolved(inputs, oracle.kernel1, oracle.bias1)


def _slopes_at_first(oracle, hidden, target):
    from tests.oracles.networks import convolved, convolved_back

    before = convolved(hidden, oracle.kernel2, oracle.bias2, 2)
    share = oracle.weights[:, target] / (before.shape[1] * before.shape[2])
    return convolved_back((before > 0) * share, hidden, oracle.kernel2, 2)


def test_maps_are_raw_and_signed(pooled, images):
    maps = explain(gradcam, pooled, images, "all").maps

    assert maps.shape == (5, 4, 4, 4)
    assert maps.min() < 0 < maps.max()


def test_logits_times_a_factor_scale_maps_by_it(pooled64, images64):
    expected = 3.0 * explain(gradcam, pooled64, images64, 2).maps
    head = pooled64.get_layer("head")
    before = head.get_weights()
    try:
        head.set_weights([3.0 * values for values in before])
        actual = explain(gradcam, pooled64, images64, 2).maps
    finally:
        head.set_weights(before)

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_maps_are_linear_in_the_score(pooled64, images64):
    def mixed(scores):
        return 2.0 * scores[:, 0] - 3.0 * scores[:, 3]

    every = explain(gradcam, pooled64, images64, "all").maps
    expected = 2.0 * every[..., 0] - 3.0 * every[..., 3]

    actual = explain(gradcam, pooled64, images64, mixed).maps[..., 0]

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_the_target_matters(pooled, images):
    maps = explain(positive(gradcam), pooled, images, "all").maps

    assert not np.allclose(maps[..., 0], maps[..., 1])


@pytest.mark.parametrize(("model", "inputs", "shape"), [("series", "waves", (5,)), ("volumes", "blocks", (2, 3, 3))])
def test_gradcam_reads_positions_of_one_and_of_three_axes(model, inputs, shape, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    bias = model.layers[-1].bias.numpy()

    scores, maps = explain(gradcam, model, inputs, "all")

    assert maps.shape == (len(inputs), *shape, 3)
    positions = tuple(range(1, maps.ndim - 1))
    np.testing.assert_allclose(maps.sum(axis=positions) + bias, scores, atol=1e-5)


def test_a_table_has_no_layer_with_positions(table, rows):
    with pytest.raises(ModelError, match="No layer on the way to the scores of model 'table' has positions"):
        explain(gradcam, table, rows)
