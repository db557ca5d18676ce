"""Copies within the row budget: never more rows at once, and no budget changes a map."""

import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.explainers import constant, echo
from xaikit import absolute, explain, gradcam, gradients, normalize, smooth, tta

COSTS = {  # rows of the model per example, as the docstrings say
    gradients: 1,
    gradcam: 1,
    absolute(gradients): 1,
    smooth(gradients, repetitions=3): 3 + 1,
    smooth(smooth(gradients, repetitions=2), repetitions=3): 3 * 2 + 1,
    tta(gradients, scales=()): 2,
    tta(gradcam, scales=(0.5, 2.0), hflip=False): 3,
    normalize(smooth(absolute(gradcam), repetitions=2)): 2 + 1,
    smooth(tta(gradcam, scales=(0.5,)), repetitions=2): 2 * 4 + 1,
}


@pytest.fixture(scope="module")
def counting():
    return RowsOf()


@pytest.mark.parametrize("explainer", COSTS, ids=repr)
def test_the_model_sees_the_rows_that_the_cost_says_and_never_more_than_the_budget(explainer, counting):
    expected = 6 * COSTS[explainer]
    maps = {}
    for budget in (1, 2, 3, 6, 64):  # sizes that divide six examples: no row is padding
        seen = counting.counted(
            lambda budget=budget: maps.update(
                {budget: explain(explainer, counting.model, counting.images, 1, batch_size=budget).maps}
            )
        )

        assert max(seen) <= budget
        assert sum(seen) == expected
    for budget in (2, 3, 6, 64):
        np.testing.assert_allclose(maps[budget], maps[1], atol=1e-6 * np.abs(maps[1]).max())


def test_several_targets_cost_no_more_rows(counting):
    explainer = smooth(gradcam, repetitions=3)

    seen = counting.counted(lambda: explain(explainer, counting.model, counting.images, "all", batch_size=6))

    assert sum(seen) == 6 * 4


def test_a_batch_with_room_left_takes_several_copies_at_a_time(counting):
    explainer = smooth(gradients, repetitions=10)

    full = counting.counted(lambda: explain(explainer, counting.model, counting.images, 1, batch_size=6))
    single = counting.counted(lambda: explain(explainer, counting.model, counting.images[:1], 1, batch_size=6))

    assert sorted(full) == [6] * 11
    assert sorted(single) == [1, 4, 6]  # the clean input; ten copies in two helpings


def test_a_short_last_helping_is_weighed_like_the_others(pooled64, images64):
    expected = explain(smooth(echo, repetitions=7), pooled64, images64[:1], 1, batch_size=1).maps

    actual = explain(smooth(echo, repetitions=7), pooled64, images64[:1], 1, batch_size=3).maps

    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("reduce", ["mean", "square", "variance"])
def test_no_budget_changes_the_order_of_the_sums(reduce, pooled, images):
    explainer = smooth(echo, repetitions=5, reduce=reduce)
    expected = explain(explainer, pooled, images, 1, batch_size=1).maps

    for budget in (2, 5, 8, 64):
        np.testing.assert_array_equal(explain(explainer, pooled, images, 1, batch_size=budget).maps, expected)


def test_levels_draw_independently(pooled64):
    zeros = np.zeros((1, 8, 8, 3))
    twice = smooth(smooth(echo, noise=1.0, repetitions=1), noise=1.0, repetitions=1)
    maps = explain(twice, pooled64, zeros).maps

    np.testing.assert_allclose(maps.std(), np.sqrt(2), atol=0.25)  # the same noise twice would give 2


def test_an_average_keeps_what_does_not_vary(pooled, images):
    explainer = smooth(tta(constant(value=0.3), scales=(0.5,)), repetitions=3)

    np.testing.assert_allclose(explain(explainer, pooled, images).maps, 0.3, rtol=1e-5)
