"""What is settled on the clean inputs stays so: differences, similarities, numbers, and goals of one's own."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit import Model, explain, find, gradients, occlusion, smooth, stream
from xaikit.errors import TargetError, XaikitWarning
from xaikit.targets import Goal, difference, regression, similarity

FAR = smooth(gradients, noise=20.0, repetitions=8)  # noise in which the inputs are lost


def test_a_difference_has_the_difference_of_the_gradients(linear, rows):
    kernel = linear.layers[-1].kernel.numpy()
    scores = np.asarray(linear(rows))

    result = explain(gradients, linear, rows, difference(2, 0))

    np.testing.assert_allclose(result.scores[:, 0], scores[:, 2] - scores[:, 0], atol=1e-12)
    np.testing.assert_allclose(result.maps[..., 0], np.tile(kernel[:, 2] - kernel[:, 0], (7, 1)), atol=1e-12)
    assert result.targets.tolist() == [[2]] * 7
    assert result.notes["targets"] == "difference(2, 0)"


@pytest.mark.parametrize("text", ["gradients", "smooth(gradients, noise=20.0)", "smooth(occlusion, noise=20.0)"])
@pytest.mark.parametrize("jit", [False, True])
def test_ranks_are_those_of_the_clean_input_in_every_copy(text, jit, linear, rows):
    """A linear model's frozen difference has one gradient; the best two classes of a noisy copy would be others."""
    kernel = linear.layers[-1].kernel.numpy()
    order = np.argsort(-np.asarray(linear(rows)), axis=1)
    slopes = kernel.T[order[:, 0]] - kernel.T[order[:, 1]]
    expected = slopes if "occlusion" not in text else None

    result = explain(find(text), linear, rows, difference("top1", "top2"), jit=jit, batch_size=4)

    assert len(np.unique(order[:, :2], axis=0)) > 2
    np.testing.assert_array_equal(result.targets[:, 0], order[:, 0])
    assert (result.scores > 0).all()
    if expected is not None:
        np.testing.assert_allclose(result.maps[..., 0], expected, atol=1e-9)
    else:  # w x, averaged over copies: linear in the slopes of that one difference
        plain = explain(find(text), linear, rows, "all", jit=jit).maps
        both = np.take_along_axis(plain, order[:, np.newaxis, :2], axis=-1)
        np.testing.assert_allclose(result.maps[..., 0], both[..., 0] - both[..., 1], atol=1e-9)


def test_a_difference_of_a_class_and_itself_is_told(linear, rows):
    best = int(np.argmax(np.asarray(linear(rows)), axis=1)[0])

    with pytest.warns(XaikitWarning, match="both classes are the same one for some examples"):
        result = explain(gradients, linear, rows, difference("top1", best))

    assert (result.maps[0] == 0).all()


def test_classes_of_a_difference_share_one_trace(traced, linear, rows):
    recorded, traces = traced

    for targets in (difference(0, 1), difference(3, 2), difference("top1", "top2"), difference("top3", 1)):
        explain(recorded, linear, rows, targets, batch_size=3)

    assert len(traces) == 1


