"""batch_size="auto": a budget is measured, remembered, and changes no map."""

import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from xaikit import explain
from xaikit.engine.budget import _best, _known
from xaikit.errors import InputError


def test_a_budget_that_is_found_changes_no_map(model, images):
    expected = explain("smooth(gradients)", model, images, 1)

    actual = explain("smooth(gradients)", model, images, 1, batch_size="auto")

    np.testing.assert_allclose(actual.maps, expected.maps, rtol=0, atol=1e-6 * np.abs(expected.maps).max())


def test_a_budget_is_measured_once_for_a_model_and_a_shape():
    small = RowsOf()

    def measured(images):
        return sum(small.counted(lambda: explain("gradients", small.model, images, batch_size="auto")))

    first, second, other = measured(small.images), measured(small.images), measured(small.images[:, :2])

    assert first > 100  # 4, 8, 16 ... rows, three times each
    assert second == 6
    assert other > 100


def test_the_model_is_never_fed_more_rows_than_the_budget_that_was_found():
    small = RowsOf()
    explain("gradients", small.model, small.images, batch_size="auto")
    (budget,) = _known[small.model].values()

    rows = small.counted(lambda: explain("smooth(gradients)", small.model, small.images, batch_size="auto"))

    assert max(rows) <= budget


@pytest.mark.parametrize(
    ("speeds", "best"),
    [
        ([(4, 10.0), (8, 20.0), (16, 40.0), (32, 41.0), (64, 41.5)], 16),
        ([(4, 10.0), (8, 20.0), (16, 40.0), (32, 50.0)], 32),
        ([(4, 10.0), (8, 9.0), (16, 8.0)], 4),
        ([], 1),
    ],
)
def test_the_fewest_rows_that_are_about_as_fast_as_any_are_taken(speeds, best):
    assert _best(speeds) == best


def test_no_examples_are_an_error_here_too(model, images):
    with pytest.raises(InputError, match="There are no examples"):
        explain("gradients", model, iter([images[:0]]), batch_size="auto")


def test_whole_numbers_and_tables_have_a_budget_too(table, rows):
    expected = explain("occlusion", table, rows)

    actual = explain("occlusion", table, rows, batch_size="auto")

    np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-6)
