"""`evaluate`: a table of explainers by metrics, from one pass over the data."""

import csv
import io
import json
import math
import weakref
from typing import Literal

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

from tests.oracles.counting import RowsOf
from xaikit import deletion, evaluate, explain, gradcam, gradients, guided_backprop, occlusion, smooth
from xaikit.core import ArrayLike, Explanation, forward, gradient, method, per_target, warn_where
from xaikit.engine.compiled import _cache
from xaikit.errors import (
    InputError,
    ModelError,
    OutputError,
    ParameterError,
    SetupError,
    TargetError,
    UnknownName,
    UsageError,
    XaikitWarning,
)
from xaikit.measuring import Measurement, metric

SHORT = deletion(steps=3)


@metric(better="higher")
def size(model):
    """How large a map is."""

    def measure(case):
        return Measurement(tf.reduce_sum(tf.abs(case.maps), axis=range(1, case.maps.shape.rank)))

    return measure


@metric(better="lower")
def odd(model):
    """The place of an example's largest value, or NaN where its first value is negative."""

    def measure(case):
        first = tf.reshape(case.inputs, [tf.shape(case.inputs)[0], -1])[:, 0]
        return Measurement(tf.where(first < 0, np.nan, first))

    return measure


@metric(better="lower")
def refused(model):
    """Nothing can be measured."""
    raise ModelError("There is nothing to see here.")


@pytest.fixture(scope="module")
def found(pooled, images):
    explainers = {"cam": "gradcam", "slopes": gradients, "attention": "attention_rollout"}
    return evaluate(explainers, pooled, images, metrics=[SHORT, size, odd, refused], batch_size=2, resamples=200)


def test_each_cell_is_what_the_metric_says_by_itself(found, pooled, images):
    for label, explainer in (("cam", gradcam), ("slopes", gradients)):
        for each in (SHORT, size):
            expected = each(explainer, pooled, images)

            np.testing.assert_allclose(found[label, each.name].values, expected, rtol=1e-5)
            assert found[label, repr(each)].mean == pytest.approx(expected.mean())
    curve = SHORT.curve(gradcam, pooled, images)
    band = found["cam", "deletion"].band
    np.testing.assert_allclose(band.mean, curve.values.mean(axis=0), rtol=1e-5)
    reach = 1.959964 * curve.values.std(axis=0, ddof=1) / math.sqrt(5)
    np.testing.assert_allclose(band.high - band.mean, reach, rtol=1e-4)
    np.testing.assert_allclose(band.mean - band.low, reach, rtol=1e-4)
    np.testing.assert_array_equal(band.at, curve.at)


def test_what_has_nothing_to_measure_is_left_out_and_counted(found, images):
    first = images.reshape(5, -1)[:, 0]
    expected = first[first >= 0]

    cell = found["cam", "odd"]

    assert 0 < len(expected) < 5
    assert cell.missing == 5 - len(expected)
    assert cell.mean == pytest.approx(expected.mean())
    assert np.isnan(cell.values).sum() == cell.missing
    assert f"-{cell.missing}" in str(found)


def test_an_interval_is_that_of_means_of_resampled_examples(found):
    cell = found["slopes", "size"]
    random = np.random.default_rng(0)
    means = [cell.values[random.integers(0, 5, 5)].mean() for _ in range(200)]

    np.testing.assert_allclose([cell.low, cell.high], np.quantile(means, [0.025, 0.975]), rtol=1e-5)
    assert cell.low < cell.mean < cell.high


def test_what_cannot_be_measured_says_why_and_loses_nothing_else(found):
    assert set(found.errors) == {("attention", label) for label in found.metrics} | {
        ("cam", "refused"),
        ("slopes", "refused"),
    }
    assert found.errors["cam", "refused"] == "There is nothing to see here."
    assert "No attention is seen" in found.errors["attention", "size"]
    assert found.examples == 5
    assert str(found).count("There is nothing to see here.") == 1
    assert found.costs["attention"].rows is None
    with pytest.raises(UsageError, match="was not measured: There is nothing"):
        found["cam", "refused"]


def test_strict_stops_at_the_first_error_and_so_does_nothing_that_can_be_measured(pooled, images):
    with pytest.raises(ModelError, match="nothing to see"):
        evaluate(gradcam, pooled, images, metrics=[size, refused], strict=True)
    with pytest.raises(ModelError, match="nothing to see"):
        evaluate(gradcam, pooled, images, metrics=refused)
    with pytest.raises(TargetError, match="out of range"):
        evaluate([gradcam, gradients], pooled, images, 9, metrics=size)


