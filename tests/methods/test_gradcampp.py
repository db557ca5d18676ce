"""Grad-CAM++: positive slopes, each with the coefficient of its position."""

import numpy as np
import pytest

from tests.oracles.networks import Pooled
from xaikit import explain, gradcampp
from xaikit.errors import ModelError


def written_out(features, slopes):
    """Equations 5, 19 and 20, without exp(S) and the last ReLU: [h, w, K] twice to [h, w]."""
    maps = np.zeros(features.shape[:2])
    for k in range(features.shape[2]):
        total, weight = features[..., k].sum(), 0.0
        for slope in slopes[..., k].flat:
            below = 2 * slope**2 + slope**3 * total
            alpha = slope**2 / below if below != 0 else 0.0  # eq. 19
            weight += alpha * max(slope, 0.0)  # eq. 5
        maps += weight * features[..., k]  # eq. 20
    return maps


def test_gradcampp_is_what_the_paper_says(flattened_case):
    model, inputs, features, slopes, _ = flattened_case
    expected = [[written_out(each, slopes[..., t]) for t in range(3)] for each in features]

    actual = explain(gradcampp, model, inputs, "all").maps

    np.testing.assert_allclose(np.moveaxis(actual, -1, 1), expected, atol=1e-12)


def test_where_slopes_are_constant_the_coefficients_are_too(pooled64, images64):
    oracle = Pooled(pooled64)
    features = oracle.features(images64)
    slopes = oracle.weights[:, 2] / 16
    alphas = 1 / (2 + slopes * features.sum(axis=(1, 2)))  # [B, K]
    expected = np.einsum("bhwk,bk->bhw", features, 16 * alphas * np.maximum(slopes, 0))

    actual = explain(gradcampp, pooled64, images64, 2).maps[..., 0]

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_maps_are_finite_at_logits_of_a_thousand(pooled, images, changed):
    model = changed(pooled, head=lambda kernel, bias: [3e3 * kernel, bias])

    scores, maps = explain(gradcampp, model, images, "all")

    assert np.abs(scores).max() > 1e3
    assert np.isfinite(maps).all()
    assert maps.any()


def test_where_the_denominator_is_0_so_is_the_coefficient(given64, changed):
    model = changed(given64, head=lambda kernel, bias: [np.full_like(kernel, 0.5), bias])
    features = np.zeros((1, 4, 4, 2))
    features[0, 1, 2] = [-4, 3]  # 2 + 0.5 * -4 = 0
    expected = np.zeros((4, 4))
    expected[1, 2] = 16 * 0.5 / (2 + 0.5 * 3) * 3

    actual = explain(gradcampp, model, features, 1).maps[0, ..., 0]

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_a_constant_added_to_the_logits_changes_nothing(pooled64, images64):
    expected = explain(gradcampp, pooled64, images64, 1).maps

    actual = explain(gradcampp, pooled64, images64, lambda scores: scores[:, 1] + 500.0).maps

    np.testing.assert_allclose(actual, expected, atol=1e-14)


def test_half_precision_gives_the_maps_of_full_precision(pooled, halved, images):
    expected = explain(gradcampp, pooled, images, 2).maps

    actual = explain(gradcampp, halved, images, 2).maps

    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize(("model", "inputs", "shape"), [("series", "waves", (5,)), ("volumes", "blocks", (2, 3, 3))])
def test_gradcampp_reads_positions_of_one_and_of_three_axes(model, inputs, shape, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)

    maps = explain(gradcampp, model, inputs, "all").maps

    assert maps.shape == (len(inputs), *shape, 3)
    assert maps.any()


def test_a_table_has_no_layer_with_positions(table, rows):
    with pytest.raises(ModelError, match="No layer on the way to the scores of model 'table' has positions"):
        explain(gradcampp, table, rows)
