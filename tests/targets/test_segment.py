"""A class in a region of a segmentation: the region is that of the clean input, wherever it is looked at from."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit import explain, find, gradients, smooth, tta
from xaikit.errors import TargetError, XaikitWarning
from xaikit.targets import named, segment

MASK = np.zeros((4, 6), bool)
MASK[0, :2], MASK[2, 3] = True, True
EACH = np.random.default_rng(0).random((5, 4, 6)) < 0.4


@pytest.fixture(scope="module")
def predicted(segmenter, scenes):
    return np.asarray(segmenter(scenes)).argmax(axis=-1)


def slopes(segmenter, weights, index):
    """The gradient of a weighted mean of one class's logits, of a 1x1 convolution: [N, H, W, 2]."""
    kernel = segmenter.layers[-1].kernel.numpy()[0, 0]  # [2, classes]
    shares = weights / weights.sum(axis=(1, 2), keepdims=True)
    return shares[..., np.newaxis] * kernel[:, index].T.reshape(-1, 1, 1, 2)


def regions(predicted, index):
    index = np.broadcast_to(index, 5)
    box = np.zeros((4, 6))
    box[1:3, 2:6] = 1
    return {
        "predicted": predicted == index[:, None, None],
        "all": np.ones((5, 4, 6)),
        (1, 2, 3, 6): np.tile(box, (5, 1, 1)),
        "mask": np.tile(MASK, (5, 1, 1)),
        "each": EACH,
    }


@pytest.mark.parametrize("region", ["predicted", "all", (1, 2, 3, 6), "mask", "each"])
@pytest.mark.parametrize("explainer", [gradients, smooth(gradients, noise=9.0, repetitions=5)], ids=repr)
def test_the_map_is_the_gradient_of_the_mean_over_the_clean_region(region, explainer, segmenter, scenes, predicted):
    """A noisy copy is predicted otherwise; the gradient of a frozen region is the same in all of them."""
    given = {"mask": MASK, "each": EACH}.get(region, region)
    expected = slopes(segmenter, regions(predicted, 1)[region], np.full(5, 1))

    result = explain(explainer, segmenter, scenes, segment(1, given), batch_size=3)

    np.testing.assert_allclose(result.maps[..., 0], expected, atol=1e-9)
    assert result.targets.tolist() == [[1]] * 5
    assert result.notes["scores"] == "logits"


def test_scores_are_means_of_logits(segmenter, scenes, predicted):
    logits = scenes @ segmenter.layers[-1].kernel.numpy()[0, 0] + segmenter.layers[-1].bias.numpy()
    expected = [logits[i, ..., 1][predicted[i] == 1].mean() for i in range(5)]

    result = explain(gradients, segmenter, scenes, segment(1))

    np.testing.assert_allclose(result.scores[:, 0], expected, atol=1e-9)


def test_ranks_count_positions(segmenter, scenes, predicted):
    counts = np.stack([(predicted == k).sum(axis=(1, 2)) for k in range(3)], axis=1)
    order = np.argsort(-counts, axis=1, kind="stable")
    inside = np.stack([((predicted == k) & EACH).sum(axis=(1, 2)) for k in range(3)], axis=1)

    best = explain(gradients, segmenter, scenes, segment("top1"))
    two = explain(gradients, segmenter, scenes, segment("top2"))
    there = explain(gradients, segmenter, scenes, segment("top1", EACH))

    assert len(np.unique(order[:, 0])) > 1
    np.testing.assert_array_equal(best.targets[:, 0], order[:, 0])
    np.testing.assert_array_equal(two.targets, order[:, :2])
    np.testing.assert_array_equal(there.targets[:, 0], np.argsort(-inside, axis=1, kind="stable")[:, 0])
    np.testing.assert_allclose(two.maps[..., :1], best.maps, atol=1e-12)
    np.testing.assert_allclose(
        best.maps[..., 0], slopes(segmenter, predicted == order[:, :1, None], order[:, 0]), atol=1e-9
    )


def test_classes_are_given_as_explain_takes_them(segmenter, scenes):
    every = explain(gradients, segmenter, scenes, segment("all", "all"))
    each = [2, 0, 1, 1, 2]

    one = explain(gradients, segmenter, scenes, segment(each, "all"), batch_size=2)
    several = explain(gradients, segmenter, scenes, segment([[2, 0]] * 5, "all"))
    name = explain(gradients, segmenter, scenes, segment(named("road", ["sky", "tree", "road"]), "all"))

    assert every.targets.tolist() == [[0, 1, 2]] * 5
    np.testing.assert_allclose(one.maps[..., 0], every.maps[range(5), ..., each], atol=1e-12)
    np.testing.assert_allclose(several.maps, every.maps[..., [2, 0]], atol=1e-12)
    np.testing.assert_allclose(name.maps, every.maps[..., 2:], atol=1e-12)