def test_a_number_of_a_regression_is_explained(linear, rows):
    inputs = keras.Input((5,), dtype="float64")
    one = settled(keras.Model(inputs, keras.layers.Dense(1, dtype="float64")(inputs)))
    flat = keras.Model(inputs, one(inputs)[:, 0])
    labelled = tf.data.Dataset.from_tensor_slices((rows, np.full(7, 0.5))).batch(3)
    expected = np.tile(one.layers[-1].kernel.numpy()[:, 0], (7, 1))

    for model in (one, flat):
        for data in (rows, labelled):  # labels are numbers here, and no targets
            result = explain(gradients, model, data, regression())
            np.testing.assert_allclose(result.maps[..., 0], expected, atol=1e-12)
            assert result.targets.tolist() == [[0]] * 7
    np.testing.assert_array_equal(
        explain(gradients, linear, rows, regression(3)).maps, explain(gradients, linear, rows, 3).maps
    )
    with pytest.raises(TargetError, match="Target 1 is out of range: the model has 1 output, 0"):
        explain(gradients, one, rows, regression(1))


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("how", ["dot", "cosine"])
def test_a_similarity_has_the_gradient_that_calculus_gives(how, each, linear, rows):
    reference = np.random.default_rng(5).normal(size=(7, 4) if each else 4)
    embedding, kernel = np.asarray(linear(rows)), linear.layers[-1].kernel.numpy()
    product = (embedding * reference).sum(axis=1)
    slopes = np.broadcast_to(reference, embedding.shape)
    if how == "cosine":
        sizes = np.linalg.norm(embedding, axis=1), np.linalg.norm(reference, axis=-1)
        product = product / sizes[0] / sizes[1]
        unit = embedding / sizes[0][:, None]
        slopes = (slopes / np.reshape(sizes[1], (-1, 1)) - product[:, None] * unit) / sizes[0][:, None]

    result = explain(gradients, linear, rows, similarity(reference, how), batch_size=3)

    np.testing.assert_allclose(result.scores[:, 0], product, atol=1e-9)
    np.testing.assert_allclose(result.maps[..., 0], slopes @ kernel.T, atol=1e-9)
    assert result.targets is None
    assert result.notes["targets"].startswith("similarity(array(")


def test_references_far_from_one_neither_vanish_nor_overflow(linear, rows):
    expected = explain(gradients, linear, rows, similarity([1.0, -2.0, 0.0, 0.5])).maps

    for scale in (1e-200, 1e200):
        actual = explain(gradients, linear, rows, similarity(np.array([1.0, -2.0, 0.0, 0.5]) * scale)).maps
        np.testing.assert_allclose(actual, expected, atol=1e-12)


REFERENCES = np.random.default_rng(6).normal(size=(7, 4))


@pytest.mark.parametrize("explainer", [FAR, occlusion], ids=repr)
def test_references_of_their_own_go_with_the_examples(explainer, linear, rows):
    """Whatever the batches, their order, and what stands beside an example."""
    expected = explain(explainer, linear, rows, similarity(REFERENCES))
    order = [4, 0, 6, 2, 1, 5, 3]

    for batch_size in (1, 2, 3, 32):
        actual = explain(explainer, linear, rows, similarity(REFERENCES), batch_size=batch_size)
        np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-9)
    permuted = explain(explainer, linear, rows[order], similarity(REFERENCES[order]), batch_size=2)
    np.testing.assert_allclose(permuted.maps, expected.maps[order], atol=1e-9)
    for i in (0, 5):
        alone = explain(explainer, linear, rows[i : i + 1], similarity(REFERENCES[i]))
        np.testing.assert_allclose(alone.maps[0], expected.maps[i], atol=1e-9)
    parts = list(stream(explainer, linear, (rows[i : i + 2] for i in range(0, 7, 2)), similarity(REFERENCES)))
    np.testing.assert_allclose(np.concatenate([part.maps for part in parts]), expected.maps, atol=1e-9)


def test_references_are_data_and_trace_nothing_anew(traced, linear, rows):
    recorded, traces = traced

    for seed in range(3):
        explain(recorded, linear, rows, similarity(np.random.default_rng(seed).normal(size=4)), batch_size=4)
        explain(recorded, linear, rows, similarity(np.random.default_rng(seed).normal(size=(7, 4))), batch_size=3)

    assert len(traces) == 1


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (difference(3, 9), "Target 9 is out of range: the model has 4 outputs, 0 to 3"),
        (difference("top5", 0), "'top5' is out of range: the model has 4 outputs"),
        (regression(4), "Target 4 is out of range"),
        (similarity([1.0, 2.0]), r"the reference has 2 values.*the model gives \(None, 4\)"),
        (similarity(REFERENCES[:6]), r"similarity\(array\(.*\) is for 6 examples, and the data has 7"),
        (similarity(np.ones((8, 4))), "is for 8 examples, and the data has 7"),
    ],
    ids=repr,
)
def test_what_does_not_fit_the_model_or_the_data_is_refused_before_anything_is_traced(
    targets, message, linear, rows, traced
):
    recorded, traces = traced

    with pytest.raises(TargetError, match=message):
        stream(recorded, linear, rows, targets)

    assert not traces


