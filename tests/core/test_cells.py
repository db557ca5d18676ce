"""Cells laid over positions, and masks made of them."""

import numpy as np
import pytest

from tests.oracles.masks import cells_of, drawn, rise_mask
from xaikit.core import tf
from xaikit.core.cells import Cells, blended, enlarged_mask, lay_cells, replaced


def masks_of(cells, keep, count, seed=0):
    """Masks 0 to `count` - 1, [count, *positions]."""

    def many():
        return tf.map_fn(
            lambda i: enlarged_mask(cells, keep, (seed, i, 0)), tf.range(count), fn_output_signature=tf.float64
        )

    return tf.function(many, autograph=False)().numpy()


def laid(shape, cells):
    return lay_cells(tf.TensorSpec([None, *shape]), cells, "rise")


@pytest.mark.parametrize(
    ("shape", "sides", "counts"),
    [
        ((24, 36, 3), (24, 36), (8, 8)),
        ((4, 36, 3), (4, 36), (4, 8)),
        ((4, 20, 9, 1), (4, 20, 9), (4, 8, 8)),
        ((30, 2), (30,), (30,)),
        ((30,), (30,), (30,)),
    ],
)
def test_pictures_and_volumes_are_divided_and_steps_and_features_are_cells_by_themselves(shape, sides, counts):
    assert laid(shape, 8) == Cells(sides, counts)


@pytest.mark.parametrize(
    ("sides", "counts"), [((7, 5), (3, 2)), ((24, 36), (8, 8)), ((3, 4, 5), (2, 3, 5)), ((6,), (6,))]
)
def test_each_position_has_the_value_of_its_cell(sides, counts):
    cells = Cells(sides, counts)
    values = np.random.default_rng(0).normal(size=(2, 3, cells.count))
    expected = values[..., cells_of(sides, counts)]

    actual = cells.spread(tf.constant(values))

    np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(cells.to_maps(actual, tf.float64), np.moveaxis(expected, 1, -1))


@pytest.mark.parametrize(
    ("sides", "counts"),
    [((24, 36), (8, 8)), ((7, 5), (3, 4)), ((8, 8), (8, 8)), ((6, 9, 4), (3, 2, 4)), ((40, 3), (8, 3))],
)
def test_a_mask_is_a_grid_enlarged_by_a_cell_and_cut_out(sides, counts):
    for i, draws in enumerate(drawn(4, [np.prod(counts) + len(sides)])):
        expected = rise_mask(draws, sides, counts, 0.6)

        actual = enlarged_mask(Cells(sides, counts), 0.6, (0, i, 0))

        np.testing.assert_allclose(actual, expected, atol=1e-6)
        assert 0 <= actual.numpy().min() <= actual.numpy().max() <= 1


def test_each_mask_is_cut_out_at_a_place_of_its_own():
    """Of a grid with one cell kept, the mask says where it was cut out."""
    cells = Cells((24, 36), (3, 3))
    draws = drawn(60, [11])
    starts = np.floor(draws[:, 9:] * [8, 12])
    masks = masks_of(cells, 0.5, 60)
    kept = (draws[:, :9] < 0.5).reshape(60, 3, 3)
    same = [i for i in range(60) if (kept[i] == kept[0]).all() and i]

    assert set(starts[:, 0]) == set(range(8))
    assert set(starts[:, 1]) == set(range(12))
    assert abs(np.corrcoef(starts.T)[0, 1]) < 0.4
    assert len(np.unique(masks.reshape(60, -1).round(6), axis=0)) >= 59
    assert all((masks[i] != masks[0]).any() for i in same if (starts[i] != starts[0]).any())


def test_in_the_mean_a_mask_keeps_as_much_as_was_asked_for_everywhere():
    masks = masks_of(Cells((12, 10), (3, 4)), 0.3, 600, seed=1)
    error = masks.std(axis=0) / np.sqrt(600)

    assert (np.abs(masks.mean(axis=0) - 0.3) < 4.5 * error).all()


def test_cells_that_are_positions_are_kept_or_hidden_in_whole():
    draws = drawn(3, [31])

    for i in range(3):
        np.testing.assert_array_equal(enlarged_mask(Cells((30,), (30,)), 0.4, (0, i, 0)), draws[i, :30] < 0.4)


def test_inputs_are_blended_and_whole_numbers_kept_or_hidden():
    inputs, fill = tf.constant([[[1.0], [3.0], [5.0]]]), tf.constant([[[2.0], [2.0], [2.0]]])
    kept = tf.constant([0.0, 0.5, 1.0], tf.float64)

    np.testing.assert_array_equal(blended(inputs, kept, fill), [[[2.0], [2.5], [5.0]]])
    whole = blended(tf.cast(inputs[..., 0], tf.int32), kept, tf.cast(fill[..., 0], tf.int32))
    np.testing.assert_array_equal(whole, [[2, 3, 5]])
    assert whole.dtype == tf.int32


def test_one_of_several_inputs_is_replaced():
    assert replaced({"a": 1, "b": 2}, 1, 3) == {"a": 1, "b": 3}
