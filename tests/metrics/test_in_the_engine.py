"""Metrics run where explanations do: no batch, order, neighbour, replica or compiler changes a figure."""

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import draws
from tests.oracles.counting import RowsOf
from tests.oracles.weights import settled
from xaikit import (
    completeness,
    complexity,
    explain,
    faithfulness_correlation,
    find,
    gradcam,
    infidelity,
    localization_auc,
    max_sensitivity,
    method,
    mufidelity,
    pointing_game,
    relevance_mass,
    relevance_rank,
    sensitivity_n,
    sparseness,
)
from xaikit.core import Explanation, forward, gradient, keras, per_target
from xaikit.measuring.run import measured

ALL = [
    completeness,
    complexity,
    faithfulness_correlation(samples=5),
    infidelity(samples=5),
    localization_auc,
    max_sensitivity(samples=3),
    mufidelity(samples=5, cells=3),
    pointing_game(tolerance=1),
    relevance_mass,
    relevance_rank,
    sensitivity_n(shares=(0.1, 0.5), samples=5),
    sparseness,
]
MASKS = np.random.default_rng(8).random((5, 8, 8)) < 0.2
MASKS[3] = False
ORDER = np.array([4, 0, 3, 1, 2])


@pytest.fixture(scope="module")
def counted():
    """An explainer, and a list that grows each time it is traced on the clean inputs."""
    traces = []

    @method
    def slopes(model, *, factor: float = 1.0):
        def step(inputs, targets):
            traces.append(inputs)
            scores = forward(model, inputs, targets)
            return Explanation(scores, per_target(lambda score: factor * gradient(score, inputs), scores))

        return step

    return slopes, traces


def figures(metrics, *arguments, **options):
    """The figures of all metrics, [N, metrics, T], measured together."""
    parts = measured(metrics, *arguments, **options)
    return np.concatenate([np.stack([part.values[repr(metric)] for metric in metrics], axis=1) for part in parts])


@pytest.fixture(scope="module")
def expected(counted, pooled64, images64):
    found = figures(ALL, counted[0], pooled64, images64, [0, 1, 2, 3, 0], MASKS, batch_size=8)
    assert np.isnan(found).sum() == 4  # the empty mask, and nothing else
    return found


def test_no_batch_and_no_order_changes_a_figure(counted, expected, pooled64, images64):
    targets = np.array([0, 1, 2, 3, 0])

    for size in (1, 3, 5):
        actual = figures(ALL, counted[0], pooled64, images64, targets, MASKS, batch_size=size)
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)
    actual = figures(ALL, counted[0], pooled64, images64[ORDER], targets[ORDER], MASKS[ORDER], batch_size=2)
    np.testing.assert_allclose(actual, expected[ORDER], rtol=1e-12, atol=1e-13)


def test_values_new_targets_and_short_batches_are_one_trace(counted, expected, pooled64, images64):
    slopes, traces = counted
    before = len(traces)

    again = [metric() for metric in ALL]  # equal values made anew
    figures(again, slopes(), pooled64, images64, 1, MASKS, batch_size=2)

    assert len(traces) == before


def test_several_targets_are_measured_one_by_one(counted, expected, pooled64, images64):
    places = [2, 4, 5]  # subsets, masks, copies
    metrics = [ALL[place] for place in places]
    targets = np.array([[0, 2], [1, 2], [2, 2], [3, 2], [0, 2]])
    second = figures(ALL, counted[0], pooled64, images64, 2, MASKS)

    actual = figures(metrics, counted[0], pooled64, images64, targets, MASKS)

    assert actual.shape == (5, 3, 2)
    np.testing.assert_allclose(actual[..., 0], expected[:, places, 0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(actual[..., 1], second[:, places, 0], rtol=1e-12, atol=1e-13)


def test_maps_are_measured_as_the_explainer_that_made_them(counted, expected, pooled64, images64):
    places = [0, 2, 4]
    explained = explain(counted[0], pooled64, images64, [0, 1, 2, 3, 0])

    actual = figures([ALL[place] for place in places], explained, pooled64, images64, "top1", MASKS, batch_size=2)

    np.testing.assert_allclose(actual, expected[:, places], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("metric", "rows"),
    [
        (completeness, 6 + 6),
        (sparseness, 6),
        (mufidelity(samples=7), 6 + 6 * 7),
        (faithfulness_correlation(samples=7), 6 + 6 * 7),
        (sensitivity_n(shares=(0.2, 0.6), samples=4), 6 + 6 * 8),
        (infidelity(samples=7), 6 + 6 * 7),
        (max_sensitivity(samples=7), 6 + 6 * 7),
    ],
    ids=lambda value: getattr(getattr(value, "declaration", None), "name", None),
)
def test_the_model_sees_the_rows_of_the_cost_and_never_more_than_the_budget(metric, rows, counts):
    seen = counts.counted(lambda: metric(gradcam, counts.model, counts.images, 0, batch_size=16))

    assert sum(seen) == rows
    assert max(seen) <= 16


@pytest.fixture(scope="module")
def counts():
    return RowsOf()


def small():
    inputs = keras.Input((5,))
    return settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs)))


def test_two_replicas_are_one_device():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    one, rows, masks = small(), draws((5, 5)), draws((5, 5), seed=3) > 0
    with strategy.scope():
        two = small()
    metrics = [faithfulness_correlation(samples=5), localization_auc]
    expected = figures(metrics, find("gradients"), one, rows, "top1", masks, batch_size=2)

    actual = figures(metrics, find("gradients"), two, rows, "top1", masks, batch_size=2)

    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_xla_gives_the_same_figures():
    model, rows, masks = small(), draws((5, 5)), draws((5, 5), seed=3) > 0
    metrics = [mufidelity(samples=5), localization_auc, max_sensitivity(samples=2)]
    expected = figures(metrics, find("gradients"), model, rows, "top1", masks, batch_size=12)

    actual = figures(metrics, find("gradients"), model, rows, "top1", masks, batch_size=12, jit=True)

    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
