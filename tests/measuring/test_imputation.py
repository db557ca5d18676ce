"""Imputation from neighbours: the dense solution in any number of axes, constants, and ramps."""

import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import removal
from xaikit.measuring import imputation
from xaikit.measuring.imputation import imputed

graph = tf.function(imputed, autograph=False)
xla = tf.function(imputed, autograph=False, jit_compile=True)


def solved(values, removed, run=graph):
    return run(tf.constant(values), tf.constant(removed)[..., tf.newaxis]).numpy()


def masks(sides, shares=(0.3, 0.9)):
    """Removed at random, at some shares, and in one piece around a corner: [masks, *sides]."""
    draws = np.random.default_rng(5)
    chances = [draws.random(sides) < share for share in shares]
    far = sum(np.meshgrid(*[np.arange(side) / side for side in sides], indexing="ij"))
    return np.stack([*chances, far > np.quantile(far, 0.2), far < np.quantile(far, 0.6)])


@pytest.mark.parametrize("sides", [(17, 14), (40,), (7, 6, 5), (2, 3)])
def test_values_are_the_dense_solution(sides):
    removed = masks(sides)
    removed[:, *[0] * len(sides)] = False
    values = np.random.default_rng(6).normal(size=(len(removed), *sides, 2))
    expected = [removal.imputed(*pair) for pair in zip(values, removed, strict=True)]

    actual = solved(values, removed)

    np.testing.assert_allclose(actual, expected, atol=2e-4)
    np.testing.assert_array_equal(actual[~removed], values[~removed])


def test_a_large_hole_is_filled_in_float32():
    values = np.random.default_rng(7).normal(size=(1, 50, 41, 1)).cumsum(1).cumsum(2).astype("float32") / 40
    removed = np.ones((1, 50, 41), bool)
    removed[:, :, :3] = removed[:, 30:] = False
    expected = removal.imputed(values[0].astype("float64"), removed[0])

    actual = solved(values, removed)

    np.testing.assert_allclose(actual[0], expected, atol=1e-3 * np.abs(values).max())


def test_a_constant_stays_that_constant():
    values = np.full((4, 17, 14, 3), 0.7, "float32")

    np.testing.assert_allclose(solved(values, masks((17, 14))), values, rtol=1e-6)


def test_nothing_removed_changes_nothing():
    values = np.random.default_rng(8).normal(size=(2, 9, 9, 3)).astype("float32")

    np.testing.assert_array_equal(solved(values, np.zeros((2, 9, 9), bool)), values)


def test_the_inside_of_a_ramp_is_recovered():
    rows, columns = np.meshgrid(np.arange(20.0), np.arange(16.0), indexing="ij")
    ramp = (2 * rows - 3 * columns + 1)[np.newaxis, ..., np.newaxis]
    removed = np.zeros((1, 20, 16), bool)
    removed[:, 4:15, 3:13] = True  # linear functions solve the equations inside, and not at the border

    np.testing.assert_allclose(solved(ramp, removed), ramp, atol=1e-4 * np.ptp(ramp))


def test_one_position_that_is_left_is_everywhere():
    values = np.random.default_rng(9).normal(size=(1, 5, 6, 2))
    removed = np.ones((1, 5, 6), bool)
    removed[0, 2, 3] = False

    np.testing.assert_allclose(solved(values, removed), np.broadcast_to(values[:, 2:3, 3:4], values.shape), atol=1e-12)


def test_examples_that_need_more_iterations_change_no_others():
    removed = masks((17, 14))
    values = np.random.default_rng(6).normal(size=(len(removed), 17, 14, 2)).astype("float32")
    expected = [solved(values[i : i + 1], removed[i : i + 1])[0] for i in range(len(values))]

    np.testing.assert_array_equal(solved(values, removed), expected)


def test_xla_gives_what_the_graph_gives():
    removed = masks((7, 5))
    values = np.random.default_rng(6).normal(size=(len(removed), 7, 5, 2)).astype("float32")

    np.testing.assert_allclose(solved(values, removed, xla), solved(values, removed), atol=1e-4)


@pytest.mark.parametrize("sides", [(64,), (20, 17), (9, 8, 10)])
def test_the_preconditioner_is_symmetric_and_near_the_inverse_whatever_the_size(sides):
    removed = np.ones(sides, bool)
    removed[tuple(side // 4 for side in sides)] = removed[tuple(side - 1 for side in sides)] = False
    places = np.flatnonzero(removed)
    columns = tf.constant(np.eye(removed.size)[places].reshape(-1, *sides, 1))
    grids = imputation._grids(tf.constant(removed[np.newaxis, ..., np.newaxis], tf.float64))

    cycle = tf.function(lambda x: imputation._cycle(grids, x), autograph=False)(columns)
    cycle, equations = (each.numpy().reshape(len(places), -1)[:, places] for each in (cycle, grids[0].applied(columns)))

    np.testing.assert_allclose(cycle, cycle.T, atol=1e-12)
    sizes = np.sort(np.linalg.eigvals(cycle @ equations).real)
    assert sizes[0] > 0.05  # a mode for each of the two known positions, which cost an iteration each
    assert sizes[2] > 0.3
    assert sizes[-1] < 1.7