@pytest.mark.parametrize("count", [6, 8])
def test_references_for_another_number_of_examples_are_told_also_of_data_without_a_length(count, linear, rows):
    data = (rows[i : i + 2] for i in range(0, 7, 2))

    with pytest.raises(TargetError, match=f"is for {count} examples, and the data has"):
        list(stream(gradients, linear, data, similarity(np.ones((count, 4)))))


def test_a_segmentation_has_no_classes_to_tell_apart(segmenter, scenes):
    with pytest.raises(TargetError, match=r"difference compares classes.*\(None, None, None, 3\)"):
        explain(gradients, segmenter, scenes, difference(0, 1))
    with pytest.raises(TargetError, match="must have as many as the embedding"):
        explain(gradients, segmenter, scenes, similarity([1.0, 0.0, 0.0]))


@pytest.mark.parametrize("targets", [difference("top1", "top2"), similarity(REFERENCES)], ids=repr)
@pytest.mark.parametrize("jit", [False, True])
def test_two_replicas_are_one_device(targets, jit, strategy, linear, rows):
    with strategy.scope():
        mirrored = settled(
            keras.Sequential([keras.Input((5,), dtype="float64"), keras.layers.Dense(4, dtype="float64")])
        )
    mirrored.set_weights(linear.get_weights())
    expected = explain(FAR, linear, rows, targets, batch_size=2)

    actual = explain(FAR, mirrored, rows, targets, batch_size=2, jit=jit)

    np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-9)
    np.testing.assert_allclose(actual.scores, expected.scores, atol=1e-9)
    np.testing.assert_array_equal(actual.targets, expected.targets)


def test_a_bound_step_resolves_for_itself(linear, rows):
    spec = tf.TensorSpec([None, 5], tf.float64)
    for targets in (difference("top1", "top2"), similarity(REFERENCES)):
        expected = explain(FAR, linear, rows, targets)

        actual = FAR.bind(Model(linear, spec, target_function=targets))(rows, [0] * 7)

        np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-9)
    with pytest.raises(TargetError, match="is for 7 examples, and there are 2"):
        FAR.bind(Model(linear, spec, target_function=similarity(REFERENCES)))(rows[:2], [0, 0])


@dataclasses.dataclass(frozen=True)
class Above(Goal):
    """The sum of the scores that are above a limit on the clean input."""

    limit: float

    def resolve(self, scores, *given):
        return tf.cast(scores > self.limit, scores.dtype)

    def __call__(self, scores, resolved):
        return tf.reduce_sum(scores * resolved, axis=-1)


def test_a_goal_of_one_s_own_is_frozen_and_traced_once_while_it_lives(traced, linear, rows):
    recorded, traces = traced
    kernel = linear.layers[-1].kernel.numpy()
    above = np.asarray(linear(rows)) > 0.5
    goal = Above(0.5)

    result = explain(FAR, linear, rows, goal)
    explain(recorded, linear, rows, goal)
    explain(recorded, linear, rows, Above(0.5))

    np.testing.assert_allclose(result.maps[..., 0], above @ kernel.T, atol=1e-9)
    assert result.targets is None
    assert result.notes["targets"] == repr(goal)
    assert len(traces) == 1


def test_a_plain_function_is_computed_anew_in_every_copy(linear, rows):
    def best(scores):
        return tf.reduce_max(scores, axis=-1)

    frozen = explain(FAR, linear, rows, "top1")

    assert np.abs(explain(FAR, linear, rows, best).maps - frozen.maps).max() > 0.1
