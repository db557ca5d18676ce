"""Pieces become full batches of one shape, in order."""

import numpy as np
import pytest

from xaikit import explain, stream
from xaikit.core.targets import chosen
from xaikit.engine.batches import full_batches
from xaikit.engine.sources import Piece
from xaikit.errors import InputError, TargetError


def pieces(*sizes, labelled=False, shape=(2,)):
    """Pieces of so many examples; example i holds the number i."""
    first = 0
    for size in sizes:
        numbers = np.arange(first, first + size)
        values = np.broadcast_to(numbers.reshape(-1, *[1] * len(shape)), (size, *shape)).astype("float32")
        yield Piece(values, (numbers % 3)[:, np.newaxis] if labelled else None)
        first += size


def made(stream, targets="top1", rows=4, replicas=1):
    return list(full_batches(stream, chosen(targets), rows, replicas))


@pytest.mark.parametrize("sizes", [(10,), (1,) * 10, (3, 3, 3, 1), (7, 3), (4, 4, 2), (9, 1)])
def test_pieces_of_any_size_become_the_same_full_batches(sizes):
    expected = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 9, 9]]  # the last example fills up the last batch

    batches = made(pieces(*sizes))

    assert [list(batch.inputs[:, 0]) for batch in batches] == expected
    assert [batch.size for batch in batches] == [4, 4, 2]
    assert [batch.first for batch in batches] == [0, 4, 8]


@pytest.mark.parametrize(
    ("count", "replicas", "rows"), [(3, 1, 3), (3, 2, 4), (1, 2, 2), (2, 2, 2), (5, 3, 6), (1, 3, 3)]
)
def test_a_single_short_batch_is_padded_to_equal_shares_alone(count, replicas, rows):
    (batch,) = made(pieces(count), rows=12, replicas=replicas)

    assert len(batch.inputs) == len(batch.codes) == rows
    assert batch.size == count


def test_nothing_is_copied_where_a_piece_is_a_batch():
    whole = np.ones((8, 2), "float32")

    batches = made(iter([Piece(whole, None)]), rows=4)

    assert all(np.shares_memory(batch.inputs, whole) for batch in batches)


def test_a_batch_is_given_as_soon_as_it_is_full():
    read = []

    def counted():
        for piece in pieces(1, 1, 1, 1, 1, 1):
            read.append(len(read))
            yield piece

    batches = full_batches(counted(), chosen("top1"), 2, 1)

    next(batches)
    assert len(read) == 2
    next(batches)
    assert len(read) == 4


def test_examples_of_another_size_begin_a_new_batch():
    small, large = pieces(3, shape=(2,)), pieces(3, shape=(5,))

    batches = made([*small, *large])

    assert [(batch.inputs.shape[1], batch.size) for batch in batches] == [(2, 3), (5, 3)]
    assert [batch.first for batch in batches] == [0, 3]


def test_pieces_without_examples_are_passed_over():
    empty = Piece(np.zeros((0, 2), "float32"), None)
    expected = [4, 2]

    batches = made([empty, *pieces(4), empty, *pieces(2), empty])

    assert [batch.size for batch in batches] == expected


@pytest.mark.parametrize("sizes", [(4, 0), (4, 4, 0), (0, 4)])
def test_a_piece_without_examples_makes_no_batch(sizes):
    batches = made(pieces(*sizes))

    assert [batch.size for batch in batches] == [4] * (len(sizes) - 1)


@pytest.mark.parametrize("given", [[], [Piece(np.zeros((0, 2), "float32"), None)]], ids=["no piece", "an empty piece"])
def test_no_examples_are_an_error(given):
    with pytest.raises(InputError, match="There are no examples: the data is empty"):
        made(given)


def test_labels_of_the_data_are_the_targets_where_nothing_is_said():
    batches = made(pieces(3, 3, labelled=True))

    assert [list(batch.codes[: batch.size, 0]) for batch in batches] == [[0, 1, 2, 0], [1, 2]]


@pytest.mark.parametrize(("targets", "expected"), [(2, [2]), ("top2", [-1, -2])])
def test_what_is_said_goes_before_the_labels(targets, expected):
    batches = made(pieces(5, labelled=True), targets)

    for batch in batches:
        assert (batch.codes == expected).all()


def test_each_example_keeps_its_own_target():
    batches = made(pieces(3, 3, 3), [5, 4, 3, 2, 1, 0, 5, 4, 3])

    assert [list(batch.codes[: batch.size, 0]) for batch in batches] == [[5, 4, 3, 2], [1, 0, 5, 4], [3]]


@pytest.mark.parametrize(("count", "words"), [(3, "targets for 3 examples, and the data has more"), (6, "6 .* has 5")])
def test_another_number_of_targets_is_an_error(count, words):
    with pytest.raises(TargetError, match=words):
        made(pieces(5), np.zeros(count, int))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_example_that_is_not_finite_is_named(value):
    data = np.zeros((6, 2), "float32")
    data[[4, 5], 1] = value

    with pytest.raises(InputError, match="Example 4 holds NaN or infinity"):
        made([Piece(data, None)])


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 32])
def test_no_batch_size_changes_a_map(model, images, batch_size):
    expected = explain("gradients", model, images, 2, batch_size=4)

    actual = explain("gradients", model, images, 2, batch_size=batch_size)

    np.testing.assert_array_equal(actual.maps, expected.maps)
    np.testing.assert_array_equal(actual.scores, expected.scores)


def test_examples_of_several_sizes_are_streamed_in_order(echo, model):
    small, large = np.ones((3, 8, 8, 3), "float32"), np.ones((5, 16, 12, 3), "float32")

    parts = list(stream(echo, model, iter([small, large, small[:1]]), batch_size=4))

    assert [part.maps.shape[:3] for part in parts] == [(3, 8, 8), (4, 16, 12), (1, 16, 12), (1, 8, 8)]
    with pytest.raises(InputError, match=r"several shapes .*: use stream"):
        explain(echo, model, iter([small, large]), batch_size=4)
