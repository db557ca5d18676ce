"""Tokens as positions: which grid they stand on, and the tokens that stand nowhere."""

import numpy as np
import pytest
import tensorflow as tf

from xaikit.core.tokens import Grid, grid_of
from xaikit.errors import ModelError, ParameterError

FOUND = [  # tokens, the shapes of inputs, the grid
    (196, [(None, 224, 224, 3)], (14, 14), 0),
    (197, [(None, 224, 224, 3)], (14, 14), 1),
    (198, [(None, 224, 224, 3)], (14, 14), 2),
    (201, [(None, 224, 224, 3)], (14, 14), 5),
    (205, [(None, 224, 224, 3)], (14, 14), 9),
    (98, [(None, 224, 112, 3)], (14, 7), 0),
    (99, [(None, 112, 224, 3)], (7, 14), 1),
    (253, [(None, 225, 300, 3)], (14, 18), 1),  # patches of 16, what is left over cut off
    (285, [(None, 225, 300, 3)], (15, 19), 0),  # or filled up
    (49, [(None, 64, 64, 3)], (7, 7), 0),  # squares of no whole number of pixels
    (9, [(None, 16, 16, 1)], (3, 3), 0),  # not 2 x 2 after five: the fewest class tokens
    (32, [(None, 8, 16, 16, 1)], (2, 4, 4), 0),
    (65, [(None, 32, 32, 32, 1)], (4, 4, 4), 1),
    (12, [(None, 12)], (12,), 0),
    (13, [(None, 12)], (12,), 1),
    (12, [(None, 12, 3)], (12,), 0),
    (14, [(None, 12, 3)], (12,), 2),
    (3, [(None, 12, 3)], (3,), 0),  # patches of a series
    (17, [(None, 4), (None, 64, 64, 3)], (4, 4), 1),  # the input with most positions counts
]


@pytest.mark.parametrize(("count", "inputs", "sides", "special"), FOUND)
def test_the_grid_has_the_ratio_of_the_input_after_the_fewest_class_tokens(count, inputs, sides, special):
    assert grid_of(count, inputs, subject="It") == Grid(sides, special)


def test_a_token_that_is_known_to_be_no_patch_is_none():
    assert grid_of(4, [(None, 6, 6, 3)], subject="It") == Grid((2, 2))
    assert grid_of(10, [(None, 9, 9, 3)], subject="It", least=1) == Grid((3, 3), 1)
    assert grid_of(9, [(None, 8, 8, 3)], subject="It", least=1) == Grid((2, 2), 5)
    assert grid_of(7, [(None, 24, 3)], subject="It", least=1) == Grid((6,), 1)
    assert grid_of(24, [(None, 24)], subject="It", least=1) == Grid((24,))  # a text's own first token


def test_a_grid_that_is_given_is_taken_and_the_tokens_left_over_come_first():
    assert grid_of(30, [(None, 64, 64, 3)], (4, 5), subject="It") == Grid((4, 5), 10)
    assert grid_of(8, [(None, 24, 3)], (6,), subject="It") == Grid((6,), 2)


def test_tokens_that_fit_no_grid_are_refused_with_their_number():
    with pytest.raises(ModelError, match=r"Layer a has 120 tokens, which fit no grid .* like grid=\(14, 14\)"):
        grid_of(120, [(None, 224, 224, 3)], subject="Layer a")
    with pytest.raises(ModelError, match="It has 5 tokens, which fit no grid"):
        grid_of(5, [(None, 12)], subject="It")  # fewer than a text has
    with pytest.raises(ModelError, match="It has 23 tokens, which fit no grid"):
        grid_of(23, [(None, 12)], subject="It")
    with pytest.raises(ModelError, match="It has 19 tokens, fewer than the 20 of a grid of 4 x 5"):
        grid_of(19, [(None, 64, 64, 3)], (4, 5), subject="It")
    with pytest.raises(ModelError, match="does not say how many tokens"):
        grid_of(None, [(None, 64, 64, 3)], subject="It")


def test_a_grid_needs_a_side_for_each_axis():
    with pytest.raises(ParameterError, match=r"grid must have one side for each axis .* \(2\), not \(16,\)"):
        grid_of(16, [(None, 64, 64, 3)], (16,), subject="It")


def laid(grid, tokens):
    run = tf.function(lambda: (grid.lay(tf.constant(tokens)), grid.put(grid.lay(tf.constant(tokens)) * 2, tokens)))
    return [np.asarray(part) for part in run()]


@pytest.mark.parametrize("special", [0, 3])
def test_tokens_are_laid_row_by_row_without_the_special_ones_and_put_back(special):
    tokens = np.random.default_rng(0).normal(size=(2, special + 6, 4))
    expected = tokens[:, special:].reshape(2, 2, 3, 4)

    placed, back = laid(Grid((2, 3), special), tokens)

    np.testing.assert_array_equal(placed, expected)
    np.testing.assert_array_equal(back[:, special:], 2 * tokens[:, special:])
    np.testing.assert_array_equal(back[:, :special], tokens[:, :special])


def test_a_view_of_another_size_has_a_grid_of_the_same_shape():
    tokens = np.random.default_rng(0).normal(size=(2, 1 + 24, 3))

    placed, _ = laid(Grid((2, 3), 1), tokens)

    np.testing.assert_array_equal(placed, tokens[:, 1:].reshape(2, 4, 6, 3))
    with pytest.raises(ModelError, match="11 tokens do not fit a grid of the shape 2 x 3 after 1 class token"):
        laid(Grid((2, 3), 1), tokens[:, :11])


def test_a_grid_says_itself():
    assert [str(Grid(*each)) for each in (((14, 14),), ((7, 14), 1), ((2, 2, 2), 5))] == [
        "14 x 14",
        "7 x 14 after 1 class token",
        "2 x 2 x 2 after 5 class tokens",
    ]
