"""Draws: the same numbers eagerly, in a graph and under XLA, and other ones for other keys."""

import numpy as np
import pytest
import tensorflow as tf

from xaikit.core.draws import bits, normal, uniform
from xaikit.core.tracing import at_level


@pytest.mark.parametrize("draw", [bits, uniform, normal])
def test_a_graph_draws_what_eager_code_draws_and_xla_too(draw):
    expected = draw([4, 5], (3, 1)).numpy()

    def drawn(number):
        return draw([4, 5], (3, number))

    graph = tf.function(drawn, autograph=False)(tf.constant(1)).numpy()
    compiled = tf.function(drawn, autograph=False, jit_compile=True)(tf.constant(1)).numpy()

    np.testing.assert_array_equal(graph, expected)
    np.testing.assert_allclose(compiled, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("key", [(4,), (3, 0), (3, 1), (3, 0, 0), (3, 0, 1), (3, 1, 0), (2**62,)])
def test_each_key_draws_its_own(key):
    first = bits([100], (3,)).numpy()

    assert (bits([100], key).numpy() != first).mean() > 0.95


def test_each_level_draws_its_own():
    outer = bits([100], (3,)).numpy()
    with at_level(1):
        inner = bits([100], (3,)).numpy()

    assert (outer != inner).mean() > 0.95


def test_uniform_numbers_fill_the_unit_interval():
    values = uniform([100_000], (0,)).numpy()
    counts, _ = np.histogram(values, 10, (0, 1))

    assert values.dtype == np.float32
    assert 0 <= values.min() < values.max() < 1
    np.testing.assert_allclose(counts, 10_000, atol=4 * np.sqrt(9_000))


def test_normal_numbers_have_the_moments_of_the_normal_distribution():
    count = 200_000
    values = normal([count], (7,), tf.float64).numpy()

    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    for power, moment, spread in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs((values**power).mean() - moment) < 4 * np.sqrt(spread / count)


def test_copies_are_not_correlated():
    copies = np.stack([normal([10_000], (0, i)).numpy() for i in range(5)])
    correlations = np.corrcoef(copies) - np.eye(5)

    assert np.abs(correlations).max() < 4 / np.sqrt(10_000)


def test_the_global_generators_are_neither_asked_nor_changed():
    tf.random.set_seed(1)
    np.random.seed(1)
    first = normal([9], (5,)).numpy()
    state = np.random.get_state()[1].copy()
    following = tf.random.uniform([3]).numpy()

    tf.random.set_seed(1)
    np.testing.assert_array_equal(tf.random.uniform([3]).numpy(), following)
    tf.random.set_seed(2)
    np.testing.assert_array_equal(normal([9], (5,)).numpy(), first)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
