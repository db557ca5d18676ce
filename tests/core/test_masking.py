"""Scores of masked copies: each in its own place, and never more rows than the budget at once."""

import keras
import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import explain, method, smooth
from xaikit.core import Count, Explanation, forward, tf
from xaikit.core.masking import masked_scores


@method
def faded(model, *, copies: Count = 7):
    """Give the scores of copies that are multiplied by 0, 1, 2 and so on: maps [B, 1, 1, copies, T]."""

    def step(inputs, targets):
        found = masked_scores(model, inputs, targets, copies, lambda i: inputs * tf.cast(i, inputs.dtype))
        return Explanation(forward(model, inputs, targets), tf.transpose(found, [0, 2, 1])[:, tf.newaxis, tf.newaxis])

    return step


@pytest.fixture(scope="module")
def counting():
    return RowsOf()


def shown(maps):
    return maps[:, 0, 0]  # [B, copies, T]


@pytest.mark.parametrize("budget", [1, 2, 5, 12, 64])
def test_every_copy_has_the_scores_of_its_own(budget, pooled64, images64):
    oracle = Pooled(pooled64)
    expected = np.stack([oracle.logits(images64 * i) for i in range(7)], axis=1)

    actual = shown(explain(faded, pooled64, images64, "all", batch_size=budget).maps)

    np.testing.assert_allclose(actual, expected, atol=1e-10)


@pytest.mark.parametrize("budget", [5, 12])
def test_every_example_keeps_its_own_targets(budget, pooled64, images64):
    targets = np.array([[0, 1], [2, 3], [3, 0], [1, 1], [2, 0]])
    every = explain(faded, pooled64, images64, "all", batch_size=1).maps
    expected = np.take_along_axis(every, targets[:, np.newaxis, np.newaxis, np.newaxis], axis=-1)

    actual = explain(faded, pooled64, images64, targets, batch_size=budget).maps

    np.testing.assert_allclose(actual, expected, atol=1e-10)


@pytest.mark.parametrize("budget", [1, 2, 3, 6, 15, 64])
def test_the_model_sees_each_copy_once_and_never_more_rows_than_the_budget(budget, counting):
    seen = counting.counted(lambda: explain(faded, counting.model, counting.images, 1, batch_size=budget))

    assert max(seen) <= budget
    assert sum(seen) == 6 * (1 + 7)


def test_several_targets_cost_no_more_rows(counting):
    seen = counting.counted(lambda: explain(faded, counting.model, counting.images, "all", batch_size=6))

    assert sum(seen) == 6 * (1 + 7)


def test_a_batch_with_room_left_takes_several_copies_at_a_time(counting):
    seen = counting.counted(lambda: explain(faded, counting.model, counting.images[:2], 1, batch_size=6))

    assert sorted(seen) == [2, 2, 6, 6]  # the clean inputs; seven copies in three helpings


@pytest.mark.parametrize(("budget", "targets"), [(3, 1), (40, "all")])
def test_copies_of_copies_share_one_budget(budget, targets, counting):
    explainer = smooth(faded(copies=4), repetitions=3)

    seen = counting.counted(lambda: explain(explainer, counting.model, counting.images, targets, batch_size=budget))

    assert max(seen) <= budget
    assert sum(seen) == 6 * (1 + 3 * 4)  # the noisy inputs' own scores are looked at for their type alone


@pytest.mark.parametrize("budget", [2, 5, 64])
def test_no_budget_changes_a_score_beyond_rounding(budget, pooled, images):
    expected = explain(faded, pooled, images, "all", batch_size=1).maps

    actual = explain(faded, pooled, images, "all", batch_size=budget).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6 * np.abs(expected).max())


def test_on_a_linear_layer_of_powers_of_two_no_budget_changes_a_bit():
    """Sums that are exact have no rounding to hide a score in a wrong place."""
    inputs = keras.Input((2, 2, 1))
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs))))
    model.set_weights([np.arange(8.0).reshape(4, 2), np.zeros(2)])
    examples = np.arange(20.0, dtype="float32").reshape(5, 2, 2, 1)
    expected = explain(faded, model, examples, "all", batch_size=1).maps

    for budget in (2, 3, 5, 12, 64):
        np.testing.assert_array_equal(explain(faded, model, examples, "all", batch_size=budget).maps, expected)


@pytest.mark.parametrize("budget", [2, 12])
def test_xla_gives_the_same_with_a_short_last_helping(budget, pooled, images):
    expected = explain(faded, pooled, images, "all", batch_size=budget, jit=False).maps

    actual = explain(faded, pooled, images, "all", batch_size=budget, jit=True).maps

    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())


def test_a_target_function_makes_as_many_columns_as_it_likes(pooled64, images64):
    expected = explain(faded, pooled64, images64, "all", batch_size=12).maps[..., 1:]

    actual = explain(faded, pooled64, images64, lambda scores: scores[:, 1:], batch_size=12).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)