@pytest.mark.parametrize("region", ["predicted", MASK, EACH, (0, 0, 2, 2)], ids=["predicted", "mask", "each", "box"])
def test_a_mirrored_view_is_asked_about_the_mirrored_region(region, segmenter, scenes):
    """A 1x1 convolution does not see mirroring, so the average over both views is the map of one."""
    expected = explain(gradients, segmenter, scenes, segment(1, region))

    for text in ("tta(gradients, scales=())", "tta(tta(gradients, scales=()), scales=())"):
        for batch_size in (2, 32):  # views in turn, and at once
            actual = explain(find(text), segmenter, scenes, segment(1, region), batch_size=batch_size)
            np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-9)
            np.testing.assert_allclose(actual.scores, expected.scores, atol=1e-12)


def test_views_of_another_size_are_asked_about_the_resized_region(segmenter, scenes):
    def resized(values, size):
        return np.asarray(tf.image.resize(values, size), "float64")

    wide, small = [resized(1.0 * MASK[np.newaxis, ..., np.newaxis], size)[..., 0] for size in ((8, 12), (2, 3))]
    views = [(1.0 * MASK[np.newaxis], (4, 6)), (wide, (8, 12)), (small, (2, 3))]
    expected = np.mean([resized(slopes(segmenter, weights, np.array([1])), (4, 6)) for weights, _ in views], axis=0)

    result = explain(tta(gradients, scales=(2.0, 0.5), hflip=False), segmenter, scenes, segment(1, MASK))

    np.testing.assert_allclose(result.maps[..., 0], np.tile(expected, (5, 1, 1, 1)), atol=1e-6)


def test_the_mirrored_input_with_the_mirrored_region_has_the_mirrored_map(scenes):
    inputs = keras.Input((None, None, 2), dtype="float64")
    model = settled(keras.Model(inputs, keras.layers.Conv2D(3, 3, padding="same", dtype="float64")(inputs)))
    explainer = tta(gradients, scales=(0.5, 1.5))
    expected = explain(explainer, model, scenes[:2], segment(1, EACH[:2]))

    actual = explain(explainer, model, scenes[:2, :, ::-1], segment(1, EACH[:2, :, ::-1]))

    np.testing.assert_allclose(actual.maps[:, :, ::-1], expected.maps, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "jit"),
    [
        ("occlusion(patch=2)", False),
        ("occlusion(patch=2)", True),
        ("smooth(occlusion(patch=2), noise=3.0, repetitions=3)", False),
    ],
)
def test_masks_and_copies_ask_about_the_region_of_their_example(text, jit, segmenter, scenes, predicted):
    for i in (0, 3):
        region = tf.constant(predicted[i] == 1, tf.float64)

        def mean(scores, region=region):
            return tf.reduce_sum(scores[..., 1] * region, axis=(1, 2)) / tf.reduce_sum(region)

        expected = explain(find(text), segmenter, scenes[i : i + 1], mean, jit=jit)
        actual = explain(find(text), segmenter, scenes, segment(1), batch_size=3, jit=jit)
        np.testing.assert_allclose(actual.maps[i], expected.maps[0], atol=1e-9)


def test_values_are_data_and_trace_nothing_anew(traced, segmenter, scenes):
    recorded, traces = traced

    for targets in (segment(0), segment(1), segment("top1"), segment([0, 1, 2, 1, 0])):
        explain(recorded, segmenter, scenes, targets, batch_size=4)
    assert len(traces) == 1

    for targets in (segment(0, MASK), segment(1, EACH), segment("top1", ~EACH)):
        explain(recorded, segmenter, scenes, targets, batch_size=2)
    assert len(traces) == 2

    for targets in (segment(0, (0, 0, 1, 1)), segment(1, (2, 2, 4, 6))):
        explain(recorded, segmenter, scenes, targets)
    assert len(traces) == 3


def test_a_region_without_a_position_is_told(segmenter, scenes, predicted):
    lonely = scenes[:1] * 0 + scenes[0, 0, 0]  # one class everywhere
    other = (predicted[0, 0, 0] + 1) % 3

    with pytest.warns(XaikitWarning, match="no position is in the region"):
        result = explain(gradients, segmenter, lonely, segment(int(other)))

    assert (result.maps == 0).all()
    assert result.scores == 0


