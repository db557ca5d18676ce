"""Baselines: of a number, of an example's own values, of seeded draws and of arrays."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.functions import way_of
from tests.oracles.paths import blurred
from xaikit import explain
from xaikit.core import Array, Model, as_view
from xaikit.core.baselines import baselines
from xaikit.errors import ModelError, ParameterError


def made(baseline, model, inputs, **options):
    """The baselines of some inputs."""
    return inputs - explain(way_of(baseline, **options), model, inputs, 0).maps[..., 0]


def begin(baseline, spec, **options):
    """What makes the baselines of inputs of any type and structure."""
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    return baselines(Model(model, spec), baseline, **options)


def drawn(baseline, spec, inputs, key=(0,)):
    """The baselines themselves, made eagerly."""
    return begin(baseline, spec)(inputs)(key)


@pytest.mark.parametrize("number", [0, 0.3, -7.5])
def test_a_number_is_in_the_inputs_units(number, pooled64, images64):
    np.testing.assert_allclose(made(number, pooled64, images64), number, atol=1e-14)


@pytest.mark.parametrize(("model", "inputs"), [("pooled64", "images64"), ("series", "waves"), ("volumes", "blocks")])
def test_the_mean_is_each_examples_own_per_channel(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    means = inputs.mean(axis=tuple(range(1, inputs.ndim - 1)), keepdims=True)
    expected = np.broadcast_to(means, inputs.shape)

    actual = made("mean", model, inputs)

    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_a_table_counts_as_one_channel(table, rows):
    expected = np.broadcast_to(rows.mean(axis=1, keepdims=True), rows.shape)

    np.testing.assert_allclose(made("mean", table, rows), expected, atol=1e-6)
    uniform = made("uniform", table, rows)
    assert (uniform >= rows.min(axis=1, keepdims=True) - 1e-6).all()
    assert (uniform <= rows.max(axis=1, keepdims=True) + 1e-6).all()
    assert uniform.std() > 0.1


@pytest.mark.parametrize(("model", "inputs"), [("pooled64", "images64"), ("series", "waves"), ("volumes", "blocks")])
def test_a_blur_is_a_gaussian_of_a_tenth_of_each_side(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    expected = blurred(inputs.astype("float64"), [side / 10 for side in inputs.shape[1:-1]])

    actual = made("blur", model, inputs)

    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_a_blurred_constant_is_that_constant_at_the_borders_too(pooled64):
    inputs = np.full((1, 7, 12, 3), 2.5)

    np.testing.assert_allclose(made("blur", pooled64, inputs), inputs, atol=1e-12)


def test_a_blur_does_not_mirror(pooled64, images64):
    expected = np.flip(made("blur", pooled64, images64), axis=2)

    actual = made("blur", pooled64, np.flip(images64, axis=2))

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_uniform_draws_lie_in_each_examples_range_per_channel_and_fill_it(pooled64):
    inputs = np.random.default_rng(2).normal(size=(2, 40, 40, 3)) * [1.0, 10.0, 100.0]
    low, high = inputs.min(axis=(1, 2), keepdims=True), inputs.max(axis=(1, 2), keepdims=True)

    shares = (made("uniform", pooled64, inputs) - low) / (high - low)

    assert -1e-12 <= shares.min() < 0.01
    assert 0.99 < shares.max() <= 1 + 1e-12
    np.testing.assert_allclose(shares.mean(), 0.5, atol=4 / np.sqrt(12 * 40 * 40 * 3))
    np.testing.assert_allclose(shares[0], shares[1], atol=1e-12)  # the draws of one example are those of all


def test_each_key_and_each_input_has_its_own_draws():
    spec = [tf.TensorSpec([None, 50]), tf.TensorSpec([None, 50])]
    row = tf.linspace([0.0], [1.0], 50, axis=1)

    first, second = drawn("uniform", spec, [row, row], (0, 1))
    other, _ = drawn("uniform", spec, [row, row], (0, 2))
    again, _ = drawn("uniform", spec, [row, row], (0, 1))

    np.testing.assert_array_equal(again, first)
    assert np.abs(second - first).max() > 0.1
    assert np.abs(other - first).max() > 0.1


def test_an_array_is_the_baseline_of_every_example(linear64, rectangles64):
    array = np.random.default_rng(4).normal(size=(4, 6, 2))
    expected = np.broadcast_to(array, rectangles64.shape)

    for background in (False, True):
        actual = made(Array(array), linear64, rectangles64, background=background)
        np.testing.assert_allclose(actual, expected, atol=1e-14)


def test_of_background_examples_each_is_drawn_about_as_often():
    spec = tf.TensorSpec([None, 2], tf.float64)
    background = Array(np.arange(3.0)[:, np.newaxis] * np.ones((3, 2)))
    make = begin(background, spec, background=True)

    @tf.function(autograph=False)
    def several():
        draw = make(tf.zeros([2, 2], tf.float64))
        return tf.map_fn(lambda i: draw((5, i)), tf.range(300), fn_output_signature=tf.float64)

    chosen = several().numpy()
    counts = np.bincount(chosen[:, 0, 0].astype(int), minlength=3)

    assert np.ptp(chosen, axis=(1, 2)).max() == 0  # one for all the examples
    np.testing.assert_allclose(counts, 100, atol=4 * np.sqrt(300 * 2 / 9))


def test_in_a_view_of_another_size_an_array_is_resized_like_the_input(pooled64, images64):
    array = Array(np.random.default_rng(4).normal(size=(8, 8, 3)))
    view = as_view(pooled64)
    begins = baselines(view, array)

    smaller = begins(tf.constant(images64[:, ::2, ::2]))((0,))

    expected = array.values.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3))  # halfway between the centres of two cells
    np.testing.assert_allclose(smaller, np.broadcast_to(expected, smaller.shape), atol=1e-6)


@pytest.mark.parametrize("baseline", [3, "mean", "blur", "uniform", Array(np.full((4, 4, 1), 3))], ids=str)
def test_whole_numbers_stay_whole_and_of_their_type(baseline):
    inputs = tf.constant(np.random.default_rng(0).integers(0, 256, (2, 4, 4, 1)), tf.uint8)

    values = drawn(baseline, tf.TensorSpec([None, 4, 4, 1], tf.uint8), inputs)

    assert values.dtype == tf.uint8
    assert values.shape == inputs.shape


def test_the_mean_of_whole_numbers_is_rounded():
    values = drawn("mean", tf.TensorSpec([None, 3], tf.int32), tf.constant([[1, 2, 2], [5, 5, 5]]))

    np.testing.assert_array_equal(values, [[2, 2, 2], [5, 5, 5]])


@pytest.mark.parametrize("number", [0.5, -1, 256])
def test_what_an_input_of_whole_numbers_cannot_hold_is_refused(number):
    with pytest.raises(ParameterError, match=f"whole numbers from 0 to 255 for inputs of uint8, not {number}"):
        drawn(number, tf.TensorSpec([None, 4], tf.uint8), None)


def test_a_number_applies_to_each_of_several_inputs():
    spec = {"first": tf.TensorSpec([None, 2]), "second": tf.TensorSpec([None, 3])}

    values = drawn(1.5, spec, {"first": tf.zeros([4, 2]), "second": tf.ones([4, 3])})

    np.testing.assert_array_equal(values["first"], np.full((4, 2), 1.5))
    np.testing.assert_array_equal(values["second"], np.full((4, 3), 1.5))


def test_an_array_for_several_inputs_is_refused():
    spec = [tf.TensorSpec([None, 2]), tf.TensorSpec([None, 2])]

    with pytest.raises(ParameterError, match=r"where a model has several inputs, .*: an array stands for one"):
        drawn(Array(np.zeros(2)), spec, None)


@pytest.mark.parametrize(
    ("shape", "background", "message"),
    [
        ((4, 6), False, r"one example, \(4, 6, 2\), not \(4, 6\)"),
        ((2, 4, 6, 2), False, r"one example, \(4, 6, 2\), not \(2, 4, 6, 2\)"),
        ((2, 4, 6, 3), True, r"one example, \(4, 6, 2\), or of several, \(None, 4, 6, 2\), not \(2, 4, 6, 3\)"),
        ((0, 4, 6, 2), True, r"not \(0, 4, 6, 2\)"),
    ],
    ids=str,
)
def test_an_array_of_another_shape_is_refused(shape, background, message, linear64):
    with pytest.raises(ParameterError, match=message):
        baselines(as_view(linear64), Array(np.zeros(shape)), background=background)


def test_an_array_that_is_not_finite_is_refused(table):
    with pytest.raises(ParameterError, match="baseline must be finite"):
        baselines(as_view(table), Array(np.full(5, np.nan)))


def test_a_table_is_not_blurred(table):
    with pytest.raises(ModelError, match="'blur' needs positions, and a table has none: give a number"):
        baselines(as_view(table), "blur")
