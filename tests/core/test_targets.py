"""Targets: which outputs are explained, checked before anything runs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit import explain, gradcam, gradients
from xaikit.errors import TargetError


@pytest.fixture(scope="module")
def all_of(pooled, images):
    return explain(gradients, pooled, images, "all")


def test_all_explains_every_output_in_order(all_of, pooled, images):
    expected = np.asarray(pooled(images))

    np.testing.assert_array_equal(all_of.targets, np.tile(np.arange(4), (5, 1)))
    np.testing.assert_allclose(np.asarray(tf.nn.softmax(all_of.scores)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("targets", "columns"),
    [
        (2, [[2]] * 5),
        (np.int64(2), [[2]] * 5),
        ([2] * 5, [[2]] * 5),
        ([[2]] * 5, [[2]] * 5),
        (np.array([3, 0, 1, 1, 2], "uint8"), [[3], [0], [1], [1], [2]]),
        (tf.constant([3, 0, 1, 1, 2]), [[3], [0], [1], [1], [2]]),
        ([[3, 0]] * 5, [[3, 0]] * 5),
        ([[1, 1]] * 5, [[1, 1]] * 5),
        ([[0, 1], [1, 2], [2, 3], [3, 0], [0, 0]], [[0, 1], [1, 2], [2, 3], [3, 0], [0, 0]]),
    ],
)
def test_indices_pick_columns_of_all(targets, columns, all_of, pooled, images):
    columns = np.array(columns)
    expected_scores = np.take_along_axis(all_of.scores, columns, axis=1)
    expected = np.take_along_axis(all_of.maps, columns[:, None, None, None], axis=-1)

    result = explain(gradients, pooled, images, targets)

    np.testing.assert_array_equal(result.targets, columns)
    np.testing.assert_array_equal(result.scores, expected_scores)
    np.testing.assert_allclose(result.maps, expected, atol=1e-7)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_top_explains_the_best_classes_best_first(count, all_of, pooled, images):
    columns = np.argsort(-all_of.scores, axis=1)[:, :count]
    expected = np.take_along_axis(all_of.maps, columns[:, None, None, None], axis=-1)

    result = explain(gradients, pooled, images, f"top{count}")

    np.testing.assert_array_equal(result.targets, columns)
    np.testing.assert_allclose(result.maps, expected, atol=1e-7)


def test_a_function_of_the_outputs_is_explained(all_of, pooled, images):
    expected = all_of.maps[..., 2] - all_of.maps[..., 0]

    result = explain(gradients, pooled, images, lambda scores: scores[:, 2] - scores[:, 0])

    assert result.targets is None
    np.testing.assert_allclose(result.scores[:, 0], all_of.scores[:, 2] - all_of.scores[:, 0], atol=1e-6)
    np.testing.assert_allclose(result.maps[..., 0], expected, atol=1e-6)


def test_a_function_that_picks_is_an_index(all_of, pooled, images):
    result = explain(gradients, pooled, images, lambda scores: scores[:, 1:3])

    np.testing.assert_array_equal(result.scores, all_of.scores[:, 1:3])
    np.testing.assert_allclose(result.maps, all_of.maps[..., 1:3], atol=1e-7)


def test_a_function_chooses_among_several_outputs():
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3)(inputs)
    outputs = {"genus": keras.layers.Dense(2, activation="softmax")(hidden), "size": keras.layers.Dense(1)(hidden)}
    model = settled(keras.Model(inputs, outputs))
    examples = np.ones((2, 4), "float32")
    expected = np.asarray(model(examples)["size"])

    result = explain(gradients, model, examples, lambda scores: scores["size"][:, 0])

    np.testing.assert_allclose(result.scores, expected, atol=1e-6)
    with pytest.raises(TargetError, match=r"several outputs \('genus', 'size'\): give a target function"):
        explain(gradients, model, examples)


def test_a_function_reads_the_whole_tensor_of_outputs(images):
    inputs = keras.Input((None, None, 3))
    model = settled(keras.Model(inputs, keras.layers.Conv2D(2, 3, padding="same", name="conv")(inputs)))
    expected = np.asarray(model(images))[:, 4, 4, 1]

    result = explain(gradients, model, images, lambda scores: scores[:, 4, 4, 1])

    np.testing.assert_allclose(result.scores[:, 0], expected, atol=1e-5)
    assert (result.maps[:, :2] == 0).all()  # out of the pixel's reach
    with pytest.raises(TargetError, match="of which no index picks one: give a target function"):
        explain(gradients, model, images)


def test_a_function_must_give_a_score_or_several_for_each_example(pooled, images):
    with pytest.raises(TargetError, match=r"must return \[B\] or \[B, T\]"):
        explain(gradients, pooled, images, lambda scores: tf.reduce_sum(scores))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (4, "Target 4 is out of range: the model has 4 outputs, 0 to 3"),
        (-1, "Target -1 is out of range: class indices count from 0"),
        ([0, 1, 2, 3, 4], "Target 4 is out of range"),
        (2**40, "out of range"),
        ("top5", "'top5' is out of range: the model has 4 outputs"),
        ("top0", "must be 'top1', 'topK'"),
        ("best", "must be 'top1', 'topK' such as 'top3', 'all', indices or a function, not 'best'"),
        ([0, 1], "There are targets for 2 examples, and the data has 5"),
        ([0] * 6, "There are targets for 6 examples, and the data has 5"),
        (1.0, "whole numbers, not float64"),
        ([True, False, True, False, True], "whole numbers, not bool"),
        (None, "whole numbers"),
        (np.zeros((5, 1, 1), int), r"must be \[B\] or \[B, T\], not of shape \(5, 1, 1\)"),
        (np.zeros((5, 0), int), "at least one column"),
        (np.eye(4)[[0, 1, 2, 3, 0]], r"argmax\(axis=-1\)"),
        (np.eye(4, dtype=bool)[[0, 1, 2, 3, 0]], r"argmax\(axis=-1\)"),
        (np.eye(4, dtype=int)[[0, 1, 2, 3, 0]], r"one-hot rows.*argmax\(axis=-1\)"),
    ],
    ids=str,
)
def test_wrong_targets_are_refused_before_anything_runs(targets, message, pooled, images):
    with pytest.raises(TargetError, match=message):
        explain(gradients, pooled, images, targets)


def test_rows_of_zeros_and_ones_that_are_not_one_hot_are_indices(all_of, pooled, images):
    result = explain(gradients, pooled, images, [[0, 1], [1, 0], [0, 0], [1, 1], [0, 1]])

    assert result.maps.shape[-1] == 2


def test_out_of_range_targets_of_a_model_that_does_not_say_its_outputs_are_refused(rows):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)

    model = Own()
    model(rows)

    with pytest.raises(TargetError, match="Target 3 is out of range: the model has 3 outputs, 0 to 2"):
        explain(gradients, model, rows, 3)
    assert explain(gradients, model, rows, "all").scores.shape == (4, 3)


def test_a_single_output_is_its_own_best_class(rows):
    inputs = keras.Input((5,))
    model = settled(keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(inputs)))
    weights, bias = model.layers[-1].get_weights()

    result = explain(gradients, model, rows)

    np.testing.assert_array_equal(result.targets, np.zeros((4, 1)))
    np.testing.assert_allclose(result.scores, rows @ weights + bias, atol=1e-6)
    np.testing.assert_allclose(result.maps[..., 0], np.broadcast_to(weights[:, 0], (4, 5)), atol=1e-6)


def test_targets_of_a_bound_step_are_checked_too(pooled, images):
    step = gradcam.bind(pooled)

    with pytest.raises(TargetError, match="Target 7 is out of range"):
        step(images, [7] * 5)
