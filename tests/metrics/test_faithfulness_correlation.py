"""Faithfulness correlation: positions taken away one subset at a time, closed forms, and what it has in common."""

import numpy as np
import pytest

from tests.oracles.networks import Pooled
from tests.oracles.removals import drawn_subsets, sums_and_drops
from xaikit import explain, faithfulness_correlation, gradients, input_x_gradient, integrated_gradients, sensitivity_n
from xaikit.errors import ModelError, ParameterError


def test_it_is_the_correlation_over_subsets_of_positions(pooled64, images64):
    images, maps = images64[:2, :5, :4], np.random.default_rng(3).normal(size=(2, 5, 4, 1))
    network, units = Pooled(pooled64), np.arange(20).reshape(5, 4)
    subsets = drawn_subsets(20, [4] * 15)
    expected = [
        np.corrcoef(
            sums_and_drops(
                lambda one: network.logits(one[np.newaxis])[0, 1],
                image,
                relevance,
                units,
                subsets,
                np.broadcast_to(image.mean(axis=(0, 1)), image.shape),
            )
        )[0, 1]
        for image, relevance in zip(images, maps[..., 0], strict=True)
    ]

    actual = faithfulness_correlation(samples=15, baseline="mean")(maps, pooled64, images, 1)

    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize(("size", "baseline"), [(1, 0.0), (23, 0.7)])
def test_of_a_linear_score_the_parts_correlate_exactly(size, baseline, linear64, rectangles64):
    parts = integrated_gradients(steps=1, baseline=baseline)

    actual = faithfulness_correlation(samples=8, size=size, baseline=baseline)(parts, linear64, rectangles64, 2)

    np.testing.assert_allclose(actual, 1, atol=1e-12)


def test_it_is_one_point_of_sensitivity_n_and_turns_with_the_sign(table, rows):
    expected = sensitivity_n(shares=(0.4,), samples=20, seed=3)(gradients, table, rows)
    measure = faithfulness_correlation(samples=20, size=2, seed=3)

    np.testing.assert_allclose(measure(gradients, table, rows), expected, atol=1e-12)
    turned = explain(gradients, table, rows)
    np.testing.assert_allclose(measure(-3 * turned.maps, table, rows, turned.targets), -expected, atol=1e-5)


def test_a_map_or_a_score_that_stays_the_same_has_no_correlation(table, rows, linear64, rectangles64):
    measure = faithfulness_correlation(samples=20)
    still = np.broadcast_to(rectangles64[:, :1, :1], rectangles64.shape)

    assert np.isnan(measure(np.full((4, 5, 1), 0.1, "float32"), table, rows)).all()
    assert np.isnan(measure(np.full((3, 2, 3, 1), 0.1), linear64, rectangles64, 0)).all()
    assert np.isnan(faithfulness_correlation(baseline="mean", samples=20)(input_x_gradient, linear64, still, 0)).all()


def test_however_many_positions_a_constant_map_has_no_correlation(pointwise64):
    image = np.random.default_rng(2).normal(size=(1, 90, 110, 3))

    for size in (30, 2001, 9001):
        measure = faithfulness_correlation(samples=20, size=size)
        assert np.isnan(measure(np.full((1, 90, 110, 1), 0.1), pointwise64, image, 0))


def test_a_size_that_leaves_nothing_is_refused(table, rows):
    with pytest.raises(ModelError, match="size must be less than the 5 positions there are, not 5"):
        faithfulness_correlation(size=5)(gradients, table, rows)
    with pytest.raises(ParameterError, match="size must be at least 0, not -1"):
        faithfulness_correlation(size=-1)
