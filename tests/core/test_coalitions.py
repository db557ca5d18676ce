"""Coalitions: known by their number alone, and of examples with few segments as if there were no more places."""

import numpy as np
import pytest

from xaikit.core import tf
from xaikit.core.coalitions import drawn, every


def half(draws, known):
    """Keep half of them."""
    return tf.zeros_like(draws, tf.int32) + known // 2


def evenly(draws, known):
    return tf.cast(draws * (tf.cast(known, tf.float64) + 1.0), tf.int32)


def coalitions(numbers, present, sizes=evenly, seed=0):
    return tf.function(drawn)(tf.constant(numbers), tf.constant(present), sizes, seed).numpy()


def test_every_coalition_but_none_and_all_is_counted_once():
    kept = every(tf.range(2**4 - 2), tf.ones([1, 4], tf.bool)).numpy()[0]

    assert len({tuple(row) for row in kept}) == 14
    assert set(kept.sum(axis=1)) == {1, 2, 3}


def test_segments_that_are_not_there_are_never_kept():
    present = np.array([[True] * 3 + [False] * 2, [True] * 5])

    for kept in (every(tf.range(30), tf.constant(present)).numpy(), coalitions(range(200), present)):
        assert not kept[0, :, 3:].any()
        assert kept[1, :, 3:].any()


def test_a_coalition_depends_on_its_number_alone():
    present = np.ones((1, 7), bool)
    together = coalitions(range(50), present)

    np.testing.assert_array_equal(coalitions([31, 7, 44], present), together[:, [31, 7, 44]])
    assert (coalitions(range(50), present, seed=1) != together).any()


def test_an_example_with_fewer_segments_has_the_coalitions_of_one_that_never_had_more():
    few = np.array([[True] * 4 + [False] * 5, [True] * 9])
    kept = coalitions(range(4000), few)[0, :, :4]
    share = kept.sum(axis=1)

    np.testing.assert_allclose(np.bincount(share, minlength=5) / 4000, 0.2, atol=4 * np.sqrt(0.16 / 4000))
    np.testing.assert_allclose(kept.mean(axis=0), 0.5, atol=4 * 0.5 / np.sqrt(4000))


@pytest.mark.parametrize("count", [4, 5])
def test_all_coalitions_of_a_size_are_as_likely(count):
    kept = coalitions(range(6000), np.ones((1, count), bool), half)[0]
    found, counts = np.unique(kept, axis=0, return_counts=True)
    number = {4: 6, 5: 10}[count]
    error = np.sqrt(6000 / number)

    assert (kept.sum(axis=1) == count // 2).all()
    assert len(found) == number
    assert (np.abs(counts - 6000 / number) < 4 * error).all()
