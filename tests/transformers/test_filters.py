"""The filters as transformers: what each does to raw maps, and to whose."""

import numpy as np
import pytest

from tests.oracles.explainers import constant, echo
from xaikit import absolute, explain, gradcam, gradients, negative, normalize, positive

METHODS = [gradients, gradcam]


@pytest.fixture
def ramp(series):
    """A map of [0, -1, 2, -3] in one channel of a series, by an explainer that echoes it."""
    values = np.stack([[0.0, -1.0, 2.0, -3.0], [1.0, 1.0, 1.0, 1.0]], axis=-1)[np.newaxis].astype("float32")
    return lambda transformer: explain(transformer(echo), series, values).maps[0, :, 0, 0]


@pytest.mark.parametrize(
    ("transformer", "expected"),
    [(positive, [0, 0, 2, 0]), (negative, [0, -1, 0, -3]), (absolute, [0, 1, 2, 3]), (normalize, [0.6, 0.4, 1, 0])],
    ids=str,
)
def test_filters_on_a_ramp(transformer, expected, ramp):
    np.testing.assert_allclose(ramp(transformer), expected, atol=1e-7)


@pytest.mark.parametrize("explainer", METHODS, ids=str)
def test_the_positive_and_the_negative_part_make_the_whole(explainer, pooled, images):
    whole, above, below = (
        explain(e, pooled, images).maps for e in (explainer, positive(explainer), negative(explainer))
    )

    np.testing.assert_array_equal(above + below, whole)


@pytest.mark.parametrize("explainer", METHODS, ids=str)
def test_the_positive_less_the_negative_part_is_the_absolute_value(explainer, pooled, images):
    size, above, below = (
        explain(e, pooled, images).maps for e in (absolute(explainer), positive(explainer), negative(explainer))
    )

    np.testing.assert_array_equal(above - below, size)


@pytest.mark.parametrize("explainer", METHODS, ids=str)
def test_normalized_maps_span_zero_to_one_each_target_by_itself(explainer, pooled, images):
    raw = explain(explainer, pooled, images, "all").maps
    axes = tuple(range(1, raw.ndim - 1))
    low, high = raw.min(axis=axes, keepdims=True), raw.max(axis=axes, keepdims=True)
    expected = np.where(high > low, (raw - low) / np.where(high > low, high - low, 1), 0)

    actual = explain(normalize(explainer), pooled, images, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_normalizing_twice_is_normalizing_once(pooled, images):
    expected = explain(normalize(gradcam), pooled, images).maps

    actual = explain(normalize(normalize(gradcam)), pooled, images).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0, 3e38])
def test_a_constant_map_is_normalized_to_zero(value, pooled, images):
    maps = explain(normalize(constant(value=value)), pooled, images).maps

    assert (maps == 0).all()


def test_a_range_that_no_float_holds_is_normalized(series):
    values = np.zeros((1, 4, 2), "float32")
    values[0, :, 0] = [-3e38, 0, 1.5e38, 3e38]

    maps = explain(normalize(echo), series, values).maps[0, :, 0, 0]

    np.testing.assert_allclose(maps, [0, 0.5, 0.75, 1], atol=1e-6)


@pytest.mark.parametrize("transformer", [absolute, positive, negative, normalize], ids=str)
def test_filters_leave_the_scores_alone(transformer, pooled, images):
    expected = explain(gradcam, pooled, images, "all").scores

    actual = explain(transformer(gradcam), pooled, images, "all").scores

    np.testing.assert_array_equal(actual, expected)
