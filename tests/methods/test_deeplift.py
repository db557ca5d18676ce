"""deeplift: maps add up to what the score differs by, through every kind of op, and op by op as the paper says."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.activations import MIDDLES, OPTIONS, activation, around, called, failing, layer, side_by_side
from tests.oracles.functions import model_of, way_of
from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import deeplift, explain, find, gradients, input_x_gradient, integrated_gradients, smooth
from xaikit.core import as_view
from xaikit.core.rows import in_rows
from xaikit.errors import InputError, ModelError, ParameterError

PICTURES = np.random.default_rng(2).normal(size=(3, 6, 7, 3))


def gap(model, inputs, targets="all", baseline=0.2, **options):
    """How much is left of what the scores differ by when the maps are subtracted, next to its size."""
    found = explain(deeplift(baseline=baseline), model, inputs, targets, details=True, progress=False, **options)
    sums = sum(np.reshape(leaf, (len(leaf), -1, leaf.shape[-1])).sum(axis=1) for leaf in tf.nest.flatten(found.maps))
    assert all(np.isfinite(leaf).all() for leaf in tf.nest.flatten(found.maps))
    return np.abs(found.details["completeness_gap"]).max() / np.abs(sums).max()


def test_the_map_is_the_way_times_the_multipliers_of_the_paper(pooled64, images64):
    oracle, baseline = Pooled(pooled64), np.random.default_rng(3).normal(size=(8, 8, 3))
    way = images64 - baseline
    starts = np.broadcast_to(baseline, images64.shape)
    expected = [way * oracle.multipliers(images64, starts, target) for target in (2, 0)]

    maps = explain(deeplift(baseline=baseline), pooled64, images64, [[2, 0]] * 5).maps

    np.testing.assert_allclose(maps, np.stack(expected, axis=-1), atol=1e-12)


def test_maps_add_up_through_any_layer_to_what_the_score_differs_by():
    found = explain(deeplift(baseline=0.2), side_by_side(), PICTURES[:2], "all", details=True)
    sums = found.maps.sum(axis=(1, 2, 3))

    assert np.isfinite(found.maps).all()
    assert failing(found.details["completeness_gap"] / np.abs(sums).max(axis=0), 1e-11) == []


def test_the_gap_is_that_of_the_scores_and_the_maps(pooled64, images64):
    logits = Pooled(pooled64).logits
    expected = logits(images64) - logits(np.full_like(images64, 0.2))

    found = explain(deeplift(baseline=0.2), pooled64, images64, "all", details=True)

    np.testing.assert_allclose(found.maps.sum(axis=(1, 2, 3)), expected, atol=1e-12)
    np.testing.assert_allclose(found.details["completeness_gap"], 0 * expected, atol=1e-12)


@pytest.mark.parametrize("baseline", ["mean", "blur", "uniform"])
def test_maps_add_up_next_to_baselines_that_are_made_of_the_input(baseline, pooled64, images64):
    logits = Pooled(pooled64).logits
    start = images64 - explain(way_of(baseline), pooled64, images64).maps[..., 0]

    maps = explain(deeplift(baseline=baseline), pooled64, images64, "all").maps

    np.testing.assert_allclose(maps.sum(axis=(1, 2, 3)), logits(images64) - logits(start), atol=1e-12)


@pytest.mark.parametrize("shape", [(5,), (7, 2), (4, 5, 3, 2)])
def test_maps_add_up_for_inputs_of_any_rank(shape):
    def middle(hidden):
        normal = keras.layers.BatchNormalization(**OPTIONS)(hidden)
        if len(shape) == 2:
            normal = keras.layers.MaxPooling1D(3, strides=2, padding="same", **OPTIONS)(normal)
        if len(shape) == 4:  # TensorFlow pools volumes in float32 alone
            normal = keras.layers.MaxPooling3D(3, strides=2, padding="same", dtype="float32")(normal)
        return activation("relu")(normal)

    tolerance = 1e-6 if len(shape) == 4 else 1e-12
    assert gap(around(middle, shape), np.random.default_rng(4).normal(size=(2, *shape))) < tolerance


def test_probabilities_are_explained_too(pooled64, images64):
    assert gap(pooled64, images64, scores="outputs") < 1e-11


def test_a_score_that_is_a_function_of_the_outputs_is_explained_too(pooled64, images64):
    assert gap(pooled64, images64, lambda outputs: (outputs[:, 0] - 2) * outputs[:, 1] + 3) < 1e-12


@pytest.mark.parametrize(
    "middle", ["relu", "gelu", "softmax", "overlapping pooling", "largest of all", "attention", "gate"]
)
def test_where_input_and_baseline_are_equal_the_multiplier_is_the_gradient(middle):
    model = around(MIDDLES[middle])
    tiny = 1e-6  # so near, multipliers are slopes but for as much
    start = PICTURES[0]
    slopes = explain(gradients, model, PICTURES[:1], 1).maps

    same = explain(deeplift(baseline=start), model, PICTURES[:1], 1).maps
    near = explain(deeplift(baseline=start), model, PICTURES[:1] + tiny, 1).maps

    np.testing.assert_array_equal(same, np.zeros_like(same))
    np.testing.assert_allclose(near / tiny, slopes, atol=1e-4 * np.abs(slopes).max())


def test_values_that_are_equal_beside_others_that_are_not_stay_finite(pooled64, images64):
    start = images64[0].copy()
    start[:4] += 1  # half of the picture is the baseline's

    maps = explain(deeplift(baseline=start), pooled64, images64[:1], 1).maps[0, ..., 0]

    assert np.isfinite(maps).all()
    assert (maps[4:] == 0).all()
    assert (maps[:4] != 0).any()


def test_a_linear_score_gives_each_value_its_weight_times_its_way(linear64, rectangles64):
    weights = linear64.get_layer("head").kernel.numpy().reshape(4, 6, 2, 3)
    expected = (rectangles64 - 0.5)[..., np.newaxis] * weights

    actual = explain(deeplift(baseline=0.5), linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_without_biases_it_is_input_times_gradient_next_to_zero():
    layers, options = keras.layers, {"use_bias": False, "activation": "relu", **OPTIONS}
    inputs = keras.Input((6, 7, 3), **OPTIONS)
    hidden = layers.Conv2D(5, 3, **options)(layers.Conv2D(4, 3, **options)(inputs))
    model = settled(keras.Model(inputs, layers.Dense(3, use_bias=False, **OPTIONS)(layers.Flatten(**OPTIONS)(hidden))))
    expected = explain(input_x_gradient, model, PICTURES, "all").maps

    np.testing.assert_allclose(explain(deeplift, model, PICTURES, "all").maps, expected, atol=1e-12)


def test_on_one_layer_of_relu_it_is_integrated_gradients():
    inputs = keras.Input((5,), **OPTIONS)
    hidden = keras.layers.Dense(1, activation="relu", **OPTIONS)(inputs)
    model = settled(keras.Model(inputs, 2 * hidden), seed=4)
    data = np.random.default_rng(9).normal(size=(20, 5)) * 3
    path = integrated_gradients(steps=4000, baseline=0.1, quadrature="midpoint")

    maps, scores = explain(deeplift(baseline=0.1), model, data).maps, model.predict(data, verbose=0)

    assert 0 < (scores > 0).mean() < 1
    np.testing.assert_allclose(maps, explain(path, model, data, batch_size=4000).maps, atol=5e-3)


def extreme(of, *values):
    """The largest or smallest of columns."""
    return of(keras.ops.concatenate(values, axis=1), axis=1, keepdims=True)


def added(values):
    return keras.ops.sum(values, axis=1, keepdims=True)


OPS = keras.ops
CLOSED_FORMS = {
    "saturated": (lambda x: 1 - OPS.relu(1 - x), (2,), (1,)),
    "product": (lambda a, b: a * b, (3, 2), (3, 3)),
    "square": (lambda a, b: a * a + b, (3, 2), (9, 2)),
    "square of a sum": (lambda a, b: OPS.square(a - 2 * b), (3, 2), (-3, 4)),
    "quotient": (lambda a, b: a / (1 + b), (3, 2), (2, -1)),
    "symmetric": (lambda a, b: OPS.exp(a + b), (0.4, 0.4), ((np.exp(0.8) - 1) / 2,) * 2),
    "cancelled": (lambda a, b: OPS.exp(a - b), (3, 3), (3, -3)),
    "larger": (lambda a, b: OPS.maximum(a, b), (3, 2), (3, 0)),
    "smaller": (lambda a, b: OPS.minimum(a, b), (3, -2), (0, -2)),
    "larger than constants": (lambda a: added(OPS.maximum(a, [[1.0, 5.0]])), (3,), (2,)),
    "wider than its input": (lambda a: added(a * (a + np.array([[1.0, 2.0]]))), (3,), (27,)),
    "two pieces": (lambda a, b: OPS.where(a > 1, a, 0.5 * a) + b, (3, 2), (3, 2)),
    "activation": (lambda a: a * OPS.sigmoid(a), (2,), (2 / (1 + np.exp(-2)),)),
    "unused": (lambda a, b: OPS.exp(a) + OPS.zeros_like(b) * b, (0.4, 7), (np.exp(0.4) - 1, 0)),
    "stopped": (lambda a, b: tf.stop_gradient(a) * 2 + b, (3, 2), (6, 2)),
    "largest": (lambda a, b: extreme(OPS.max, a, b), (3, 2), (3, 0)),
    "equal": (lambda a, b: extreme(OPS.max, a, b), (2, 2), (1, 1)),
    "unmoved": (lambda a, b: extreme(OPS.max, a - b, 0 * b - 9), (3, 3), (3, -3)),
    "smallest": (lambda a, b: extreme(OPS.min, a, b), (3, -2), (0, -2)),
}


@pytest.mark.parametrize("case", CLOSED_FORMS)
def test_closed_forms(case):
    function, example, expected = CLOSED_FORMS[case]

    maps = explain(deeplift, model_of(function, len(example)), np.array([example], "float64")).maps

    np.testing.assert_allclose(maps[0, :, 0], expected, atol=1e-9)


def test_overlapping_pooling_hands_each_window_to_the_value_that_decided():
    inputs = keras.Input((7, 1), **OPTIONS)
    pooled = keras.layers.MaxPooling1D(3, strides=2, padding="same", **OPTIONS)(inputs)
    model = settled(keras.Model(inputs, keras.layers.Dense(1, **OPTIONS)(keras.layers.Flatten(**OPTIONS)(pooled))))
    weights = model.layers[-1].kernel.numpy()[:, 0]
    draws = np.random.default_rng(11)
    data, start = -3.0 + draws.integers(-2, 3, size=(40, 7)), -3.0 + draws.integers(-2, 3, size=7)
    expected = np.zeros((40, 7))
    for i, x in enumerate(data):
        for j in range(4):
            window = slice(max(2 * j - 1, 0), 2 * j + 2)  # one value of padding at each end
            now, then = x[window], start[window]
            place = now.argmax() if now.max() >= then.max() else then.argmax()
            expected[i, window.start + place] += weights[j] * (now.max() - then.max())

    maps = explain(deeplift(baseline=start[:, np.newaxis]), model, data[..., np.newaxis]).maps[..., 0, 0]

    np.testing.assert_allclose(maps, expected, atol=1e-12)


def test_an_inner_softmax_does_not_overflow_and_sees_its_own_row_alone():
    model = around(activation("softmax"))
    far = PICTURES * np.array([1, 1e2, 1e4])[:, np.newaxis, np.newaxis, np.newaxis]
    alone = [explain(deeplift, model, far[i : i + 1], "all").maps for i in range(3)]

    together = explain(deeplift, model, far, "all").maps

    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-9, atol=1e-12)
    assert gap(model, far) < 1e-9


class Written(keras.Model):
    """A subclassed model with a nested one, its activations called as functions."""

    def __init__(self, nested, function):
        super().__init__()
        self.nested, self.function = nested, function
        self.head = keras.layers.Dense(2)

    def call(self, inputs):
        hidden = self.function(self.nested(inputs))
        return self.head(keras.ops.reshape(hidden, (-1, 4 * 4 * 3)))


def test_an_activation_counts_the_same_however_it_is_written():
    layers = keras.layers
    images = np.random.default_rng(12).normal(size=(2, 6, 6, 2)).astype("float32")
    models = []
    for fused, function in (
        ("silu", lambda x: x),
        (None, keras.ops.silu),
        (None, lambda x: x / (1 + keras.ops.exp(-x))),
    ):
        inputs = keras.Input((6, 6, 2))
        nested = keras.Model(inputs, layers.Conv2D(3, 3, activation=fused)(inputs))
        models.append(Written(nested, function))
        models[-1](images)
        settled(models[-1])

    first, *others = (explain(deeplift(baseline=0.1), model, images, "all").maps for model in models)

    for other in others:
        np.testing.assert_allclose(other, first, atol=2e-5 * np.abs(first).max())


def test_every_input_of_a_model_has_its_own_map():
    inputs = {name: keras.Input((2,), name=name, **OPTIONS) for name in ("first", "second")}
    product = called(lambda both: keras.ops.sum(both["first"] * both["second"], axis=1, keepdims=True), (1,))(inputs)
    data = {"first": np.array([[1.0, 2.0]]), "second": np.array([[3.0, 4.0]])}

    maps = explain(deeplift, keras.Model(inputs, product), data).maps

    np.testing.assert_allclose(maps["first"], [[[1.5], [4.0]]], atol=1e-12)
    np.testing.assert_allclose(maps["second"], [[[1.5], [4.0]]], atol=1e-12)


def test_xla_and_several_copies_at_a_time_change_nothing():
    def middle(hidden):
        pooled = MIDDLES["overlapping pooling"](MIDDLES["larger of two"](hidden))
        return MIDDLES["LayerNormalization"](MIDDLES["softmax"](pooled))

    model = around(middle)
    expected = explain(deeplift(baseline=0.2), model, PICTURES, "all", jit=False).maps

    compiled = explain(deeplift(baseline=0.2), model, PICTURES, "all", jit=True).maps
    smoothed = explain(smooth(deeplift(baseline=0.2), noise=0, repetitions=3), model, PICTURES, "all").maps

    np.testing.assert_allclose(compiled, expected, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(smoothed, expected, atol=1e-12 * np.abs(expected).max())


def test_masked_attention_keeps_to_its_rule():
    def middle(hidden):
        flat = keras.layers.Reshape((-1, 6), **OPTIONS)(hidden)
        return keras.layers.MultiHeadAttention(2, 3, **OPTIONS)(flat, flat, use_causal_mask=True)

    assert gap(around(middle), PICTURES) < 1e-11


def test_convolutions_with_groups_are_seen_through_the_call_that_keras_makes_of_them():
    model = around(layer("Conv2D", 6, 3, groups=3, activation="gelu"))

    assert gap(model, PICTURES) < 1e-11


@pytest.mark.parametrize("kind", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_models_give_finite_float32_maps(kind):
    maps = []
    for dtype in ("float32", keras.DTypePolicy(kind)):
        inputs = keras.Input((6, 7, 3))
        hidden = keras.layers.Conv2D(4, 3, dtype=dtype)(inputs)
        hidden = keras.layers.Activation("silu", dtype=dtype)(keras.layers.BatchNormalization(dtype=dtype)(hidden))
        hidden = keras.layers.MaxPooling2D(2, dtype=dtype)(keras.layers.LayerNormalization(dtype=dtype)(hidden))
        outputs = keras.layers.Dense(3, dtype=dtype)(keras.layers.GlobalAveragePooling2D(dtype=dtype)(hidden))
        maps.append(explain(deeplift, settled(keras.Model(inputs, outputs)), PICTURES.astype("float32"), "all").maps)

    full, half = maps
    assert half.dtype == np.float32
    assert np.isfinite(half).all()
    np.testing.assert_allclose(half, full, atol=0.15 * np.abs(full).max())


class Watched(keras.layers.Layer):
    """Hand on the inputs, and write down how many rows there were; a control edge carries no values."""

    def call(self, inputs):
        rows = tf.numpy_function(self.look, [tf.shape(inputs)[0]], tf.int64)
        with tf.control_dependencies([rows]):
            return tf.identity(inputs)

    def look(self, rows):
        self.seen.append(int(rows))
        return np.int64(rows)


def test_the_model_sees_the_input_and_the_baseline_once_and_never_more_than_the_budget():
    watch = Watched()
    watch.__dict__["seen"] = seen = []
    inputs = keras.Input((4,))
    model = settled(keras.Model(inputs, keras.layers.Dense(3, activation="relu")(watch(inputs))))

    explain(deeplift, model, np.ones((6, 4), "float32"), "all", batch_size=3, jit=False)

    assert sorted(seen) == [1, 1, 3, 3]


def test_one_baseline_stands_for_all_examples_through_every_rule():
    names = ("overlapping pooling", "largest of all", "gelu", "softmax", "log_softmax", "relu", "relu6", "leaky_relu")
    rules = [MIDDLES[name] for name in (*names, "gate", "residual", "inverse", "power", "attention")]
    rules += [called(lambda x: keras.ops.maximum(x, 0.3 - 2 * x)), called(lambda x: keras.ops.minimum(x, 0.1))]
    inputs = keras.Input((6, 7, 3), **OPTIONS)
    scores = []
    for rule in rules:
        hidden = rule(keras.layers.Conv2D(6, 3, padding="same", **OPTIONS)(inputs))
        scores.append(keras.layers.Dense(1, **OPTIONS)(keras.layers.Flatten(**OPTIONS)(hidden)))
    model = settled(keras.Model(inputs, keras.layers.Concatenate(**OPTIONS)(scores)))
    view = as_view(model)
    start = np.random.default_rng(13).normal(size=(6, 7, 3))
    alone = [explain(deeplift(baseline=start), model, PICTURES[i : i + 1], "all", jit=False).maps for i in range(3)]

    found = explain(deeplift(baseline=start), model, PICTURES, "all", details=True, jit=False)
    compiled = explain(deeplift(baseline=start), model, PICTURES, "all", jit=True).maps

    assert in_rows(view.preview.inputs, view.all_scores(view.preview))
    np.testing.assert_allclose(found.maps, np.concatenate(alone), atol=1e-12 * np.abs(found.maps).max())
    np.testing.assert_allclose(compiled, found.maps, atol=1e-9 * np.abs(found.maps).max())
    np.testing.assert_allclose(found.details["completeness_gap"], np.zeros((3, len(rules))), atol=1e-11)


def test_a_model_that_does_not_keep_examples_in_rows_runs_a_baseline_for_each():
    watch = Watched()
    watch.__dict__["seen"] = seen = []
    inputs = keras.Input((5, 4))
    tokens = keras.layers.Lambda(lambda x: keras.ops.reshape(x, (-1, 4)), output_shape=(4,))(watch(inputs))
    hidden = keras.layers.Dense(3, activation="gelu")(tokens)
    rows = keras.layers.Lambda(lambda x: keras.ops.reshape(x, (-1, 15)), output_shape=(15,))(hidden)
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(rows)))
    data = np.random.default_rng(14).normal(size=(3, 5, 4)).astype("float32")

    found = explain(deeplift(baseline=0.1), model, data, "all", details=True, jit=False)

    assert seen == [3, 3]
    np.testing.assert_allclose(found.details["completeness_gap"], np.zeros((3, 2)), atol=1e-5)


@pytest.mark.parametrize("kind", ["number", "mean"])
def test_baselines_of_their_own_are_run_for_each_example(kind):
    watch = Watched()
    watch.__dict__["seen"] = seen = []
    inputs = keras.Input((4,))
    model = settled(keras.Model(inputs, keras.layers.Dense(3, activation="relu")(watch(inputs))))

    explain(deeplift(baseline=0.1 if kind == "number" else kind), model, np.ones((3, 4), "float32"), "all", jit=False)

    assert sorted(seen) == ([1, 3] if kind == "number" else [3, 3])


def test_pooling_that_only_leaves_values_out_is_linear():
    model = around(layer("MaxPooling2D", 1, strides=2))
    slopes = explain(gradients, model, PICTURES, 1).maps

    maps = explain(deeplift(baseline=0.2), model, PICTURES, 1).maps

    np.testing.assert_allclose(maps, (PICTURES - 0.2)[..., np.newaxis] * slopes, atol=1e-12)


@tf.RegisterGradient("TestOfDeepliftTwice")
def twice(op, slope):
    """A gradient that is not the operation's."""
    return 2 * slope, None


