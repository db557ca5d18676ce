"""Biases: which ops have one, what it is, and where a function of several ops is seen as one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from xaikit.core.biases import biases, terms
from xaikit.core.flow import flow
from xaikit.core.located import located
from xaikit.errors import ModelError

ROWS = np.random.default_rng(1).normal(size=(4, 3))


def found(function, inputs=ROWS):
    """Names and values of the biases of a function, and what its terms add up to, beside the function itself."""
    names = []

    @tf.function(autograph=False)
    def traced(inputs):
        scores = function(inputs)
        known = biases(inputs, scores)
        names.extend(bias.name for bias in known)
        own, rest = terms(scores, inputs, known)
        total = tf.add_n([tf.reduce_sum(part, range(1, part.shape.rank)) for part in (own, *rest)])
        return scores, total, [tf.broadcast_to(bias.value, tf.shape(bias.output)) for bias in known]

    scores, total, values = traced(tf.constant(inputs))
    np.testing.assert_allclose(total, scores, atol=1e-12)
    return names, [value.numpy() for value in values]


def total(values):
    return tf.reduce_sum(values, axis=range(1, values.shape.rank))


def test_what_is_added_is_a_bias():
    names, values = found(lambda x: total(tf.nn.relu(tf.nn.bias_add(2 * x, [1.0, 2.0, 3.0], name="own"))))

    assert names == ["own"]
    np.testing.assert_array_equal(values[0], [[1, 2, 3]] * 4)


def test_a_normalisation_with_fixed_statistics_has_its_offset_less_the_scaled_mean():
    scale, offset, mean, variance = np.array([[2.0, 3, 4], [1, 2, 3], [5, 6, 7], [4, 9, 16]], "float32")
    images = ROWS.astype("float32").reshape(4, 1, 1, 3)

    def normalized(x):
        return tf.compat.v1.nn.fused_batch_norm(x, scale, offset, mean, variance, epsilon=0.0, is_training=False)[0]

    @tf.function(autograph=False)
    def traced(x):
        (bias,) = biases(x, total(normalized(x)))
        return bias.value

    value = traced(tf.constant(images))
    expected = offset - mean * scale / np.sqrt(variance)
    assert value.shape == (1, 1, 1, 3)  # its own size: it is the same everywhere
    np.testing.assert_allclose(value, np.broadcast_to(expected, value.shape), rtol=1e-3)  # it takes 1.001e-5 for 0


ADDED = np.array([1.0, 2, 3])


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x + ADDED, ADDED),
        (lambda x: ADDED[np.newaxis] + x, ADDED[np.newaxis]),
        (lambda x: x - ADDED, -ADDED),
        (lambda x: ADDED - x, ADDED),
        (lambda x: tf.nn.bias_add(x, ADDED), ADDED),
        (lambda x: x + 2.0, 2.0),
        (lambda x: tf.add_n([x, 2 * x, tf.constant(ROWS)]), ROWS),
        (lambda x: tf.concat([x, tf.constant(ROWS)], axis=1), np.hstack([0 * ROWS, ROWS])),
    ],
)
def test_what_is_added_is_kept_at_its_own_size(function, expected):
    @tf.function(autograph=False)
    def traced(x):
        (bias,) = biases(x, total(function(x)))
        return bias.value

    np.testing.assert_array_equal(traced(tf.constant(ROWS)), expected)


def test_channels_that_come_first_have_their_biases_there():
    @tf.function(autograph=False)
    def traced(x):
        (bias,) = biases(x, total(tf.nn.bias_add(x, ADDED.astype("float32"), "NCHW")))
        return bias.value

    # TensorFlow adds such biases on some devices only, and so it is traced and not run
    shape = traced.get_concrete_function(tf.TensorSpec([2, 3, 4, 5])).structured_outputs.shape

    assert shape == (2, 3, 4, 5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_relu6_is_all_bias_from_6_on_and_has_none_before(dtype):
    six = np.array(6, dtype)
    values = np.array([[-1, 0, 1, np.nextafter(six, six * 0), 6, np.nextafter(six, six * 2), 7, 900]], dtype)

    @tf.function(autograph=False)
    def traced(x):
        y = tf.nn.relu6(x)
        (bias,) = biases(x, total(y))
        return bias.value, y - x * tf.gradients(y, x)[0]

    value, expected = traced(tf.constant(values))

    np.testing.assert_array_equal(value, [[0, 0, 0, 0, 6, 6, 6, 6]])
    np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (tf.tanh, lambda z: np.tanh(z) - z * (1 - np.tanh(z) ** 2)),
        (tf.nn.relu6, lambda z: 6.0 * (z > 6)),
        (tf.exp, lambda z: np.exp(z) * (1 - z)),
        (lambda z: z * tf.exp(z), lambda z: -(z**2) * np.exp(z)),
        (tf.nn.silu, lambda z: -(z**2) * np.exp(-z) / (1 + np.exp(-z)) ** 2),
        (lambda z: tf.where(z > 0, z, tf.exp(z) - 1), lambda z: np.where(z > 0, 0, np.exp(z) * (1 - z) - 1)),
        (lambda z: z / (1 + z * z), lambda z: 2 * z**3 / (1 + z**2) ** 2),
    ],
)
def test_an_activation_has_what_it_is_away_from_its_tangent_in_however_many_ops(function, expected):
    names, values = found(lambda x: total(function(4 * x)))

    assert len(names) == 1
    np.testing.assert_allclose(values[0], expected(4 * ROWS), atol=1e-12)


@pytest.mark.parametrize(
    "function",
    [
        tf.nn.relu,
        tf.nn.leaky_relu,
        tf.abs,
        lambda x: x * x * x / (x * x + tf.square(3 * x)),  # but for rounding
        lambda x: tf.nn.relu(x) - 0.2 * tf.nn.relu(-x),
        lambda x: tf.maximum(x, x[:, ::-1]),
        lambda x: tf.reduce_max(x, axis=1, keepdims=True) / 3,
        lambda x: tf.concat([x, tf.reverse(x, [1])], axis=1) @ np.ones((6, 2)),
        lambda x: tf.where([[True, False, True]], x, 2 * x),
    ],
)
def test_what_is_linear_or_of_degree_1_has_none(function):
    names, values = found(lambda x: total(function(x)))

    assert all((value == 0).all() for value in values), names


def test_a_product_of_two_tensors_that_vary_has_one():
    _, (value,) = found(lambda x: total(x * tf.nn.relu(x @ np.ones((3, 3)))))

    np.testing.assert_allclose(value, -ROWS * np.maximum(ROWS @ np.ones((3, 3)), 0))


def test_constants_beside_what_varies_are_biases_and_others_are_not():
    constant = tf.constant(2.0, tf.float64)

    def function(x):
        ones = tf.ones_like(x) * tf.exp(constant)  # it reads the shape of the input, and no value
        return total(tf.concat([x, ones], axis=1))

    names, (value,) = found(function)

    assert len(names) == 1
    np.testing.assert_allclose(value, np.hstack([0 * ROWS, np.full((4, 3), np.exp(2))]))


def test_a_normalisation_over_groups_has_one_bias_in_the_shape_of_its_input():
    told = []

    @tf.function(autograph=False)
    def traced(x):
        normalized = keras.layers.GroupNormalization(2, dtype="float64")(tf.nn.relu(x))
        told.extend((bias.value.shape.rank, bias.output.shape.rank) for bias in biases(x, total(normalized)))
        return normalized

    with keras.StatelessScope():
        traced.get_concrete_function(tf.TensorSpec([2, 6, 6, 4], tf.float64))

    assert told == [(4, 4)]


def test_a_part_that_others_read_as_well_is_not_hidden_in_a_whole():
    def function(x):
        part = tf.exp(x, name="part")
        return total(tf.multiply(x, part, name="whole") @ np.ones((3, 1)) + part @ np.ones((3, 1)))

    names, _ = found(function)

    assert names == ["part", "whole"]


@pytest.mark.parametrize(
    "chosen",
    [
        lambda x: tf.cast(tf.reduce_sum(x @ np.ones((3, 1)), axis=1, keepdims=True) > 0, x.dtype),
        lambda x: tf.gather(tf.constant([[1.0], [2.0], [3.0]], tf.float64), tf.argmax(x @ np.eye(3), axis=1) * 1),
        lambda x: tf.stop_gradient(x @ np.eye(3)),
        lambda x: tf.floor(4 * x @ np.eye(3)),
    ],
    ids=["answer", "index", "stopped", "steps"],
)
def test_what_was_chosen_without_a_slope_is_all_bias(chosen):
    names, _ = found(lambda x: total(x * chosen(x)))  # complete, as every case here

    assert len(names) == 2  # what was chosen, and its product with the input


def test_what_is_given_counts_as_constant():
    @tf.function(autograph=False)
    def traced(x):
        place = tf.argmax(x, axis=1)
        picked = tf.gather(3 * x, place, axis=1, batch_dims=1)
        return [len(flow(x, picked, given).ops) for given in ((), place)]

    assert [int(count) for count in traced(tf.constant(ROWS))] == [3, 2]


def test_an_op_without_a_gradient_is_refused_by_name():
    with pytest.raises(ModelError, match=r"biases of ResizeArea \(resize/ResizeArea\) cannot be told"):
        found(lambda x: total(tf.image.resize(x, [2, 2], "area")), np.ones((1, 4, 4, 1)))


GRIDS = {
    "convolution": (lambda x: tf.nn.conv2d(x, np.ones((3, 3, 2, 5)), 2, "SAME"), True),
    "one position": (lambda x: tf.reduce_mean(x, [1, 2], keepdims=True), True),
    "one position again": (lambda x: tf.reshape(tf.reduce_mean(x, [1, 2]), [-1, 1, 1, 2]), True),
    "dense layer over channels": (lambda x: tf.reshape(tf.reshape(x, [-1, 2]) @ np.ones((2, 7)), [-1, 6, 6, 7]), True),
    "groups and back": (lambda x: tf.reshape(tf.reshape(x, [-1, 6, 6, 1, 2]) * 2, [-1, 6, 6, 2]), True),
    "there and back": (lambda x: tf.transpose(tf.transpose(x, [0, 3, 1, 2]), [0, 2, 3, 1]), True),
    "table": (lambda x: tf.reduce_mean(x, [1, 2]), False),
    "tokens": (lambda x: tf.reshape(x, [-1, 36, 2]), False),
    "heads": (lambda x: tf.reshape(x, [-1, 36, 2, 1]), False),
    "channels first": (lambda x: tf.transpose(x, [0, 3, 1, 2]), False),
    "pairs": (lambda x: tf.einsum("bijk,bljk->bilk", x, x[:, :3]), False),
}


@pytest.mark.parametrize("case", GRIDS)
def test_positions_are_told_from_other_axes(case):
    function, expected = GRIDS[case]
    told = []

    @tf.function(autograph=False)
    def traced(x):
        output = function(x)
        told.append(output.name in located(x, flow(x, output)))
        return output

    traced.get_concrete_function(tf.TensorSpec([None, 6, 6, 2], tf.float64))

    assert told == [expected]


def test_positions_of_a_series_are_followed_through_the_image_that_a_convolution_makes_of_it():
    told = []

    @tf.function(autograph=False)
    def traced(x):
        output = tf.nn.conv1d(x, np.ones((3, 2, 5)), 2, "SAME")
        told.append(output.name in located(x, flow(x, output)))
        return output

    traced.get_concrete_function(tf.TensorSpec([None, 8, 2], tf.float64))

    assert told == [True]
