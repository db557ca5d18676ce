"""Positions in the order of their relevance: whole shares of them, equals by chance, several inputs together."""

import numpy as np
import pytest
import tensorflow as tf

from xaikit.errors import ModelError
from xaikit.measuring.ranking import position_count, ranks, relevance, replaced
from xaikit.measuring.removal import counts_of


def ranked(values, seed=0, jit=False):
    return tf.function(lambda x: ranks(x, (seed,)), jit_compile=jit)(tf.constant(values)).numpy()


def test_places_are_a_permutation_in_descending_order():
    values = np.random.default_rng(0).integers(0, 5, size=(20, 12)).astype("float32")

    places = ranked(values)

    np.testing.assert_array_equal(np.sort(places), np.tile(np.arange(12), (20, 1)))
    ordered = np.take_along_axis(values, np.argsort(places), axis=1)
    assert (np.diff(ordered) <= 0).all()


def test_equals_are_in_every_order_alike_often():
    draw = tf.function(lambda: tf.map_fn(lambda i: ranks(tf.zeros([1, 4]), (0, i))[0], tf.range(2400)))
    many = draw().numpy()

    orders, counts = np.unique(many, axis=0, return_counts=True)

    assert len(orders) == 24
    assert np.abs(counts - 100).max() <= 4 * np.sqrt(100 * 23 / 24) + 1


@pytest.mark.parametrize("jit", [False, True])
def test_the_sign_of_zero_does_not_matter(jit):
    zeros = np.zeros((2, 9), "float32")
    signed = zeros.copy()
    signed[:, ::2] = -0.0

    np.testing.assert_array_equal(ranked(signed, jit=jit), ranked(zeros))


def test_every_example_and_seed_has_its_order_of_equals():
    places = ranked(np.zeros((3, 30), "float32"))

    np.testing.assert_array_equal(places, places[[0, 0, 0]])
    assert (places != ranked(np.zeros((3, 30), "float32"), seed=1)).any()


@pytest.mark.parametrize(
    ("shares", "positions", "expected"),
    [
        ([0, 0.5, 1], 10, [0, 5, 10]),
        ([0, 0.25, 0.5, 0.75, 1], 6, [0, 2, 3, 5, 6]),  # halves are rounded up
        ([i / 50 for i in range(51)], 3, [0, 1, 2, 3]),  # a count comes once
        ([0.0, 0.145], 100, [0, 15]),  # 0.145 * 100 is 14.499999999999998 in floats
    ],
)
def test_shares_are_the_nearest_whole_numbers_of_positions(shares, positions, expected):
    np.testing.assert_array_equal(counts_of(shares, positions), expected)


def test_positions_of_several_inputs_stand_one_after_the_other():
    inputs = {"picture": tf.zeros([2, 2, 3, 2]), "row": tf.zeros([2, 4])}
    maps = {"picture": tf.ones([2, 2, 3, 2]), "row": 5 * tf.ones([2, 4])}  # an attribution adds up over channels
    gone = tf.constant([[False, True, False, False, False, False, True, False, False, False]] * 2)

    changed = replaced(gone, maps, inputs, tf.nest.map_structure(tf.ones_like, inputs))

    np.testing.assert_array_equal(relevance(maps, inputs), [[2] * 6 + [5] * 4] * 2)
    assert position_count(maps, inputs) == 10
    assert changed["picture"].numpy().sum() == 2 * 2
    np.testing.assert_array_equal(changed["picture"][:, 0, 1], np.ones((2, 2)))
    np.testing.assert_array_equal(changed["row"], [[1, 0, 0, 0]] * 2)


def test_an_input_that_no_map_lies_on_stays():
    inputs = [tf.zeros([1, 4]), tf.zeros([1, 2, 2, 3])]
    changed = replaced(tf.ones([1, 4], tf.bool), tf.ones([1, 2, 2]), inputs, [tf.ones([1, 4]), tf.ones([1, 2, 2, 3])])

    assert changed[0].numpy().sum() == 0
    assert changed[1].numpy().sum() == 12


def test_sizes_that_are_not_known_are_refused():
    @tf.function(input_signature=[tf.TensorSpec([None, None, 5, 3])])
    def look(inputs):
        return position_count(inputs, inputs)

    with pytest.raises(ModelError, match="inputs of a known size"):
        look.get_concrete_function()