def test_the_better_comes_first_and_names_find_their_columns(found):
    means = {label: found[label, "size"].mean for label in ("cam", "slopes")}

    assert found.ranked("size") == sorted(means, key=means.get, reverse=True)
    assert found.ranked("deletion") == sorted(("cam", "slopes"), key=lambda label: found[label, "deletion"].mean)
    assert found.label("deletion") == "deletion(steps=3)"
    for place, text in ((("can", "size"), "no explainer named 'can'"), (("cam", "seize"), "no metric named 'seize'")):
        with pytest.raises(UnknownName, match=text):
            found[place]


def test_it_prints_itself_as_a_table(found):
    page = io.StringIO()
    Console(file=page, width=120).print(found)

    for text in (str(found), repr(found), page.getvalue()):
        assert "deletion(steps=3) \N{DOWNWARDS ARROW}" in text
        assert "size \N{UPWARDS ARROW}" in text
        assert "5 examples" in text
        assert f"{found['cam', 'deletion'].mean:.3f}" in text
    html = found._repr_html_()
    assert html.count("<tr>") == 4
    assert "<b>" in html


def test_names_are_data_and_no_markup(pooled, images):
    made = evaluate({"<i>[bold]x|y": gradients}, pooled, images, metrics=size, resamples=5)

    assert "<i>[bold]x|y" in str(made)
    assert "&lt;i&gt;[bold]x|y" in made._repr_html_()
    assert "<i>[bold]x\\|y" in made.to_markdown()


def test_it_is_written_as_csv_json_and_markdown(found, tmp_path):
    rows = list(csv.DictReader(io.StringIO(found.to_csv(tmp_path / "table.csv"))))
    each = list(csv.DictReader(io.StringIO(found.to_csv(each=True))))
    data = json.loads(found.to_json(tmp_path / "table.json"))
    lines = found.to_markdown(tmp_path / "table.md").splitlines()

    assert len(rows) == 3 * 4
    assert float(rows[0]["mean"]) == found["cam", "deletion"].mean
    assert [row["error"] for row in rows].count("There is nothing to see here.") == 2
    assert {row["mean"] for row in rows if row["error"]} == {""}
    assert len(each) == 2 * 3 * 5
    assert [float(row["value"]) for row in each[:5]] == found["cam", "deletion"].values.tolist()
    assert data["explainers"]["cam"]["metrics"]["odd"]["values"].count(None) == found["cam", "odd"].missing
    assert data["explainers"]["cam"]["expression"] == "gradcam"
    assert data["explainers"]["cam"]["notes"] == {"scores": "logits", "layer": "conv2"}
    assert data["metrics"]["deletion(steps=3)"]["better"] == "lower"
    assert data["versions"].keys() == {"xaikit", "keras", "numpy", "tensorflow", "python"}
    assert len(data["explainers"]["cam"]["metrics"]["deletion(steps=3)"]["curve"]["mean"]) == 4
    assert len([line for line in lines if line.startswith("|")]) == 2 + 3
    for name in ("table.csv", "table.json", "table.md"):
        assert (tmp_path / name).read_text(encoding="utf-8")
    with pytest.raises(OutputError, match="Cannot write"):
        found.to_csv(tmp_path / "nowhere" / "table.csv")


def test_pandas_gets_the_same_rows_or_is_named(found):
    try:
        import pandas  # noqa: F401
    except ImportError:
        with pytest.raises(SetupError, match="pip install pandas"):
            found.to_pandas()
    else:
        assert len(found.to_pandas()) == 12
        assert len(found.to_pandas(each=True)) == 30


def test_it_is_drawn(found, tmp_path):
    assert len(found.plot(to=tmp_path / "bars.png").axes) == 4
    assert len(found.plot(metrics=["size"]).axes) == 1
    assert len(found.plot_curves("deletion", to=tmp_path / "curves.pdf").axes[0].lines) == 2
    assert len(found.plot_cost("size", to=tmp_path / "cost.svg").axes[0].lines) == 4
    assert found.plot_cost("size", over="seconds").axes[0].get_xlabel() == "seconds"
    for name in ("bars.png", "curves.pdf", "cost.svg"):
        assert (tmp_path / name).stat().st_size > 1000
    with pytest.raises(UsageError, match="size has no curve"):
        found.plot_curves("size")
    with pytest.raises(UsageError, match="over must be 'rows' or 'seconds', not 'money'"):
        found.plot_cost("size", over="money")


