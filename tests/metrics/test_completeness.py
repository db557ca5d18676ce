"""Completeness: nothing is missing of exact maps, and what is missing of others is what one can count."""

import numpy as np
import pytest

from tests.oracles.networks import Pooled
from xaikit import completeness, explain, gradients, input_x_gradient, integrated_gradients
from xaikit.errors import ParameterError


@pytest.mark.parametrize("baseline", [0.0, -0.5, "mean"])
def test_of_a_linear_score_nothing_is_missing(baseline, linear64, rectangles64):
    explained = explain(integrated_gradients(steps=3, baseline=baseline), linear64, rectangles64, 1)

    gaps = completeness(baseline=baseline)(explained, linear64, rectangles64)

    assert gaps.dtype == "float64"
    np.testing.assert_allclose(gaps, 0, atol=1e-12)


def test_the_gap_is_how_far_the_sum_is_from_what_the_baseline_lacks(pooled64, images64):
    maps = np.random.default_rng(3).normal(size=(5, 8, 8, 3, 1))
    network = Pooled(pooled64)
    promised = (network.logits(images64) - network.logits(0 * images64 + 0.3))[:, 2]
    expected = np.abs(maps.sum(axis=(1, 2, 3, 4)) - promised)

    absolute = completeness(baseline=0.3)(maps, pooled64, images64, 2)
    relative = completeness(baseline=0.3, relative=True)(maps, pooled64, images64, 2)

    np.testing.assert_allclose(absolute, expected, atol=1e-9)
    np.testing.assert_allclose(relative, expected / np.abs(promised), atol=1e-9)


def test_it_is_the_size_of_the_gap_that_methods_report(pooled64, images64):
    explained = explain(integrated_gradients(steps=4), pooled64, images64, "top2", details=True)

    np.testing.assert_allclose(
        completeness(explained, pooled64, images64), np.abs(explained.details["completeness_gap"]), atol=1e-12
    )


def test_location_maps_add_up_as_they_are_and_not_as_they_are_resized(linear64, rectangles64):
    maps = np.random.default_rng(3).normal(size=(3, 2, 3, 1))
    promised = rectangles64.reshape(3, -1) @ np.asarray(linear64.get_layer("head").kernel)[:, 0]

    actual = completeness(maps, linear64, rectangles64, 0)

    np.testing.assert_allclose(actual, np.abs(maps.sum(axis=(1, 2, 3)) - promised), atol=1e-9)


def test_f_is_the_score_that_is_explained(pooled64, images64):
    explained = explain(integrated_gradients(steps=40), pooled64, images64, scores="outputs")

    assert (completeness(explained, pooled64, images64, scores="outputs") < 0.05).all()
    assert (completeness(explained, pooled64, images64) > 0.1).any()


def test_what_is_equal_to_its_baseline_has_no_share(linear64):
    still = np.zeros((1, 4, 6, 2))

    assert completeness(gradients, linear64, still, 0) > 0.1
    assert completeness(input_x_gradient, linear64, still, 0) == 0
    assert np.isnan(completeness(relative=True)(gradients, linear64, still, 0))


def test_a_baseline_that_is_drawn_is_refused(linear64, rectangles64):
    with pytest.raises(ParameterError, match="draws another one than the explainer did"):
        completeness(baseline="uniform")(gradients, linear64, rectangles64, 0)
