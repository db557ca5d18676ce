"""Ops made once more."""

import numpy as np
import tensorflow as tf

from xaikit.core.flow import flow
from xaikit.core.regions import regions
from xaikit.core.replays import replayed


def traced(function, *arguments):
    return tf.function(function, autograph=False)(*(tf.constant(value) for value in arguments))


def test_ops_are_made_once_more_on_other_inputs():
    def again(x, other):
        y = tf.concat([tf.nn.relu(x) * 2, x], axis=1)
        return y, replayed(flow(x, y).ops, {x.name: other})[y.name], replayed(flow(other, tf.exp(other)).ops, {})

    x, other = np.array([[1.0, -2.0]]), np.array([[-3.0, 4.0]])

    first, second, _ = traced(again, x, other)

    np.testing.assert_array_equal(first, [[2, 0, 1, -2]])
    np.testing.assert_array_equal(second, [[0, 8, -3, 4]])


def test_what_computes_in_half_precision_computes_in_float32_where_that_is_asked_for():
    weights = np.random.default_rng(1).normal(size=(3, 3, 2, 4)).astype("float16")
    images = np.random.default_rng(2).normal(size=(2, 5, 5, 2)).astype("float16")

    def again(x):
        y = tf.stack(tf.unstack(tf.cast(tf.nn.conv2d(x, weights, 1, "SAME"), tf.float16), axis=3), axis=1)
        known = {x.name: tf.cast(x, tf.float32)}
        return replayed(flow(x, y).ops, known, wide=True)[y.name]

    expected = tf.transpose(tf.nn.conv2d(images.astype("float32"), weights.astype("float32"), 1, "SAME"), [0, 3, 1, 2])

    wide = traced(again, images)

    assert wide.dtype == tf.float32
    np.testing.assert_allclose(wide, expected, rtol=1e-6, atol=1e-6)


def test_a_gradient_that_was_written_for_an_op_is_kept_or_left_out():
    @tf.custom_gradient
    def odd(x):
        return tf.identity(x), lambda slopes: 7 * slopes

    def slopes(x):
        y = odd(x)
        made = []
        for custom in (True, False):
            fresh = tf.identity(x)
            again = replayed([y.op], {x.name: fresh, y.op.inputs[0].name: fresh}, custom=custom)
            made.append(tf.gradients(again[y.name], fresh)[0])
        return made

    kept, left = traced(slopes, np.array([1.0]))

    assert (kept.numpy(), left.numpy()) == ([7], [1])


KINDS = {"Mul", "Exp", "AddV2", "Neg"}


def told(function):
    """Names of the ops of each region."""
    names = []

    def look(x):
        output = function(x)
        names.extend([op.name for op in region.ops] for region in regions(flow(x, output), KINDS))
        return output

    traced(look, np.ones((2, 3)))
    return names


def test_the_largest_part_with_one_way_in_and_one_out_is_found():
    def function(x):
        y = tf.tanh(x)
        inner = tf.multiply(y, tf.exp(y, name="exp"), name="inner")
        return tf.add(inner, y, name="outer")

    assert told(function) == [["exp", "inner", "outer"]]


def test_a_part_ends_at_an_op_of_another_type():
    assert told(lambda x: tf.multiply(x, tf.tanh(x))) == []
    assert told(lambda x: tf.tanh(tf.multiply(x, tf.exp(x, name="exp"), name="whole"))) == [["exp", "whole"]]


def test_two_branches_of_nothing_in_common_are_no_part():
    assert told(lambda x: tf.exp(tf.tanh(x)) * tf.exp(tf.sin(x))) == []
