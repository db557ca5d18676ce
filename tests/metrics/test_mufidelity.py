"""MuFidelity: ranks of cells taken away one subset at a time, and the law of a linear score."""

import numpy as np
import pytest
from scipy import stats

from tests.oracles.masks import cells_of
from tests.oracles.networks import Pooled
from tests.oracles.removals import drawn_subsets, sums_and_drops
from xaikit import gradients, input_x_gradient, mufidelity
from xaikit.errors import ModelError, ParameterError


def test_it_is_the_rank_correlation_over_subsets_of_cells(pooled64, images64):
    images, maps = images64[:2, :7, :5], np.random.default_rng(3).normal(size=(2, 7, 5, 3, 1))
    network, units = Pooled(pooled64), cells_of((7, 5), (3, 3))
    subsets = drawn_subsets(9, [2] * 12, seed=4)  # 0.2 of 9
    expected = [
        stats.spearmanr(
            *sums_and_drops(
                lambda one: network.logits(one[np.newaxis])[0, 1],
                image,
                relevance.sum(axis=2),
                units,
                subsets,
                np.full_like(image, 0.25),
            )
        ).statistic
        for image, relevance in zip(images, maps[..., 0], strict=True)
    ]

    actual = mufidelity(samples=12, cells=3, baseline=0.25, seed=4)(maps, pooled64, images, 1)

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_of_a_linear_score_the_parts_are_in_order(linear64, rectangles64):
    measure = mufidelity(samples=20, cells=2)

    np.testing.assert_allclose(measure(input_x_gradient, linear64, rectangles64, 0), 1, atol=1e-12)


def test_cells_of_equal_size_tell_nothing_of_a_constant_map_and_others_do(linear64, rectangles64):
    constant = np.full((3, 4, 6, 1), 0.1)

    assert np.isnan(mufidelity(samples=20, cells=2)(constant, linear64, rectangles64, 0)).all()
    assert np.isfinite(mufidelity(samples=20, cells=4)(constant, linear64, rectangles64, 0)).all()  # 6 into 4 columns


def test_refusals_are_in_words(linear64, rectangles64):
    with pytest.raises(ParameterError, match=r"share must be less than 1, not 1\.0"):
        mufidelity(share=1.0)
    with pytest.raises(ParameterError, match="samples must be at least 2, not 1"):
        mufidelity(samples=1)
    with pytest.raises(ModelError, match="no probabilities"):
        mufidelity(on="probability")(gradients, linear64, rectangles64, 0)
