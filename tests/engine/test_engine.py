"""The loop: targets, callbacks, progress, laziness, and the switches that change nothing."""

import io
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from xaikit import explain, find, stream
from xaikit.errors import InputError, ModelError, TargetError, UsageError

LABELS = np.array([3, 1, 0, 2, 2, 1, 3])


# -- targets -----------------------------------------------------------------------------------------------------------


def test_an_int_a_row_a_column_and_a_function_are_the_same_target(model, images):
    expected = explain("gradients", model, images, 2)

    for targets in (
        np.int64(2),
        np.uint8(2),
        [2] * 7,
        np.full(7, 2),
        tf.fill([7], 2),
        np.full([7, 1], 2),
        lambda scores: scores[:, 2],
        lambda scores: scores[:, 2:3],
    ):
        actual = explain("gradients", model, images, targets, batch_size=4)
        np.testing.assert_array_equal(actual.maps, expected.maps)
        np.testing.assert_array_equal(actual.scores, expected.scores)


def test_some_targets_are_all_targets_then_picked(model, images):
    every = explain("gradients", model, images, "all", batch_size=4)

    for targets in ([[3, 0, 3]] * 7, np.stack([LABELS, LABELS[::-1]], axis=1)):
        actual = explain("gradients", model, images, targets, batch_size=3)
        picked = np.asarray(targets)
        expected = np.stack([every.maps[i][..., picked[i]] for i in range(7)])
        np.testing.assert_allclose(actual.maps, expected, rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(actual.targets, picked)
        np.testing.assert_array_equal(actual.scores, np.take_along_axis(every.scores, picked, axis=1))


def test_all_targets_are_every_class_in_order(model, images):
    expected = np.stack([explain("gradients", model, images, i).maps[..., 0] for i in range(4)], axis=-1)

    every = explain("gradients", model, images, "all")

    np.testing.assert_allclose(every.maps, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(every.targets, [[0, 1, 2, 3]] * 7)


def test_top1_is_each_examples_own_best_class(model, images):
    best = model.predict(images, verbose=0).argmax(axis=1)
    expected = explain("gradients", model, images, best)

    actual = explain("gradients", model, images, batch_size=3)

    assert len(set(best)) > 1
    np.testing.assert_array_equal(actual.targets[:, 0], best)
    np.testing.assert_array_equal(actual.maps, expected.maps)


def test_top3_are_the_best_classes_in_the_order_of_their_scores(model, images):
    expected = np.argsort(-model.predict(images, verbose=0), axis=1)[:, :3]

    result = explain("gradients", model, images, "top3", batch_size=4)

    np.testing.assert_array_equal(result.targets, expected)
    assert (np.diff(result.scores, axis=1) <= 0).all()


def test_a_noisy_copy_never_picks_another_class(model, images):
    best = explain("gradients", model, images).targets
    expected = explain("smooth(gradients, noise=5.0, repetitions=4)", model, images, best)

    actual = explain("smooth(gradients, noise=5.0, repetitions=4)", model, images)

    np.testing.assert_array_equal(actual.maps, expected.maps)
    np.testing.assert_array_equal(actual.scores, explain("gradients", model, images).scores)


def test_one_sigmoid_output_is_explained_as_itself(tools, images):
    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")]
    model = tools.weighted(keras.Sequential(layers))
    expected = np.broadcast_to(model.layers[-1].kernel.numpy().reshape(1, 8, 8, 3, 1), (7, 8, 8, 3, 1))

    for targets in ("top1", 0, "all"):
        result = explain("gradients", model, images, targets)
        np.testing.assert_allclose(result.maps, expected, rtol=1e-5)
        np.testing.assert_array_equal(result.targets, np.zeros((7, 1)))


def test_labels_in_the_data_are_the_targets_where_nothing_is_said(model, images):
    expected = explain("gradients", model, images, LABELS)
    labelled = tf.data.Dataset.from_tensor_slices((images, LABELS)).batch(3).prefetch(1)

    actual = explain("gradients", model, labelled, batch_size=4)
    fixed = explain("gradients", model, labelled, 1)

    np.testing.assert_array_equal(actual.targets[:, 0], LABELS)
    np.testing.assert_array_equal(actual.maps, expected.maps)
    np.testing.assert_array_equal(fixed.targets, np.ones((7, 1)))


def test_a_target_function_needs_no_labels_that_are_classes(model, images):
    ages = np.linspace(0, 1, 7)  # of a regression
    data = tf.data.Dataset.from_tensor_slices((images, ages)).batch(4)

    result = explain("gradients", model, data, lambda scores: scores[:, 0])

    assert result.targets is None
    assert result.scores.shape == (7, 1)


def test_a_function_sees_all_the_outputs_of_a_model_with_several(tools, rows):
    inputs = keras.Input((5,))
    first, other = keras.layers.Dense(2, name="kind")(inputs), keras.layers.Dense(1, name="age")(inputs)
    model = tools.weighted(keras.Model(inputs, {"kind": first, "age": other}))
    expected = np.broadcast_to(model.get_layer("age").kernel.numpy()[np.newaxis], (7, 5, 1))

    maps = explain("gradients", model, rows, lambda outputs: outputs["age"][:, 0]).maps

    np.testing.assert_allclose(maps, expected, rtol=1e-6)
    with pytest.raises(TargetError, match=r"has several outputs .*give a target function"):
        explain("gradients", model, rows, 0)


REFUSED = {
    "out of range": (4, r"Target 4 is out of range: the model has 4 outputs, 0 to 3\."),
    "one out of range": ([0, 1, 2, 3, 4, 0, 0], r"Target 4 is out of range"),
    "negative": (-1, r"Target -1 is out of range"),
    "a column out of range": ([[0, 9]] * 7, r"Target 9 is out of range"),
    "too many best": ("top5", r"'top5' is out of range: the model has 4 outputs"),
    "too large for an index": (2**40, r"Target 1099511627776 is out of range"),
    "too few": ([0, 1, 2], r"There are targets for 3 examples, and the data has 7\."),
    "too many": ([0] * 8, r"There are targets for 8 examples, and the data has 7\."),
    "none at all": ([], r"targets for 0 examples|must be whole numbers"),
    "no column": (np.zeros((7, 0), int), r"need at least one column"),
    "rank 3": (np.zeros((7, 1, 1), int), r"must be \[B\] or \[B, T\], not of shape \(7, 1, 1\)"),
    "a fraction": (1.5, r"must be whole numbers, not float64"),
    "floats": (np.zeros(7), r"must be whole numbers, not float64"),
    "a truth value": (True, r"must be whole numbers, not bool"),
    "one-hot rows": (np.eye(4)[LABELS], r"give targets\.argmax\(axis=-1\)"),
    "whole one-hot rows": (np.eye(4, dtype=int)[LABELS], r"look like one-hot rows"),
    "a name": ("cat", r"must be 'top1', 'topK' such as 'top3', 'all', indices or a function, not 'cat'"),
    "top 0": ("top0", r"not 'top0'"),
    "names": (["cat"] * 7, r"must be whole numbers"),
    "nothing": (None, r"must be whole numbers"),
    "ragged": ([[0], [1, 2]], r"[Tt]argets must be"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_targets_that_do_not_fit_are_refused_before_anything_runs(traced, model, images, case):
    targets, words = REFUSED[case]
    recorded, traces = traced

    with pytest.raises(TargetError, match=words) as caught:
        stream(recorded, model, images, targets)

    assert traces == []
    assert "\n" not in str(caught.value)


def test_a_function_that_returns_no_score_is_refused(model, images):
    with pytest.raises(TargetError, match=r"A target function must return \[B\] or \[B, T\], not \(\)"):
        explain("gradients", model, images, tf.reduce_sum)


def test_a_target_out_of_range_is_refused_where_the_model_declares_no_outputs(images):
    class Pooling(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(3)

        def call(self, inputs):
            return self.head(keras.ops.mean(inputs, axis=(1, 2)))

    model = Pooling()
    model(images)

    assert explain("gradients", model, images, "all").maps.shape == (7, 8, 8, 3, 3)
    for targets in (3, "top4", [0, 0, 0, 0, 0, 0, 3]):
        with pytest.raises(TargetError, match="is out of range: the model has 3 outputs, 0 to 2"):
            explain("gradients", model, images, targets)


# -- the call ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 0}, r"batch_size must be a whole number, 1 to 16777216, or 'auto', not 0"),
        ({"batch_size": -1}, r"not -1"),
        ({"batch_size": 10**9}, r"not 1000000000"),
        ({"batch_size": 2.0}, r"not 2\.0"),
        ({"batch_size": True}, r"not True"),
        ({"scores": "logit"}, r"scores must be 'logits' or 'outputs', not 'logit'"),
        ({"jit": "yes"}, r"jit must be True, False or 'auto', not 'yes'"),
        ({"progress": "yes"}, r"progress must be True, False or 'auto', not 'yes'"),
        (
            {"callbacks": [print]},
            r"callbacks must be keras\.callbacks\.Callback objects, not <built-in",
        ),
    ],
    ids=lambda value: "=".join(map(str, next(iter(value.items())))) if isinstance(value, dict) else "",
)
def test_wrong_options_are_refused_at_once(model, images, options, words):
    with pytest.raises(UsageError, match=words):
        stream("gradients", model, images, **options)


@pytest.mark.parametrize(
    ("explainer", "words"),
    [
        (7, r"The explainer must be .*, or its text, not (int|7)"),
        (None, r"The explainer must be .*, or its text, not None"),
        ("gradcan", r"There is no method, transformer or metric named 'gradcan'\. Did you mean 'gradcam'"),
        ("smooth", r"'smooth' is not complete: give it an explainer, like smooth\(gradcam\)"),
        (find("tta"), r"'tta' is not complete"),
    ],
    ids=["a number", "nothing", "an unknown name", "a text without its explainer", "a value without its explainer"],
)
def test_what_is_no_explainer_is_refused(model, images, explainer, words):
    with pytest.raises(UsageError, match=words):
        explain(explainer, model, images)


def test_a_model_that_is_not_built_is_refused(images):
    with pytest.raises(ModelError, match="is not built, so there is nothing to explain yet"):
        explain("gradients", keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)]), images)


