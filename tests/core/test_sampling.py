"""Sampling until a standard error is reached: by each example alone, and what is reported of it."""

import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.explainers import echo
from xaikit import average, expected_gradients, explain, gradients, positive, smooth, tta
from xaikit.core.sampling import BLOCK, MOST
from xaikit.errors import ParameterError, XaikitWarning

NOISY = smooth(echo, noise=1.0)  # one value of a map is the mean of n normals: its standard error is 1 / sqrt(n)


def test_samples_are_taken_until_the_standard_error_is_below_the_tolerance(pooled64, images64):
    found = explain(NOISY(tolerance=0.1), pooled64, images64, 1, details=True)
    errors, counts = found.details["standard_error"], found.details["samples"]

    assert errors.shape == counts.shape == (5, 1)
    assert (errors <= 0.1).all()
    assert (counts % BLOCK == 0).all()
    # the largest of 192 estimates of 1 / sqrt(n) lies somewhat above it
    assert (counts >= 100).all()
    assert (counts <= 2.5 * 100).all()


def test_the_standard_error_is_the_one_of_the_same_number_of_samples(pooled64, images64):
    stopped = explain(NOISY(tolerance=0.15), pooled64, images64[:1], 1, details=True)
    count = int(stopped.details["samples"][0, 0])
    fixed = explain(NOISY(repetitions=count), pooled64, images64[:1], 1, details=True)
    variance = explain(NOISY(repetitions=count, reduce="variance"), pooled64, images64[:1], 1).maps

    np.testing.assert_allclose(stopped.maps, fixed.maps, atol=1e-12)
    np.testing.assert_allclose(fixed.details["standard_error"], np.sqrt(variance / (count - 1)).max(), rtol=1e-9)
    assert fixed.details["samples"].tolist() == [[count]]


def test_no_sample_less_would_have_done(pooled64, images64):
    stopped = explain(NOISY(tolerance=0.15), pooled64, images64[:1], 1, details=True)
    count = int(stopped.details["samples"][0, 0])
    before = explain(NOISY(repetitions=count - BLOCK), pooled64, images64[:1], 1, details=True)

    assert before.details["standard_error"][0, 0] > 0.15


@pytest.mark.parametrize("budget", [1, 3, 64])
def test_each_example_and_target_stops_by_itself(budget, pooled, images):
    explainer = smooth(gradients, noise=2.0, tolerance=0.004)
    one = explain(explainer, pooled, images[2:3], 1, batch_size=budget, details=True)
    together = explain(explainer, pooled, images, "all", batch_size=budget, details=True)
    counts = together.details["samples"]

    assert len(np.unique(counts)) > 1
    assert counts[2, 1] == one.details["samples"][0, 0]
    np.testing.assert_allclose(together.maps[2, ..., 1], one.maps[0, ..., 0], atol=1e-6 * np.abs(one.maps).max())


def test_the_budget_holds_and_the_model_sees_no_more_rows_than_are_needed():
    counting = RowsOf()
    found = []
    seen = counting.counted(
        lambda: found.append(
            explain(smooth(gradients, tolerance=1e9), counting.model, counting.images, 1, batch_size=6, details=True)
        )
    )

    assert max(seen) <= 6
    assert sum(seen) == 6 * (1 + BLOCK)
    assert (found[0].details["samples"] == BLOCK).all()


def test_squares_have_a_tolerance_too_and_the_variance_has_none(pooled64, images64):
    squares = NOISY(reduce="square", tolerance=0.5)
    found = explain(squares, pooled64, np.zeros_like(images64[:1]), 1, details=True)

    assert found.details["standard_error"].max() <= 0.5
    np.testing.assert_allclose(found.maps.mean(), 1.0, atol=0.1)
    with pytest.raises(ParameterError, match="tolerance is for means"):
        explain(NOISY(reduce="variance", tolerance=0.5), pooled64, images64)


def test_what_cannot_be_reached_is_said(pooled64, images64, monkeypatch):
    monkeypatch.setattr("xaikit.core.sampling.MOST", 2 * BLOCK)

    with pytest.warns(XaikitWarning, match=f"after {2 * BLOCK} samples"):
        found = explain(NOISY(tolerance=0.01), pooled64, images64[:2], 1, details=True)

    assert (found.details["samples"] == 2 * BLOCK).all()
    assert MOST == 100_000


def test_expected_gradients_stop_within_the_tolerance_of_their_limit(pooled64, images64):
    limit = explain(expected_gradients(samples=1500), pooled64, images64[:2], 1).maps
    found = explain(expected_gradients(tolerance=0.02, seed=5), pooled64, images64[:2], 1, details=True)

    assert found.details["samples"].max() < 1000
    assert np.abs(found.maps - limit).max() < 4 * 0.02 * np.sqrt(2)


def test_xla_and_replicas_take_the_same_samples(pooled, images):
    explainer = smooth(gradients, noise=2.0, tolerance=0.004)
    plain = explain(explainer, pooled, images, 1, details=True)
    compiled = explain(explainer, pooled, images, 1, details=True, jit=True)

    np.testing.assert_array_equal(compiled.details["samples"], plain.details["samples"])
    np.testing.assert_allclose(compiled.maps, plain.maps, atol=1e-5 * np.abs(plain.maps).max())


def test_details_are_reported_of_the_users_inputs_alone(pooled, images):
    assert explain(smooth(gradients), pooled, images).details == {}
    assert explain(gradients, pooled, images, details=True).details == {}
    inner = smooth(gradients, repetitions=2)
    for jit in (False, True):
        around = explain(smooth(inner, repetitions=3), pooled, images[:2], details=True, jit=jit, batch_size=2)
        assert (around.details["samples"] == 3).all()
        assert explain(tta(inner, scales=()), pooled, images[:2], details=True, jit=jit, batch_size=2).details == {}
    passed = explain(positive(inner), pooled, images[:2], details=True).details
    assert (passed["samples"] == 2).all()


def test_two_explainers_report_under_their_own_spellings(pooled, images):
    first, second = smooth(gradients, repetitions=2), smooth(gradients, repetitions=3)
    details = explain(average(first, second), pooled, images, details=True).details

    assert set(details) == {f"{name} of {e!r}" for name in ("samples", "standard_error") for e in (first, second)}
