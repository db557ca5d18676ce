"""Two logical CPUs under a MirroredStrategy give what one gives, bit for bit and in order."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from xaikit import explain, stream
from xaikit.errors import InputError, TargetError


@pytest.fixture(scope="module")
def strategy():
    devices = tf.config.list_logical_devices("CPU")
    assert len(devices) == 2, "the conftest.py at the root makes two logical CPUs before TensorFlow starts"
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="module")
def mirrored(strategy, tools, model):
    with strategy.scope():
        made = tools.convolutional()
    made.set_weights(model.get_weights())
    return made


def assert_identical(actual, expected):
    np.testing.assert_array_equal(actual.maps, expected.maps)
    np.testing.assert_array_equal(actual.scores, expected.scores)
    np.testing.assert_array_equal(actual.targets, expected.targets)


@pytest.mark.parametrize(
    "text",
    [
        "gradients",
        "gradcam",
        "cam",
        "smooth(gradients, repetitions=3)",
        "smooth(gradcam, repetitions=5, reduce='variance')",
        "heatmap(tta(gradcam, scales=()))",
    ],
)
def test_two_replicas_are_one_device_bit_for_bit(model, mirrored, images, text):
    expected = explain(text, model, images[:5], batch_size=4)

    actual = explain(text, mirrored, images[:5], batch_size=4)

    assert_identical(actual, expected)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_no_number_of_examples_leaves_a_replica_empty_or_a_padding_row_behind(
    model, mirrored, images, count, batch_size
):
    expected = explain("gradients", model, images[:count], batch_size=batch_size)

    actual = explain("gradients", mirrored, images[:count], batch_size=batch_size)

    assert len(actual.maps) == count
    assert_identical(actual, expected)


def test_every_replica_takes_a_whole_batch(mirrored, images):
    parts = list(stream("gradients", mirrored, images, batch_size=2))

    assert [len(part.maps) for part in parts] == [4, 3]


@pytest.mark.parametrize("targets", [1, [3, 1, 0, 2, 2, 1, 3], "top3", "all", [[0, 2]] * 7])
def test_targets_are_those_of_one_device(model, mirrored, images, targets):
    expected = explain("gradcam", model, images, targets, batch_size=2)

    actual = explain("gradcam", mirrored, images, targets, batch_size=2)

    assert_identical(actual, expected)


def test_functions_labels_and_datasets_are_those_of_one_device(model, mirrored, images):
    labelled = tf.data.Dataset.from_tensor_slices((images, np.arange(7) % 4)).batch(3).prefetch(1)

    def difference(scores):
        return scores[:, 0] - scores[:, 1]

    for data, targets in ((labelled, "top1"), (images, difference)):
        expected = explain("gradients", model, data, targets, batch_size=2)
        actual = explain("gradients", mirrored, data, targets, batch_size=2)
        np.testing.assert_array_equal(actual.maps, expected.maps)
        np.testing.assert_array_equal(actual.scores, expected.scores)


@pytest.mark.parametrize("text", ["gradients", "smooth(gradcam, repetitions=3)"])
def test_xla_on_two_replicas_is_xla_on_one_device(model, mirrored, images, text):
    expected = explain(text, model, images[:5], batch_size=4, jit=True)
    plain = explain(text, model, images[:5], batch_size=4)

    actual = explain(text, mirrored, images[:5], batch_size=4, jit=True)

    tolerance = 1e-5 * np.abs(expected.maps).max()
    np.testing.assert_allclose(actual.maps, expected.maps, atol=tolerance)
    np.testing.assert_allclose(actual.maps, plain.maps, atol=tolerance)
    np.testing.assert_array_equal(actual.targets, expected.targets)


def test_several_inputs_are_shared_out_alike(strategy, tools, echo):
    one = tools.in_two_parts()
    with strategy.scope():
        model = tools.in_two_parts()
    draws = np.random.default_rng(0)
    data = [draws.normal(size=(5, 4, 4, 3)).astype("float32"), draws.normal(size=(5, 5)).astype("float32")]

    for text in ("gradients", "smooth(gradients, repetitions=2)"):
        expected = explain(text, one, data, batch_size=2)
        actual = explain(text, model, data, batch_size=2)
        for leaf, wanted in zip(actual.maps, expected.maps, strict=True):
            np.testing.assert_array_equal(leaf, wanted)
    np.testing.assert_array_equal(explain(echo, model, data, batch_size=2).maps[1][..., 0], data[1])


def test_a_model_made_outside_is_explained_under_the_strategy_of_the_caller(strategy, tools, model, images):
    expected = explain("smooth(gradcam, repetitions=3)", model, images[:5], batch_size=4)
    outside = tools.convolutional()

    with strategy.scope():
        parts = list(stream("smooth(gradcam, repetitions=3)", outside, images[:5], batch_size=2))
        actual = explain("smooth(gradcam, repetitions=3)", outside, images[:5], batch_size=4)

    assert [len(part.maps) for part in parts] == [4, 1]  # two replicas of two
    assert_identical(actual, expected)
    assert tools.whole(outside)


def test_replicas_trace_once_for_full_and_ragged_batches(strategy, tools, traced, images):
    recorded, traces = traced
    with strategy.scope():
        model = tools.convolutional()

    explain(recorded, model, images, 1, batch_size=2)  # 4 and 3
    first = len(traces)
    explain(recorded(), model, images, 2, batch_size=2)
    explain(recorded, model, images, "top1", batch_size=2)

    assert first == 2  # once for each replica
    assert len(traces) == first


def test_changed_weights_reach_every_replica(strategy, tools, images):
    with strategy.scope():
        model = tools.convolutional()
    explain("gradients", model, images, batch_size=2)
    one = tools.convolutional()
    doubled = [2 * value for value in one.get_weights()]
    one.set_weights(doubled)
    expected = explain("gradients", one, images, batch_size=2)

    model.set_weights(doubled)
    actual = explain("gradients", model, images, batch_size=2)

    assert_identical(actual, expected)


def test_warnings_come_once_for_all_replicas(mirrored, images):
    with pytest.warns(UserWarning, match="less than a thousandth") as caught:
        explain("smooth(gradients, noise=1e-6, repetitions=2)", mirrored, images, batch_size=2)

    assert len(caught) == 1


def test_errors_of_a_replica_arrive_in_words(mirrored, images, tools):
    broken = np.where(np.arange(7).reshape(7, 1, 1, 1) == 5, np.nan, images)

    with pytest.raises(InputError, match="Example 5 holds NaN"):
        explain("gradients", mirrored, broken, batch_size=2)
    with pytest.raises(TargetError, match="Target 4 is out of range"):
        explain("gradients", mirrored, images, 4)

    assert tools.whole(mirrored)


def test_a_mirrored_model_is_freed_with_its_last_reference(strategy, tools, images):
    with strategy.scope():
        model = tools.convolutional()
    explain("gradients", model, images, batch_size=2)
    gone = weakref.ref(model)

    del model
    gc.collect()

    assert gone() is None


def test_work_of_the_host_is_done_on_every_replica_and_leaves_xla_out(model, mirrored, images):
    text = "kernel_shap(samples=4, segments=5)"  # its superpixels are made in Python
    expected = explain(text, model, images, batch_size=2)

    for jit in (False, True):
        actual = explain(text, mirrored, images, batch_size=2, jit=jit)
        np.testing.assert_array_equal(actual.maps, expected.maps)
        assert ("jit" in actual.notes) == jit
