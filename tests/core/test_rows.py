"""Examples in rows: which ops keep them there, and which are not known to."""

import numpy as np
import pytest
import tensorflow as tf

from xaikit.core.rows import in_rows

KERNEL = np.ones((3, 3, 2, 4), "float32")
CASES = {
    "convolution": (lambda x: tf.nn.relu(tf.nn.conv2d(x, KERNEL, 2, "SAME") + np.ones(4, "float32")), True),
    "table": (lambda x: tf.reshape(x, [-1, 72]) @ np.ones((72, 3), "float32"), True),
    "one more axis and back": (lambda x: tf.squeeze(tf.expand_dims(x, 1) * 2, [1]), True),
    "average of positions": (lambda x: x * tf.reduce_mean(x, [1, 2], keepdims=True), True),
    "average from the end": (lambda x: tf.reduce_mean(x, -1), True),
    "joined channels": (lambda x: tf.nn.softmax(tf.concat([x, 2 * x], axis=-1)), True),
    "positions as columns": (lambda x: tf.transpose(x, [0, 3, 1, 2]), True),
    "channels of every position": (lambda x: tf.matmul(x, np.eye(2, dtype="float32")), True),
    "pairs of positions": (lambda x: tf.matmul(x, x, transpose_b=True), True),
    "pairs, by letters": (lambda x: tf.einsum("bijk,blmk->bijlm", x, x), True),
    "one position": (lambda x: x[:, 0], True),
    "several positions": (lambda x: x[:, 1:3, ::2], True),
    "pairs of examples, by letters": (lambda x: tf.einsum("bijk,cijk->bc", x, x), False),
    "letters in another order": (lambda x: tf.einsum("bijk,kl->ibjl", x, np.eye(2, dtype="float32")), False),
    "letters that are left out": (lambda x: tf.einsum("...k,kl->...l", x, np.eye(2, dtype="float32")), False),
    "rows of a batch of products": (lambda x: tf.matmul(np.ones((5, 6, 6, 6), "float32"), x[0]), False),
    "one example": (lambda x: x[:1], False),
    "examples in another order": (lambda x: x[::-1], False),
    "an axis before the rows, by a slice": (lambda x: x[tf.newaxis], False),
    "average of examples": (lambda x: tf.reduce_mean(x, 0), False),
    "average of examples, from the end": (lambda x: tf.reduce_mean(x, -4), False),
    "positions as rows": (lambda x: tf.reshape(x, [-1, 2]) @ np.ones((2, 2), "float32"), False),
    "joined examples": (lambda x: tf.concat([x, x], axis=0), False),
    "joined examples, from the end": (lambda x: tf.concat([x, x], axis=-4), False),
    "an axis before the rows": (lambda x: tf.expand_dims(x, 0), False),
    "an axis before the rows, by broadcasting": (lambda x: x + np.ones((2, 1, 1, 1, 1), "float32"), False),
    "examples as columns": (lambda x: tf.matmul(tf.reshape(x, [-1, 72]), np.eye(3, dtype="float32"), True), False),
    "examples as a constant's columns": (lambda x: np.ones((5, 3), "float32") @ tf.reshape(x, [-1, 72]), False),
    "turned": (lambda x: tf.transpose(x, [1, 0, 2, 3]), False),
    "picked": (lambda x: tf.gather(x, [0], axis=0), False),
    "nothing of the inputs": (lambda x: tf.ones([5, 2]), False),
}


@pytest.mark.parametrize("case", CASES)
def test_rows_are_followed_as_far_as_they_are_sure(case):
    function, expected = CASES[case]
    told = []

    @tf.function(autograph=False)
    def traced(x):
        told.append(in_rows(x, function(x)))
        return x

    traced.get_concrete_function(tf.TensorSpec([None, 6, 6, 2]))

    assert told == [expected]