def test_several_targets_are_measured_together(pooled, images):
    made = evaluate(gradients, pooled, images, "top2", metrics=[size, SHORT], resamples=50)

    expected = size(gradients, pooled, images, "top2")
    assert made["gradients", "size"].values.shape == (5, 2)
    assert made["gradients", "size"].mean == pytest.approx(expected.mean())
    assert made["gradients", "deletion"].band.mean.shape == (4,)
    rows = list(csv.DictReader(io.StringIO(made.to_csv(each=True))))
    assert [row["target"] for row in rows[:4]] == ["0", "1", "0", "1"]
    assert float(rows[1]["value"]) == made["gradients", "size"].values[0, 1]


@metric(better="higher")
def drawing(model, *, reference: ArrayLike | None = None, replace: Literal["dataset", "zeros"] = "dataset"):
    """The mean of a reference, that was not given; nothing where an example has no such thing."""
    if reference is None:
        raise ModelError("Nothing to draw from.")
    value = reference.values.mean()
    return lambda case: Measurement(0 * case.scores + value)


def test_a_metric_that_is_given_the_data_keeps_the_name_that_it_was_asked_for_by(pooled, images):
    made = evaluate(gradients, pooled, images, metrics=[drawing, size], resamples=5)

    assert made["gradients", "drawing"].mean == pytest.approx(images.mean(), abs=1e-5)
    assert set(made.metrics) == {"drawing", "size"}


@metric(better="higher")
def flipped(model, *, order: Literal["most_relevant", "least_relevant"] = "most_relevant"):
    """How large a map is, or how small."""
    return size.declaration.function(model)


def test_the_order_of_the_least_relevant_turns_round_which_way_is_better(pooled, images):
    most, least = flipped(), flipped(order="least_relevant")
    made = evaluate([gradients, gradcam], pooled, images, metrics=[most, least], resamples=5)

    assert made.metrics["flipped"].better == "higher"
    assert made.metrics["flipped(order='least_relevant')"].better == "lower"
    assert made.ranked("flipped(order='least_relevant')") == made.ranked("flipped")[::-1]


@method
def doubted(model):
    """Warn of itself."""

    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        warn_where(tf.reduce_any(scores > -1e9), "This is not what was meant.")
        return Explanation(scores, per_target(lambda score: gradient(score, inputs), scores))

    return step


def test_what_is_probably_not_meant_is_warned_of_once(pooled, images):
    with pytest.warns(XaikitWarning, match=r"^mine: This is not what was meant\.$") as seen:
        evaluate({"mine": doubted}, pooled, images, metrics=size, batch_size=2, resamples=5)

    assert len(seen) == 1


@method
def doubtful(model):
    """Make maps that are not finite for inputs that begin with a large value."""

    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        slopes = per_target(lambda score: gradient(score, inputs), scores)
        first = inputs[:, :1, :1, :1, tf.newaxis]
        return Explanation(scores, tf.where(first > 100, np.inf, slopes))

    return step


def test_an_explainer_that_fails_on_the_way_is_left_out_whole(pooled, images):
    data = np.concatenate([images, images])
    data[7, 0, 0, 0] = 101

    made = evaluate([doubtful, gradients], pooled, data, metrics=[size, SHORT], batch_size=5, resamples=5)

    assert set(made.cells) == {("gradients", "size"), ("gradients", "deletion(steps=3)")}
    assert made.errors["doubtful", "size"].startswith("The map of example 7 is not finite")
    assert len(made["gradients", "size"].values) == 10


def batches(images, sizes=(1, 3, 1)):
    start = 0
    for size in sizes:
        yield images[start : start + size]
        start += size


def test_a_generator_is_read_once_by_all(pooled, images, found):
    explainers = {"cam": "gradcam", "slopes": gradients, "attention": "attention_rollout"}
    made = evaluate(explainers, pooled, batches(images), metrics=[SHORT, refused, size], batch_size=2, resamples=5)

    for label in ("cam", "slopes"):
        for name in ("deletion", "size"):
            np.testing.assert_allclose(made[label, name].values, found[label, name].values, rtol=1e-5)
    assert made.costs["cam"].rows == 1
    assert len(made.errors) == 5


