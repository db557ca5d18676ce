"""One of several outputs, by name and by position."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit import cam, explain, find, gradcam, gradients, mc_dropout, smooth, stream
from xaikit.errors import TargetError
from xaikit.targets import difference, output, segment


@pytest.fixture(scope="module")
def species(two_heads):
    """The model of that one head, which shares its layers."""
    return keras.Model(two_heads.input, two_heads.output["species"], name="species")


@pytest.fixture(scope="module")
def listed(two_heads):
    return keras.Model(two_heads.input, list(two_heads.output.values()), name="listed")


TARGETS = ["top1", "top3", "all", 4, [4, 0, 1, 2, 3], [[0, 1]] * 5, difference("top1", "top2"), lambda s: s[:, 3]]


@pytest.mark.parametrize(
    "targets", TARGETS, ids=lambda value: "function" if callable(value) and not hasattr(value, "first") else str(value)
)
def test_an_output_by_name_or_position_is_the_model_of_that_output_alone(targets, two_heads, species, listed, pictures):
    expected = explain(gradients, species, pictures, targets, batch_size=2)

    for model, which in ((two_heads, "species"), (two_heads, 1), (listed, 1), (listed, "species")):
        actual = explain(gradients, model, pictures, output(which, targets), batch_size=2)
        np.testing.assert_allclose(actual.scores, expected.scores, atol=1e-12)
        np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-12)
        np.testing.assert_array_equal(actual.targets, expected.targets)
        assert actual.notes["output"] == str(which)
        assert actual.notes["targets"] == repr(output(which, targets))
        assert actual.notes["scores"] == "logits"


def test_layers_are_looked_for_on_the_way_to_that_output(two_heads, pictures):
    for which in ("genus", "species"):
        for explainer in (gradcam, cam):
            assert explain(explainer, two_heads, pictures, output(which)).notes["layer"] == f"{which}_conv"


@pytest.mark.parametrize(
    "text", ["smooth(gradients, noise=2.0, repetitions=5)", "mc_dropout(gradients, repetitions=5)"]
)
def test_the_best_class_of_an_output_is_that_of_the_clean_input(text, two_heads, pictures):
    best = explain(gradients, two_heads, pictures, output("species")).targets
    expected = explain(find(text), two_heads, pictures, output("species", best))

    actual = explain(find(text), two_heads, pictures, output("species"))

    np.testing.assert_array_equal(actual.targets, best)
    np.testing.assert_array_equal(actual.maps, expected.maps)


def test_a_stream_tells_the_targets_of_each_batch(two_heads, pictures):
    whole = explain(gradients, two_heads, pictures, output(0, "all"))

    parts = list(stream(gradients, two_heads, pictures, output(0, "all"), batch_size=2))

    assert [part.targets.tolist() for part in parts] == [[[0, 1, 2]] * 2, [[0, 1, 2]] * 2, [[0, 1, 2]]]
    np.testing.assert_array_equal(np.concatenate([part.maps for part in parts]), whole.maps)


def test_equal_values_share_a_trace_and_other_outputs_do_not(traced, two_heads, pictures):
    recorded, traces = traced

    for targets in ("top1", 2, [0, 1, 2, 1, 0]):
        explain(recorded, two_heads, pictures, output("genus", targets))
    assert len(traces) == 1

    explain(recorded, two_heads, pictures, output("species"))
    assert len(traces) == 2


def test_labels_in_the_data_are_not_read(two_heads, pictures):
    labelled = tf.data.Dataset.from_tensor_slices((pictures, {"genus": [0.5] * 5, "species": [0.5] * 5})).batch(2)

    actual = explain(gradients, two_heads, labelled, output("genus"))

    np.testing.assert_array_equal(actual.targets, explain(gradients, two_heads, pictures, output("genus")).targets)


def test_an_only_output_has_a_name_and_a_position_too(linear, rows):
    expected = explain(gradients, linear, rows)

    for which in (0, linear.output_names[0]):
        np.testing.assert_array_equal(explain(gradients, linear, rows, output(which)).maps, expected.maps)


def test_a_model_that_declares_nothing_is_chosen_from_too(rows, traced):
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.first, self.second = keras.layers.Dense(2), keras.layers.Dense(3, activation="softmax")

        def call(self, inputs):
            return self.first(inputs), self.second(inputs)

    recorded, traces = traced
    model = Own()
    model(rows.astype("float32"))
    settled(model)

    actual = explain(recorded, model, rows, output(1, "all"))

    np.testing.assert_allclose(actual.maps[0], model.second.kernel.numpy(), atol=1e-6)
    assert len(traces) == 1
    explain(recorded, model, rows, output(1, difference(0, 2)), batch_size=4)
    assert len(traces) == 2
    with pytest.raises(TargetError, match="There is no output 2: model 'own' has 2 outputs, 0, 1, counted from 0"):
        explain(gradients, model, rows, output(2))
    with pytest.raises(TargetError, match="There is no output named 'first'"):
        explain(gradients, model, rows, output("first"))
    with pytest.raises(TargetError, match="Target 3 is out of range"):
        explain(gradients, model, rows, output(1, difference(0, 3)))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (output("family"), "no output named 'family': model 'heads' has 2 outputs, 'genus', 'species'"),
        (output(2), "There is no output 2: model 'heads' has 2 outputs, 'genus', 'species', counted from 0"),
        (output("genus", 3), "Target 3 is out of range: the model has 3 outputs, 0 to 2"),
        (output("genus", [0, 1]), "There are targets for 2 examples, and the data has 5"),
        (output("genus", difference(0, 4)), "Target 4 is out of range"),
        (output("genus", segment(0)), r"segment explains outputs with positions.*\(None, 3\)"),
        (difference(0, 1), r"reads one output, and the model has 2, 'genus', 'species': choose one.*output\('genus'"),
        ("top1", r"several outputs \('genus', 'species'\).*output\('genus'\)"),
    ],
    ids=str,
)
def test_what_a_model_does_not_have_is_refused_before_anything_is_traced(targets, message, two_heads, pictures, traced):
    recorded, traces = traced

    with pytest.raises(TargetError, match=message):
        stream(recorded, two_heads, pictures, targets)  # not even asked for a batch

    assert not traces


def test_outputs_of_one_name_are_told_apart_by_position(two_heads, pictures):
    inner = keras.Input((6, 6, 2), dtype="float64")
    both = two_heads(inner)
    model = keras.Model(inner, [both["genus"], both["species"]], name="outer")

    with pytest.raises(TargetError, match=r"Several outputs are named 'heads'.*give a position"):
        explain(gradients, model, pictures, output("heads"))
    assert explain(gradients, model, pictures, output(1, "all")).scores.shape == (5, 5)


def test_an_output_composes_with_every_transformer(two_heads, pictures):
    explainer = smooth(mc_dropout(gradcam, repetitions=2), repetitions=2)

    assert explain(explainer, two_heads, pictures, output("genus", "top2")).maps.shape == (5, 4, 4, 2)