@pytest.mark.parametrize("scores", ["logits", "outputs"])
def test_of_a_single_class_the_region_is_where_it_is_likelier_than_not(scores, scenes):
    inputs = keras.Input((4, 6, 2), dtype="float64")
    model = settled(keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid", dtype="float64")(inputs)))
    inside = np.asarray(model(scenes))[..., 0] > 0.5
    values = np.asarray(model(scenes))[..., 0]
    values = values if scores == "outputs" else np.log(values / (1 - values))
    expected = [values[i][inside[i]].mean() for i in range(5)]

    result = explain(gradients, model, scenes, segment("top1"), scores=scores)

    assert 0 < inside.mean() < 1
    np.testing.assert_allclose(result.scores[:, 0], expected, atol=1e-9)


def test_series_and_volumes_have_regions_too():
    for kind, shape in ((keras.layers.Conv1D, (6,)), (keras.layers.Conv3D, (3, 4, 2))):
        inputs = keras.Input((*shape, 2), dtype="float64")
        model = settled(keras.Model(inputs, kind(2, 1, dtype="float64")(inputs)))
        data = np.random.default_rng(1).normal(size=(2, *shape, 2))
        mask = np.zeros(shape, bool)
        mask[0] = True
        box = (0,) * len(shape) + (1, *shape[1:])

        expected = np.asarray(model(data))[:, 0, ..., 1].reshape(2, -1).mean(axis=1)

        for region in (mask, box, np.stack([mask, mask])):
            result = explain("tta(gradients, scales=())", model, data, segment(1, region))
            np.testing.assert_allclose(result.scores[:, 0], expected, atol=1e-9)
            assert (result.maps[:, 1:] == 0).all()


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (segment(3), "Target 3 is out of range: the model has 3 outputs, 0 to 2"),
        (segment("top4"), "'top4' is out of range"),
        (segment([0, 1]), r"segment\(array\(.* is for 2 examples, and the data has 5"),
        (segment(0, EACH[:4]), "is for 4 examples, and the data has 5"),
        (segment(0, np.zeros((4, 6), bool)), "a mask without a position explains nothing"),
        (segment(0, EACH & (np.arange(5) != 2)[:, None, None]), "a mask without a position"),
        (segment(0, np.ones((1, 1, 4, 6), bool)), r"must be \[\*positions\] or \[N, \*positions\]"),
        (segment(0, (0, 4)), r"the box \(0, 4\) is not within outputs of any x any positions"),
    ],
    ids=repr,
)
def test_what_does_not_fit_the_outputs_is_refused_before_anything_is_traced(
    targets, message, traced, segmenter, scenes
):
    recorded, traces = traced

    with pytest.raises(TargetError, match=message):
        explain(recorded, segmenter, scenes, targets)

    assert not traces


def test_a_region_of_other_positions_is_refused(segmenter, scenes, linear, rows, traced):
    fixed = keras.Sequential([keras.Input((4, 6, 2)), segmenter.layers[-1]])
    recorded, traces = traced

    with pytest.raises(TargetError, match="the mask has 3 x 6 positions, and the outputs 4 x 6"):
        explain(gradients, segmenter, scenes, segment(0, MASK[:3]))  # known only now: a model of any size
    with pytest.raises(TargetError, match=r"the mask has the shape \(3, 6\).*the outputs have 4 x 6 positions"):
        explain(recorded, fixed, scenes, segment(0, MASK[:3]))
    with pytest.raises(TargetError, match=r"the box \(0, 0, 5, 6\) is not within outputs of 4 x 6 positions"):
        explain(recorded, fixed, scenes, segment(0, (0, 0, 5, 6)))
    with pytest.raises(TargetError, match=r"segment explains outputs with positions.*\(None, 4\): give a class"):
        explain(recorded, linear, rows, segment(0))
    assert not traces


def test_two_replicas_are_one_device(strategy, segmenter, scenes):
    with strategy.scope():
        inputs = keras.Input((None, None, 2), dtype="float64")
        mirrored = keras.Model(inputs, keras.layers.Conv2D(3, 1, activation="softmax", dtype="float64")(inputs))
    mirrored.set_weights(segmenter.get_weights())
    explainer, targets = tta(gradients, scales=()), segment([[0, 2], [1, 0], [2, 1], [1, 2], [0, 1]], EACH)
    expected = explain(explainer, segmenter, scenes, targets, batch_size=2)

    actual = explain(explainer, mirrored, scenes, targets, batch_size=2)

    np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-9)
    np.testing.assert_array_equal(actual.targets, expected.targets)
