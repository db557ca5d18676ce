"""Maximum sensitivity: each copy explained by itself, and explainers that do not move."""

import numpy as np
import pytest

from tests.oracles.removals import drawn_uniforms
from xaikit import explain, find, gradients, max_sensitivity, method
from xaikit.core import Explanation, forward, tf
from xaikit.errors import ParameterError, UsageError


def written_out(explainer, model, images, targets, radius, count, seed=0):
    """The largest relative change of the map, each copy explained by a call of its own."""
    clean = explain(explainer, model, images, targets).maps[..., 0].reshape(len(images), -1)
    span = np.ptp(images, axis=tuple(range(1, images.ndim)), keepdims=True)
    found = []
    for draw in drawn_uniforms(count, images.shape[1:], seed):
        moved = images + radius * span * (2 * draw - 1)
        maps = explain(explainer, model, moved, targets).maps[..., 0].reshape(len(images), -1)
        found.append(np.linalg.norm(maps - clean, axis=1) / np.linalg.norm(clean, axis=1))
    return np.max(found, axis=0)


@pytest.mark.parametrize("text", ["gradcam", "smooth(gradients, repetitions=3)"])
def test_it_is_the_largest_change_of_the_map_by_its_norm(text, pooled64, images64):
    targets = explain(gradients, pooled64, images64).targets[:, 0]
    expected = written_out(find(text), pooled64, images64, targets, 0.2, 4, seed=1)

    actual = max_sensitivity(samples=4, radius=0.2, seed=1)(find(text), pooled64, images64)

    np.testing.assert_allclose(actual, expected, rtol=1e-9)


@method
def constant(model, *, value: float = 2.0):
    """Say the same of every input."""

    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        return Explanation(scores, value * tf.ones_like(inputs)[..., tf.newaxis] + tf.zeros_like(scores[:1, :]))

    return step


def test_an_explainer_that_says_the_same_of_every_input_does_not_move(table, rows, linear64, rectangles64):
    np.testing.assert_array_equal(max_sensitivity(constant, table, rows), np.zeros(4))
    np.testing.assert_allclose(max_sensitivity(gradients, linear64, rectangles64), 0, atol=1e-12)
    assert np.isnan(max_sensitivity(constant(value=0.0), table, rows)).all()


def test_the_target_is_that_of_the_input_and_the_scale_of_a_map_does_not_matter(table, rows):
    measure = max_sensitivity(samples=3, radius=3.0)  # far enough for other classes to be the best
    targets = explain(gradients, table, rows).targets[:, 0]

    top = measure(gradients, table, rows)

    np.testing.assert_array_equal(top, measure(gradients, table, rows, targets))
    assert (top > 0.1).all()


def test_maps_and_no_radius_are_refused(table, rows):
    with pytest.raises(UsageError, match="give it the explainer, not its maps"):
        max_sensitivity(np.ones((4, 5, 1), "float32"), table, rows)
    with pytest.raises(ParameterError, match="radius must be more than 0"):
        max_sensitivity(radius=0.0)