def test_a_result_says_what_was_chosen(model, images):
    result = explain("gradcam", model, images, batch_size=4)

    assert result.notes == {"scores": "logits", "layer": model.layers[0].name}
    assert result.explainer == find("gradcam")
    assert explain("gradcam", model, images, scores="outputs").notes["scores"] == "outputs"


# -- streams -----------------------------------------------------------------------------------------------------------


def test_a_stream_reads_no_further_than_the_batch_that_it_gives(echo, model, images):
    read = []

    def data():
        for i in range(1000):
            read.append(i)
            yield images[:2] + i

    parts = stream(echo, model, data(), batch_size=4)
    assert read == []
    first = next(parts)
    assert read == [0, 1]
    second = next(parts)
    assert read == [0, 1, 2, 3]

    np.testing.assert_array_equal(first.maps[2:, ..., 0], images[:2] + 1)
    np.testing.assert_array_equal(second.maps[:2, ..., 0], images[:2] + 2)
    parts.close()


def test_a_stream_of_batches_is_the_whole_cut_in_order(model, images):
    whole = explain("gradcam", model, images, batch_size=4)

    parts = list(stream("gradcam", model, images, batch_size=4))

    assert [len(part.scores) for part in parts] == [4, 3]
    np.testing.assert_array_equal(np.concatenate([part.maps for part in parts]), whole.maps)
    np.testing.assert_array_equal(np.concatenate([part.targets for part in parts]), whole.targets)


