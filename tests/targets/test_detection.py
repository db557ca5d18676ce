"""One of the boxes of a detection model, and boxes that overlap a given one."""

import keras
import numpy as np
import pytest

from tests.oracles.weights import settled
from xaikit import explain, find, gradcam, gradients, smooth, stream
from xaikit.errors import TargetError, XaikitWarning
from xaikit.targets import detection, difference, output

FAR = smooth(gradients, noise=20.0, repetitions=6)


def detector(kind=dict):
    """Four boxes that move with the input, and their logits of three classes: all linear in rows of five numbers."""
    inputs = keras.Input((5,), dtype="float64")
    boxes = keras.layers.Reshape((4, 4), dtype="float64")(keras.layers.Dense(16, dtype="float64", name="b")(inputs))
    scores = keras.layers.Reshape((4, 3), dtype="float64")(keras.layers.Dense(12, dtype="float64", name="s")(inputs))
    chances = keras.layers.Activation("sigmoid", dtype="float64")(scores)
    outputs = {"boxes": boxes, "confidence": chances} if kind is dict else [boxes, chances]
    model = settled(keras.Model(inputs, outputs, name="detector"), scale=0.2)
    corners = [[0, 0, 10, 10], [8, 0, 20, 10], [0, 8, 10, 20], [8, 8, 20, 20]]
    model.get_layer("b").bias.assign(np.ravel(corners))
    return model


@pytest.fixture(scope="module")
def model():
    return detector()


@pytest.fixture(scope="module")
def numbers(model):
    """The gradients of each box's logits, [boxes, classes, 5]."""
    return model.get_layer("s").kernel.numpy().T.reshape(4, 3, 5)


def boxes_of(model, rows):
    found = model(rows)
    boxes, chances = found.values() if isinstance(found, dict) else found
    return np.asarray(boxes), np.asarray(chances)


def iou(one, other):
    """Intersection over union, of two corners each, in plain Python."""
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    union = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - width * height
    return width * height / union


def test_a_number_and_a_class_are_one_score(model, rows, numbers):
    logits = (rows @ model.get_layer("s").kernel.numpy() + model.get_layer("s").bias.numpy()).reshape(7, 4, 3)

    result = explain(gradients, model, rows, detection(2, 1))

    np.testing.assert_allclose(result.scores[:, 0], logits[:, 2, 1], atol=1e-12)
    np.testing.assert_allclose(result.maps[..., 0], np.tile(numbers[2, 1], (7, 1)), atol=1e-12)
    assert result.targets.tolist() == [[2]] * 7
    assert result.notes["scores"] == "logits"


@pytest.mark.parametrize("jit", [False, True])
def test_the_box_that_overlaps_best_and_its_best_class_are_those_of_the_clean_input(jit, model, rows, numbers):
    """Every logit is linear, so that the map of a frozen one is the same in all copies, however far they are."""
    given = [[7, 1, 18, 9], [1, 9, 9, 18], [9, 9, 18, 18], [0, 0, 9, 9], [7, 7, 21, 21], [4, 0, 20, 9], [0, 4, 9, 20]]
    boxes, chances = boxes_of(model, rows)
    best = [int(np.argmax([iou(given[i], box) for box in boxes[i]])) for i in range(7)]
    classes = [int(chances[i, best[i]].argmax()) for i in range(7)]

    result = explain(FAR, model, rows, detection(given), batch_size=3, jit=jit)
    for_all = explain(FAR, model, rows, detection([7, 1, 18, 9], 0), jit=jit)

    assert len(set(best)) == 4
    assert len(set(classes)) > 1
    assert result.targets[:, 0].tolist() == best
    np.testing.assert_allclose(result.maps[..., 0], numbers[best, classes], atol=1e-9)
    same = [int(np.argmax([iou([7, 1, 18, 9], box) for box in boxes[i]])) for i in range(7)]
    np.testing.assert_allclose(for_all.maps[..., 0], numbers[same, 0], atol=1e-9)


def test_several_classes_of_one_box_are_several_targets(model, rows, numbers):
    result = explain(gradients, model, rows, detection(3, "all"))

    np.testing.assert_allclose(result.maps, np.tile(numbers[3].T, (7, 1, 1)), atol=1e-12)
    assert result.targets.tolist() == [[3, 3, 3]] * 7


@pytest.mark.parametrize("box", [0, [8.0, 1.0, 19.0, 11.0]], ids=str)
def test_a_similarity_is_the_best_product_of_overlap_and_chance(box, model, rows):
    boxes, chances = boxes_of(model, rows)
    given = [boxes[i, 0] if box == 0 else box for i in range(7)]
    expected = [max(iou(given[i], boxes[i, j]) * chances[i, j, 2] for j in range(4)) for i in range(7)]

    result = explain(gradients, model, rows, detection(box, 2, how="similarity"))

    np.testing.assert_allclose(result.scores[:, 0], expected, atol=1e-9)
    assert result.targets is None
    assert result.notes["scores"] == "outputs"