def test_a_dataset_that_shuffles_shows_all_the_same_order_and_is_held_in_part_only(pooled, images):
    taken, ahead = [], []

    @method
    def late(model):
        """Take note of how far the data was read."""

        def step(inputs, targets):
            scores = forward(model, inputs, targets)
            look = tf.numpy_function(lambda x: ahead.append(len(taken)) or x, [inputs], inputs.dtype)
            look.set_shape(inputs.shape)
            return Explanation(scores, look[..., tf.newaxis] + 0 * scores[:, tf.newaxis, tf.newaxis, tf.newaxis])

        return step

    data = tf.data.Dataset.from_tensor_slices(np.repeat(images, 8, axis=0)).shuffle(40).batch(4)
    noted = data.map(lambda x: tf.numpy_function(lambda y: taken.append(1) or y, [x], x.dtype))
    spec = tf.TensorSpec([None, 8, 8, 3], tf.float32)
    noted = noted.map(lambda x: tf.ensure_shape(x, spec.shape))

    made = evaluate({"a": late, "b": late(), "c": late}, pooled, noted, metrics=[size, odd], batch_size=4, resamples=5)

    np.testing.assert_array_equal(made["a", "size"].values, made["b", "size"].values)
    np.testing.assert_array_equal(made["a", "odd"].values, made["c", "odd"].values)
    assert len(taken) == 10  # one pass
    assert ahead[0] <= 3
    with pytest.raises(InputError, match="does not end: give steps"):
        evaluate(gradients, pooled, data.repeat(), metrics=size)
    assert evaluate(gradients, pooled, data.repeat(), metrics=size, steps=2, resamples=5).examples == 8


def test_data_is_let_go_as_soon_as_all_have_read_it(pooled, images):
    held = []

    def data():
        references = []
        for _ in range(8):
            held.append(sum(reference() is not None for reference in references))
            batch = images.copy()
            batch[2, 0, 0, 0] = 101 if len(held) == 3 else 0  # one explainer fails here
            references.append(weakref.ref(batch))
            yield batch
            del batch

    explainers = [gradients, "attention_rollout", doubtful, gradcam]
    made = evaluate(explainers, pooled, data(), metrics=[size, refused], batch_size=5, resamples=5)

    assert len(made.cells) == 2
    assert len(held) == 8
    assert max(held) <= 3


def test_labels_in_the_data_are_the_targets(pooled, images):
    labels = np.array([3, 0, 1, 2, 2])
    made = evaluate([gradients, gradcam], pooled, iter([(images, labels)]), metrics=size, resamples=5)

    np.testing.assert_allclose(made["gradients", "size"].values, size(gradients, pooled, images, labels), rtol=1e-5)


def test_data_that_breaks_off_breaks_off_for_all(pooled, images):
    def broken():
        yield images
        raise InputError("The disk is full of moths.")

    def nonsense():
        yield images
        raise ZeroDivisionError

    with pytest.raises(InputError, match="moths"):
        evaluate([gradients, gradcam], pooled, broken(), metrics=size, batch_size=5)
    with pytest.raises(ZeroDivisionError):
        evaluate([gradients, gradcam], pooled, nonsense(), metrics=size, batch_size=5)
    with pytest.raises(InputError, match="NaN"):
        evaluate([gradients, gradcam], pooled, iter([images, images * np.nan]), metrics=size, batch_size=5)


def test_masks_go_with_the_examples_whatever_batches_they_come_in(pooled, images):
    @metric(better="higher", masks=True)
    def area(model):
        """The share of the mask."""
        return lambda case: Measurement(tf.reduce_mean(tf.cast(case.masks, tf.float32), axis=[1, 2]))

    masks = np.arange(5 * 64).reshape(5, 8, 8) % 7 < np.arange(5)[:, None, None]
    made = evaluate(
        [gradients, gradcam], pooled, batches(images), metrics=[area], masks=masks, batch_size=2, resamples=5
    )

    np.testing.assert_allclose(made["gradcam", "area"].values, masks.mean(axis=(1, 2)), rtol=1e-6)
    with pytest.raises(UsageError, match="compares with masks"):
        evaluate(gradients, pooled, images, metrics=[area])


def test_metrics_share_the_explanation_and_feed_full_batches():
    counted = RowsOf()
    explainer = occlusion(patch=2, stride=2)

    def rows(metrics):
        return counted.counted(
            lambda: evaluate(explainer, counted.model, counted.images, metrics=metrics, batch_size=6, resamples=5)
        )

    def total(metrics):
        return sum(rows(metrics)) - (1 + 1 + 4)  # the count beside it: of one example, with a pass for its target

    explaining = total([size])
    assert explaining == 6 * (1 + 4)
    assert total([size, SHORT, deletion(steps=4)]) == explaining + 6 * 3 + 6 * 4
    # a batch with room left takes several steps at a time
    fed = counted.counted(
        lambda: evaluate(gradients, counted.model, counted.images, metrics=deletion(steps=5), batch_size=18)
    )
    assert max(fed) == 18
    assert sorted(fed) == [1, 1, 6, 12, 18]