def test_what_was_given_before_a_bad_example_was_given(echo, model, images):
    data = np.concatenate([images, np.full_like(images[:1], np.nan)])
    parts = stream(echo, model, data, batch_size=4)

    assert len(next(parts).maps) == 4
    with pytest.raises(InputError, match="Example 7 holds NaN"):
        next(parts)


def test_results_are_arrays_of_their_own(echo, model, images):
    given = images.copy()

    maps = explain(echo, model, given, batch_size=7).maps
    maps += 1

    np.testing.assert_array_equal(given, images)
    np.testing.assert_array_equal(explain(echo, model, given, batch_size=7).maps[..., 0], images)


# -- callbacks and progress --------------------------------------------------------------------------------------------


class Heard(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls, self.outputs = [], []

    def on_predict_begin(self, logs=None):
        self.calls.append("begin")

    def on_predict_batch_begin(self, batch, logs=None):
        self.calls.append(f"batch {batch} begins")

    def on_predict_batch_end(self, batch, logs=None):
        self.calls.append(f"batch {batch} ends")
        self.outputs.append(logs["outputs"])

    def on_predict_end(self, logs=None):
        self.calls.append("end")


def test_callbacks_hear_every_batch_and_its_outputs(model, images):
    heard, other = Heard(), Heard()
    expected = ["begin", "batch 0 begins", "batch 0 ends", "batch 1 begins", "batch 1 ends", "end"]

    scores, maps = explain("gradients", model, images, batch_size=4, callbacks=[heard, other])

    assert heard.calls == other.calls == expected
    assert heard.model is model
    np.testing.assert_array_equal(np.concatenate([output[0] for output in heard.outputs]), scores)
    np.testing.assert_array_equal(np.concatenate([output[1] for output in heard.outputs]), maps)


def test_callbacks_of_a_stream_hear_a_batch_before_it_is_given(model, images):
    heard = Heard()
    parts = stream("gradients", model, images, batch_size=4, callbacks=(heard,))
    assert heard.calls == []

    next(parts)

    assert heard.calls == ["begin", "batch 0 begins", "batch 0 ends"]


def test_a_callback_that_raises_stops_the_work_and_leaves_the_model_whole(model, images, tools):
    class Stop(keras.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        explain("gradients", model, images, callbacks=[Stop()])

    assert tools.whole(model)


def test_lambda_callbacks_are_heard(model, images):
    seen = []
    callback = keras.callbacks.LambdaCallback(on_predict_end=lambda logs: seen.append("end"))

    explain("gradients", model, images, callbacks=[callback])

    assert seen == ["end"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def at_a_terminal(monkeypatch):
    """Make standard error one before which someone sits; in the test itself, since pytest sets its own before that."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    return sys.stderr


def test_a_bar_shows_on_stderr_alone(model, images, capsys, monkeypatch):
    terminal = at_a_terminal(monkeypatch)

    explain("gradients", model, images, batch_size=2, progress=True)

    assert capsys.readouterr().out == ""
    assert "explaining" in terminal.getvalue()
    assert "7/7" in terminal.getvalue()


def test_a_bar_of_unknown_length_shows_too(model, images, capsys, monkeypatch):
    terminal = at_a_terminal(monkeypatch)

    explain("gradients", model, iter([images[:4], images[4:]]), progress=True, batch_size=4)

    assert capsys.readouterr().out == ""
    assert "7/?" in terminal.getvalue()


def test_short_work_shows_no_bar_unless_one_is_asked_for(model, images, monkeypatch):
    terminal = at_a_terminal(monkeypatch)

    explain("gradients", model, images)

    assert terminal.getvalue() == ""


def test_a_bar_that_is_asked_for_leaves_no_blank_line_in_a_file(model, images, capsys):
    explain("gradients", model, images, batch_size=2, progress=True)

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "" or "7/7" in printed.err


@pytest.mark.parametrize("progress", ["auto", False])
def test_nothing_is_printed_where_no_terminal_listens(model, images, capsys, progress):
    explain("gradients", model, images, batch_size=2, progress=progress)

    assert capsys.readouterr() == ("", "")


def test_a_bar_ends_with_the_work_that_raises(model, images, monkeypatch):
    terminal = at_a_terminal(monkeypatch)
    data = np.concatenate([images, np.full_like(images, np.nan)])

    with pytest.raises(InputError):
        explain("gradients", model, data, progress=True, batch_size=7)

    explain("gradients", model, images, progress=True, batch_size=7)  # a bar that stayed would forbid another
    assert terminal.getvalue().endswith("\x1b[2K")  # the line is cleared


# -- switches that change nothing --------------------------------------------------------------------------------------

EXPRESSIONS = [
    "gradients",
    "gradcam",
    "cam",
    "smooth(gradients, repetitions=5, noise=0.5)",
    "smooth(gradcam, repetitions=3, reduce='variance')",
    "normalize(positive(tta(gradcam, scales=(1.5,))))",
    "smooth(smooth(gradients, repetitions=2), repetitions=2)",
]


def assert_close(actual, expected, tolerance):
    np.testing.assert_allclose(actual.maps, expected.maps, atol=tolerance * np.abs(expected.maps).max())
    np.testing.assert_allclose(actual.scores, expected.scores, rtol=tolerance)
    np.testing.assert_array_equal(actual.targets, expected.targets)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_xla_changes_nothing_but_the_last_digits(model, images, text):
    expected = explain(text, model, images, batch_size=4)

    actual = explain(text, model, images, batch_size=4, jit=True)

    assert_close(actual, expected, 1e-5)


def test_xla_serves_several_targets_and_functions(model, images):
    for targets in ("top2", "all", lambda scores: scores[:, 0] - scores[:, 1]):
        expected = explain("gradcam", model, images, targets, batch_size=4)
        actual = explain("gradcam", model, images, targets, batch_size=4, jit=True)
        np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-5 * np.abs(expected.maps).max())


def test_a_model_that_runs_eagerly_is_explained_alike(tools, images):
    model, eager = tools.convolutional(), tools.convolutional()
    eager.compile("sgd", "mse", run_eagerly=True)
    expected = explain("smooth(gradcam, repetitions=3)", model, images, batch_size=4)

    actual = explain("smooth(gradcam, repetitions=3)", eager, images, batch_size=4)

    np.testing.assert_array_equal(actual.maps, expected.maps)
    assert eager.run_eagerly


@pytest.mark.parametrize("text", ["gradcam", "smooth(gradients, repetitions=3)", "tta(gradcam, scales=(1.5,))"])
def test_running_functions_eagerly_changes_nothing(tools, images, text):
    model, other = tools.convolutional(), tools.convolutional()
    expected = explain(text, model, images, "top2", batch_size=4)

    tf.config.run_functions_eagerly(True)
    try:
        known = explain(text, model, images, "top2", batch_size=4)
        new = explain(text, other, images, "top2", batch_size=4)  # traced under the switch
        labelled = explain(text, other, tf.data.Dataset.from_tensor_slices((images, LABELS)).batch(4))
        assert tf.config.functions_run_eagerly()
    finally:
        tf.config.run_functions_eagerly(False)

    np.testing.assert_array_equal(known.maps, expected.maps)
    np.testing.assert_array_equal(new.maps, expected.maps)
    np.testing.assert_array_equal(labelled.maps, explain(text, model, images, LABELS).maps)


def test_the_global_generators_are_not_touched(model, images):
    tf.random.set_seed(5)
    np.random.seed(5)
    expected = tf.random.normal([3]).numpy(), np.random.rand()
    tf.random.set_seed(5)
    np.random.seed(5)

    first = explain("smooth(gradients, repetitions=2)", model, images)
    actual = tf.random.normal([3]).numpy(), np.random.rand()
    second = explain("smooth(gradients, repetitions=2)", model, images)

    np.testing.assert_array_equal(actual[0], expected[0])
    assert actual[1] == expected[1]
    np.testing.assert_array_equal(first.maps, second.maps)
