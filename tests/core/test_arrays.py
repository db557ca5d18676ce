"""Arrays as parameters: compared by content, spelled honestly, read back from a file."""

import numpy as np
import pytest
import tensorflow as tf

from xaikit import explain, method
from xaikit.core import Array, Explanation, forward
from xaikit.core.expression import read
from xaikit.errors import ExpressionError, ParameterError


@method
def shifted(model, *, baseline: float | Array = 0.0):
    """Give the inputs less a baseline."""

    def step(inputs, targets):
        values = baseline.values if isinstance(baseline, Array) else baseline
        return Explanation(forward(model, inputs, targets), (inputs - tf.cast(values, inputs.dtype))[..., tf.newaxis])

    return step


def test_arrays_are_equal_by_content_shape_and_type():
    values = np.arange(6.0)

    assert Array(values) == Array(values.copy())
    assert hash(Array(values)) == hash(Array(values.copy()))
    assert Array(values) != Array(values + 1)
    assert Array(values) != Array(values.reshape(2, 3))
    assert Array(values) != Array(values.astype("float32"))


def test_an_array_is_frozen_and_a_copy():
    values = np.zeros(3)
    array = Array(values)
    values[0] = 7.0

    assert array.values[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        array.values[0] = 1.0


def test_the_spelling_shows_shape_and_digest_not_the_numbers():
    array = Array(np.zeros((2, 3), "float32"))

    assert repr(array) == f"array('2x3', '{array.digest}')"
    assert len(array.digest) == 12


def test_explainers_with_equal_arrays_are_equal():
    first, again, other = (shifted(baseline=np.full(3, value)) for value in (1.0, 1.0, 2.0))

    assert first == again
    assert hash(first) == hash(again)
    assert first != other
    assert repr(first) != repr(other)


def test_a_spelled_array_does_not_read_back_and_says_so():
    text = repr(shifted(baseline=np.zeros(3)))

    with pytest.raises(ExpressionError, match="here belongs a value"):
        read(text, lambda name: shifted)


def test_the_name_of_a_file_is_a_spelling_that_reads_back(tmp_path):
    path = str(tmp_path / "baseline.npy")
    np.save(path, np.full((8, 8, 3), 2.0, "float32"))
    explainer = shifted(baseline=path)

    again = read(repr(explainer), lambda name: shifted)

    assert again == explainer
    assert repr(explainer) == f"shifted(baseline={path!r})"
    np.testing.assert_array_equal(again.parameters["baseline"].values, np.load(path))


def test_an_array_from_a_file_equals_the_same_array_in_memory(tmp_path):
    path = str(tmp_path / "baseline.npy")
    np.save(path, np.arange(3.0))

    assert Array.read(path) == Array(np.arange(3.0))


@pytest.mark.parametrize(
    "value", [np.full((8, 8, 3), 2.0, "float32"), tf.fill((8, 8, 3), 2.0)], ids=["numpy", "tensor"]
)
def test_a_method_uses_its_array(value, pooled, images):
    expected = images - 2.0

    actual = explain(shifted(baseline=value), pooled, images).maps[..., 0]

    np.testing.assert_allclose(actual, expected)


def test_the_default_is_left_out_and_numbers_stay_numbers():
    assert repr(shifted(baseline=0.0)) == "shifted"
    assert repr(shifted(baseline=1.5)) == "shifted(baseline=1.5)"


def test_an_array_differs_from_the_default_number():
    assert repr(shifted(baseline=np.zeros(1))) != "shifted"


@pytest.mark.parametrize(
    "value",
    ["baseline.txt", object(), np.array(["a"]), np.array([object()])],
    ids=["name", "object", "text", "objects"],
)
def test_what_is_no_array_of_numbers_is_refused(value):
    with pytest.raises(ParameterError, match="baseline"):
        shifted(baseline=value)


def test_a_missing_file_is_named():
    with pytest.raises(ParameterError, match=r"Cannot read an array from 'nowhere\.npy'"):
        shifted(baseline="nowhere.npy")


def test_nothing_in_a_file_is_executed(tmp_path):
    path = tmp_path / "hostile.npy"
    np.save(path, np.array([print], dtype=object), allow_pickle=True)

    with pytest.raises(ParameterError, match="Cannot read an array"):
        shifted(baseline=str(path))


def test_an_expression_names_a_file():
    with pytest.raises(ParameterError, match=r"nowhere\.npy"):
        read("shifted(baseline='nowhere.npy')", lambda name: shifted)