@pytest.mark.parametrize(
    ("explainer", "expected"),
    [(smooth(gradients, repetitions=7), 8), (occlusion(patch=2, stride=2), 1 + 4)],
    ids=repr,
)
def test_a_cost_is_the_rows_that_a_model_sees(pooled, images, explainer, expected):
    counted = RowsOf()
    seen = sum(counted.counted(lambda: explain(explainer, counted.model, counted.images[:1])))

    made = evaluate(explainer, counted.model, counted.images, metrics=size, resamples=5)

    assert made.costs[repr(explainer)].rows == seen == expected
    assert made.costs[repr(explainer)].seconds > 0


def test_the_clean_pass_that_a_rule_goes_back_through_is_counted_once(pooled, images):
    assert evaluate(guided_backprop, pooled, images, metrics=size, resamples=5).costs["guided_backprop"].rows == 1
    smoothed = evaluate("smooth(gradients, repetitions=3)", pooled, images, metrics=size, resamples=5)
    assert smoothed.costs["smooth(gradients, repetitions=3)"].rows == 1 + 3  # of a pass that can be copied


def test_one_trace_serves_all_batches_and_every_evaluation(tools_model, images):
    def evaluated():
        evaluate(gradients, tools_model, images, metrics=[size, SHORT], batch_size=2, resamples=5)
        return [request.explainers for request in _cache[tools_model]]

    first = evaluated()

    assert evaluated() == first
    assert len(first) == 2  # the evaluation, and the count beside it


@pytest.fixture
def tools_model():
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inputs)))


def test_progress_is_a_bar_on_stderr(pooled, images, capsys):
    evaluate([gradients, gradcam], pooled, images, metrics=size, progress=True, resamples=5)

    out, err = capsys.readouterr()
    assert "10/10" in err
    assert "evaluating" in err
    assert out == ""


def test_two_replicas_are_one(images):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        inputs = keras.Input((8, 8, 3))
        hidden = keras.layers.Conv2D(3, 3, activation="relu")(inputs)
        model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(keras.layers.GlobalAveragePooling2D()(hidden)))
    alone = keras.models.clone_model(model)
    alone.set_weights(model.get_weights())

    two, one = (evaluate(gradients, each, images, metrics=size, resamples=5) for each in (model, alone))

    np.testing.assert_allclose(two["gradients", "size"].values, one["gradients", "size"].values, rtol=1e-5)
    assert two.costs["gradients"].rows == 1


@pytest.mark.parametrize(
    ("explainers", "options", "error", "text"),
    [
        ([], {}, UsageError, "no explainer to evaluate"),
        ({}, {}, UsageError, "no explainer to evaluate"),
        (gradients, {"metrics": []}, UsageError, "no metric to evaluate by"),
        (deletion, {}, UsageError, "deletion is a metric"),
        ([gradients, "gradients"], {}, UsageError, "gradients is there twice"),
        (3, {}, UsageError, "a value with bind, or its text, not 3"),
        (gradients, {"metrics": [gradcam]}, UsageError, "gradcam is no metric"),
        (gradients, {"confidence": 1.0}, ParameterError, "confidence must be between 0 and 1, not 1.0"),
        (gradients, {"resamples": 0}, ParameterError, "resamples must be at least 1, not 0"),
        (gradients, {"progress": "loud"}, UsageError, "progress must be True, False or 'auto'"),
        (gradients, {"batch_size": 0}, UsageError, "batch_size must be"),
        ("gradient", {}, UnknownName, "Did you mean 'gradients'"),
    ],
)
def test_a_wrong_call_is_refused(pooled, images, explainers, options, error, text):
    with pytest.raises(error, match=text):
        evaluate(explainers, pooled, images, **({"metrics": size} | options))


def test_intervals_are_drawn_by_the_seed(pooled, images):
    def interval(**options):
        cell = evaluate(gradients, pooled, images, metrics=size, resamples=7, **options)["gradients", "size"]
        return cell.low, cell.high

    assert interval() == interval()
    assert interval() != interval(seed=1)


def test_one_example_has_no_interval(pooled, images):
    cell = evaluate(gradients, pooled, images[:1], metrics=[size, SHORT])["gradients", "size"]

    assert math.isnan(cell.low)
    assert math.isnan(cell.high)
    assert "nan" not in str(evaluate(gradients, pooled, images[:1], metrics=[size, SHORT]))