def test_what_is_linear_goes_by_its_own_gradient_whatever_the_model_made_of_it():
    def tripled(x):
        with tf.compat.v1.get_default_graph().gradient_override_map({"Mul": "TestOfDeepliftTwice"}):
            return x * 3.0

    maps = explain(deeplift, model_of(tripled, 1), np.array([[5.0]])).maps

    np.testing.assert_allclose(maps, [[[15.0]]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: keras.layers.SimpleRNN(3, name="memory")(x), r"no rule for \w+ \(.*memory.*integrated_gradients"),
        (lambda x: keras.layers.Lambda(keras.ops.sort, name="sorted")(x), r"no rule for TopKV2 \(.*sorted"),
        (lambda x: keras.layers.Lambda(keras.ops.floor, name="whole")(x), r"no rule for Floor \(.*whole"),
        (lambda x: keras.layers.Lambda(lambda v: tf.cast(tf.cast(v, tf.int32), tf.float32))(x), r"no rule for Cast \("),
        (
            lambda x: keras.layers.Lambda(lambda v: v * tf.cast(v > v[:, ::-1], v.dtype), name="mask")(x),
            r"for Greater \(",
        ),
    ],
    ids=["loop", "sorting", "steps", "whole numbers", "mask"],
)
def test_an_operation_without_a_rule_is_refused_by_name_before_anything_runs(make, message):
    inputs = keras.Input((4, 2))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(make(inputs))))

    with pytest.raises(ModelError, match=message):
        deeplift.bind(as_view(model))