def test_a_similarity_s_map_is_the_slope_of_that_product(model, rows):
    target = detection([8.0, 1.0, 19.0, 11.0], 2, how="similarity")

    maps = explain(gradients, model, rows[:2], target).maps[..., 0]

    for feature in range(5):
        step = np.zeros(5)
        step[feature] = 1e-5
        high, low = (explain(gradients, model, rows[:2] + sign * step, target).scores[:, 0] for sign in (1, -1))
        np.testing.assert_allclose(maps[:, feature], (high - low) / 2e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("format", "convert"),
    [
        ("yxyx", lambda b: b[..., [1, 0, 3, 2]]),
        ("xywh", lambda b: np.concatenate([b[..., :2], b[..., 2:] - b[..., :2]], axis=-1)),
        ("center_xywh", lambda b: np.concatenate([(b[..., :2] + b[..., 2:]) / 2, b[..., 2:] - b[..., :2]], axis=-1)),
    ],
)
def test_formats_say_the_same_of_the_same_boxes(format, convert, rows):
    corners = np.array([[0, 0, 10, 10], [8, 0, 20, 10], [0, 8, 10, 20], [8, 8, 20, 20.0]])

    def fixed(boxes):
        model = detector()
        model.get_layer("b").kernel.assign(np.zeros((5, 16)))
        model.get_layer("b").bias.assign(boxes.ravel())
        return model

    given = np.array([6.0, 1, 16, 9])
    for how in ("index", "similarity"):
        expected = explain(gradients, fixed(corners), rows, detection(given, 1, how=how))
        actual = explain(gradients, fixed(convert(corners)), rows, detection(convert(given), 1, how=how, format=format))
        np.testing.assert_allclose(actual.scores, expected.scores, atol=1e-12)


def test_outputs_are_named_or_a_pair_in_order(rows, model):
    listed = detector(list)
    expected = explain(gradients, model, rows, detection(1, 1))

    renamed = keras.Model(model.input, {"a": model.output["confidence"], "z": model.output["boxes"], "n": model.input})
    for other, given in ((listed, None), (listed, (0, 1)), (renamed, ("z", "a"))):
        actual = explain(gradients, other, rows, detection(1, 1, outputs=given))
        np.testing.assert_array_equal(actual.maps, expected.maps)


def test_layers_are_looked_for_on_the_way_to_the_scores(rows):
    inputs = keras.Input((4, 4, 1))
    features = keras.layers.Conv2D(3, 3, activation="relu", name="features")(inputs)
    chances = keras.layers.Conv2D(2, 1, activation="sigmoid", name="scores")(features)  # behind the logits
    boxes = keras.layers.Reshape((-1, 4))(keras.layers.Conv2D(4, 1, name="boxes")(features))
    model = keras.Model(inputs, [boxes, keras.layers.Reshape((-1, 2))(chances)])

    assert explain(gradcam, model, np.ones((1, 4, 4, 1)), detection(0)).notes["layer"] == "features"


def test_scores_without_a_class_axis_are_one_class(rows, model):
    best = keras.Model(model.input, {"boxes": model.output["boxes"], "confidence": model.output["confidence"][..., 1]})

    actual = explain(gradients, best, rows, detection(2))

    assert actual.targets.tolist() == [[2]] * 7
    with pytest.raises(TargetError, match="Target 1 is out of range: the model has 1 output"):
        explain(gradients, best, rows, detection(2, 1))


def test_boxes_and_classes_are_data_and_trace_nothing_anew(traced, model, rows):
    recorded, traces = traced

    for targets in (detection(0, 0), detection(3, 2), detection(1)):
        explain(recorded, model, rows, targets, batch_size=3)
    assert len(traces) == 1
    for targets in (detection([0, 0, 9, 9]), detection(np.tile([8.0, 8, 20, 20], (7, 1)), 1)):
        explain(recorded, model, rows, targets, batch_size=3)
    assert len(traces) == 2


def test_a_box_that_nothing_overlaps_is_told(model, rows):
    with pytest.warns(XaikitWarning, match="no box overlaps the given one"):
        explain(gradients, model, rows, detection([500, 500, 600, 600]))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (detection(4), "Box 4 is out of range: the model has 4, counted from 0"),
        (detection(0, 3), "Target 3 is out of range: the model has 3 outputs"),
        (detection(np.ones((3, 4))), "is for 3 examples, and the data has 7"),
        (detection(0, [0, 1]), "is for 2 examples, and the data has 7"),
        (
            detection(0, outputs=("box", "confidence")),
            "'box' and 'confidence', and the model has 'boxes', 'confidence'",
        ),
        (detection(0, outputs=("confidence", "boxes")), r"boxes \[B, n, 4\].*gives \(None, 4, 3\) and \(None, 4, 4\)"),
        (output("boxes", detection(0)), r"reads boxes and their scores.*and the model has 0"),
        (output("boxes", difference(0, 1)), r"difference compares classes.*\(None, 4, 4\)"),
    ],
    ids=repr,
)
def test_what_does_not_fit_the_outputs_is_refused_before_anything_is_traced(targets, message, model, rows, traced):
    recorded, traces = traced

    with pytest.raises(TargetError, match=message):
        stream(recorded, model, rows, targets)

    assert not traces


@pytest.mark.parametrize(("text", "message"), [("scales=()", "mirrored view"), ("hflip=False", "view of another size")])
@pytest.mark.parametrize("how", ["index", "similarity"])
def test_views_that_number_their_boxes_otherwise_are_refused(text, message, how):
    inputs = keras.Input((None, None, 1))
    boxes = keras.layers.Reshape((-1, 4))(keras.layers.Conv2D(4, 1)(inputs))
    model = keras.Model(inputs, [boxes, keras.layers.Reshape((-1, 2))(keras.layers.Conv2D(2, 1)(inputs))])

    with pytest.raises(TargetError, match=message):
        explain(find(f"tta(gradients, {text})"), model, np.ones((1, 4, 4, 1)), detection(0, how=how))