def test_whole_numbers_are_refused_with_a_way_out():
    inputs = keras.Input((4,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(10, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(embedded)))

    with pytest.raises((InputError, ModelError), match=r"int32 and cannot be differentiated|no rule"):
        explain(deeplift, model, np.zeros((2, 4), "int32"))


def test_an_input_that_the_score_does_not_depend_on_is_refused():
    first, second = keras.Input((2,), name="first"), keras.Input((2,), name="second")
    model = keras.Model([first, second], keras.layers.Dense(2)(first))

    with pytest.raises(InputError, match="does not depend on"):
        explain(deeplift, model, [np.ones((2, 2), "float32")] * 2)


def test_a_baseline_of_another_shape_is_refused(linear64):
    with pytest.raises(ParameterError, match=r"one example, \(4, 6, 2\), not \(3, 3\)"):
        deeplift(baseline=np.zeros((3, 3))).bind(linear64)


def test_the_baseline_is_noted_and_reads_back(linear64, rectangles64):
    assert explain(deeplift(baseline=0.5), linear64, rectangles64, 0).notes["baseline"] == "0.5"
    assert find("deeplift(baseline='mean')") == deeplift(baseline="mean")
    assert repr(deeplift(baseline=0.0)) == "deeplift"


def test_attention_adds_up_in_float32_as_well():
    inputs = keras.Input((6, 7, 3))
    tokens = keras.layers.Reshape((-1, 3))(inputs)
    hidden = tokens
    for _ in range(2):
        normal = keras.layers.LayerNormalization()(hidden)
        hidden = hidden + keras.layers.MultiHeadAttention(2, 4)(normal, normal)
        hidden = hidden + keras.layers.Dense(3)(keras.layers.Dense(8, activation="gelu")(hidden))
    model = settled(keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling1D()(hidden))))

    assert gap(model, PICTURES.astype("float32")) < 1e-4
