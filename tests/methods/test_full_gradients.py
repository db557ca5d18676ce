"""full_gradients: the decomposition is exact, and the map is the paper's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import grids
from tests.oracles.activations import OPTIONS, activation, around, failing, side_by_side
from tests.oracles.counting import RowsOf
from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import explain, find, full_gradients, gradients
from xaikit.errors import InputError, ModelError

PICTURES = np.random.default_rng(2).normal(size=(3, 6, 7, 3))


def gap(model, inputs, targets="all", **options):
    """How much is left of the scores when their decomposition is subtracted, next to their size."""
    found = explain(full_gradients, model, inputs, targets, details=True, progress=False, **options)
    assert np.isfinite(found.maps).all()
    return np.abs(found.details["completeness_gap"]).max() / np.abs(found.scores).max()


def psi(term, size):
    """The paper's post-processing: sizes, each example's layer brought to [0, 1], resized, added up over channels."""
    sizes = np.abs(term)
    low, high = (reduce(sizes, axis=(1, 2, 3), keepdims=True) for reduce in (np.min, np.max))
    return grids.each((sizes - low) / (high - low), size).sum(axis=-1)


def test_the_map_adds_up_the_sizes_of_every_layers_terms(pooled64, images64):
    oracle = Pooled(pooled64)
    expected = []
    for target in (2, 0):
        first, second = oracle.bias_slopes(images64, target)
        terms = (images64 * oracle.slopes(images64, target), oracle.bias1 * first, oracle.bias2 * second)
        expected.append(sum(psi(term, (8, 8)) for term in terms))

    maps = explain(full_gradients, pooled64, images64, [[2, 0]] * 5).maps

    np.testing.assert_allclose(maps, np.stack(expected, axis=-1), rtol=1e-5)  # TensorFlow resizes in float32
    assert np.abs(maps[..., 0] - maps[..., 1]).max() > 0.1


def test_inputs_times_gradients_and_biases_times_theirs_are_the_score(pooled64, images64):
    oracle = Pooled(pooled64)
    first, second = oracle.bias_slopes(images64, 1)
    parts = (images64 * oracle.slopes(images64, 1), oracle.bias1 * first, oracle.bias2 * second)
    expected = oracle.bias[1] + sum(part.sum(axis=(1, 2, 3)) for part in parts)

    found = explain(full_gradients, pooled64, images64, 1, details=True)

    np.testing.assert_allclose(found.scores[:, 0], expected, atol=1e-12)
    np.testing.assert_allclose(found.details["completeness_gap"], np.zeros((5, 1)), atol=1e-12)


def test_the_decomposition_is_complete_through_any_layer():
    found = explain(full_gradients, side_by_side(), PICTURES[:2], "all", details=True)

    assert np.isfinite(found.maps).all()
    assert failing(found.details["completeness_gap"] / np.abs(found.scores).max(axis=0), 1e-12) == []


@pytest.mark.parametrize("shape", [(5,), (7, 2), (4, 5, 3, 2)])
def test_the_decomposition_is_complete_for_inputs_of_any_rank(shape):
    def middle(hidden):
        return activation("relu")(keras.layers.BatchNormalization(**OPTIONS)(hidden))

    assert gap(around(middle, shape), np.random.default_rng(4).normal(size=(2, *shape))) < 1e-12


@pytest.mark.parametrize("scores", ["logits", "outputs"])
def test_the_decomposition_is_complete_for_logits_and_outputs(scores, pooled64, images64):
    assert gap(pooled64, images64, scores=scores) < 1e-12


def test_a_score_that_is_a_function_of_the_outputs_is_decomposed_too(pooled64, images64):
    assert gap(pooled64, images64, lambda outputs: (outputs[:, 0] - 2) * outputs[:, 1] + 3) < 1e-12


@pytest.fixture(scope="module")
def deep():
    """Convolutions, normalisations and ReLU in turn, in float32, with large means: what an ancestor got wrong."""

    def build(fused):
        layers = keras.layers
        inputs = hidden = keras.Input((16, 16, 3))
        for _ in range(3):
            hidden = layers.Conv2D(8, 3, padding="same", activation="relu" if fused else None)(hidden)
            hidden = hidden if fused else layers.ReLU()(hidden)
            hidden = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(hidden))
            hidden = layers.ReLU()(hidden)
        pooled = layers.GlobalAveragePooling2D()(hidden)
        return settled(keras.Model(inputs, layers.Dense(3)(pooled)), scale=0.3)

    return build(True), build(False)


def test_nets_of_convolutions_normalisations_and_relu_are_complete_in_float32_fused_or_not(deep):
    images = np.random.default_rng(5).uniform(0, 1, size=(4, 16, 16, 3)).astype("float32")
    fused, unfused = (explain(full_gradients, model, images, "all").maps for model in deep)

    np.testing.assert_allclose(fused, unfused, rtol=1e-5)
    assert max(gap(model, images) for model in deep) < 1e-4


def test_a_normalisation_that_is_one_op_has_the_map_of_one_that_is_several():
    layers, values = keras.layers, np.random.default_rng(6)
    scale, offset, mean, variance = (np.float32(values.uniform(0.5, 2, size=4)) for _ in range(4))

    def one(hidden):
        return tf.compat.v1.nn.fused_batch_norm(hidden, scale, offset, mean, variance, epsilon=1e-3, is_training=False)[
            0
        ]

    norms = layers.Lambda(one, output_shape=(6, 6, 4)), layers.BatchNormalization()
    models = []
    for norm in norms:
        inputs = keras.Input((6, 6, 2))
        hidden = layers.ReLU()(norm(layers.Conv2D(4, 3, padding="same", name="conv")(inputs)))
        models.append(settled(keras.Model(inputs, layers.Dense(2)(layers.Flatten()(hidden)))))
    norms[1].set_weights([scale, offset, mean, variance])
    models[1].layers[-1].set_weights(models[0].layers[-1].get_weights())
    images = values.normal(size=(3, 6, 6, 2)).astype("float32")
    kinds = [{op.type for op in _ops(model)} for model in models]

    whole, parts = (explain(full_gradients, model, images, "all", details=True) for model in models)

    assert [("FusedBatchNormV3" in kind) for kind in kinds] == [True, False]
    np.testing.assert_allclose(whole.scores, parts.scores, rtol=1e-5)
    np.testing.assert_allclose(whole.maps, parts.maps, rtol=1e-4)
    np.testing.assert_allclose(whole.details["completeness_gap"], np.zeros((3, 2)), atol=1e-5)


def _ops(model):
    traced = tf.function(lambda values: model(values, training=False), autograph=False)
    return traced.get_concrete_function(tf.TensorSpec([None, 6, 6, 2])).graph.get_operations()


def test_rounding_is_no_bias():
    def middle(hidden):
        return keras.layers.PReLU(shared_axes=[1, 2], **OPTIONS)(hidden)  # of degree 1, and written in six ops

    model = around(middle)
    weights = [np.zeros_like(w) if w.shape == (6,) and i == 1 else w for i, w in enumerate(model.get_weights())]
    model.set_weights(weights)
    slopes = explain(gradients, model, PICTURES, 1).maps[..., 0]

    maps = explain(full_gradients, model, PICTURES, 1).maps[..., 0]

    np.testing.assert_allclose(maps, psi(PICTURES * slopes, (6, 7)), rtol=1e-5)


def test_layers_of_equal_and_of_other_sizes_count_alike_and_constant_ones_not_at_all():
    layers = keras.layers
    inputs = hidden = keras.Input((8, 8, 2), **OPTIONS)
    convolutions = []
    for strides, activation_name in ((2, "relu"), (1, "relu"), (2, "linear")):
        hidden = layers.Conv2D(3, 3, strides=strides, padding="same", activation=activation_name, **OPTIONS)(hidden)
        convolutions.append(hidden)
    summed = layers.GlobalAveragePooling2D(**OPTIONS)(hidden)  # so that the last one's terms are one number per channel
    model = settled(keras.Model(inputs, layers.Dense(1, **OPTIONS)(summed)))
    *_, last, _, dense = model.layers
    last.bias.assign(np.full(3, 0.25))
    dense.kernel.assign(np.ones((3, 1)))  # and so they are all the same
    images = np.random.default_rng(10).normal(size=(2, 8, 8, 2))
    watched = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(watched)
        first = model.layers[1](watched)
        before = tf.nn.conv2d(first, model.layers[2].kernel, 1, "SAME") + model.layers[2].bias
        score = tf.reduce_sum(dense(model.layers[-2](last(tf.nn.relu(before)))))
    slopes = tape.gradient(score, [watched, first, before])
    terms = [images * slopes[0], model.layers[1].bias * slopes[1] * tf.cast(first > 0, "float64")]
    terms.append(model.layers[2].bias * slopes[2])
    expected = sum(psi(np.asarray(term), (8, 8)) for term in terms)

    maps = explain(full_gradients, model, images).maps[..., 0]

    np.testing.assert_allclose(maps, expected, rtol=1e-5)


def pointwise(channels, scores, **options):
    """A linear layer at each of 5 x 5 positions of two channels, and a linear head."""
    layers = keras.layers
    inputs = keras.Input((5, 5, 2), **options)
    hidden = layers.Conv2D(channels, 1, name="conv", **options)(inputs)
    return settled(keras.Model(inputs, layers.Dense(scores, name="head", **options)(layers.Flatten(**options)(hidden))))


def test_the_smallest_size_of_a_layer_counts_as_0():
    draws = np.random.default_rng(11)
    model, images = pointwise(3, 1, **OPTIONS), draws.uniform(1, 2, (2, 5, 5, 2))
    weights = [draws.uniform(1, 2, weight.shape) for weight in model.get_weights()]  # no term is near to 0
    model.set_weights(weights)
    kernel, bias, head, _ = weights
    slopes = head.reshape(1, 5, 5, 3)
    terms = [images * (slopes @ kernel[0, 0].T), np.broadcast_to(slopes * bias, (2, 5, 5, 3))]

    maps = explain(full_gradients, model, images).maps[..., 0]

    np.testing.assert_allclose(maps, sum(psi(term, (5, 5)) for term in terms), rtol=1e-5)


def test_no_map_is_below_0_where_all_sizes_are_nearly_the_same():
    model = pointwise(49, 40)
    head = np.random.default_rng(12).uniform(1, 2, (1, 1, 40)) * np.ones((25, 49, 1))
    head[1:] *= 1 + 1e-6
    model.get_layer("conv").bias.assign(np.ones(49))
    model.get_layer("head").kernel.assign(head.reshape(25 * 49, 40))

    maps = explain(full_gradients, model, np.zeros((1, 5, 5, 2), "float32"), "all").maps

    assert maps.min() >= 0


def test_layers_of_several_precisions_are_added_up():
    maps = []
    for dtype in ("float64", "float32"):
        inputs = keras.Input((6, 7, 3), **OPTIONS)
        hidden = keras.layers.Conv2D(4, 3, padding="same", activation="tanh", dtype=dtype)(inputs)
        outputs = keras.layers.Dense(1, **OPTIONS)(keras.layers.Flatten(**OPTIONS)(hidden))
        maps.append(explain(full_gradients, settled(keras.Model(inputs, outputs)), PICTURES, details=True).maps)

    np.testing.assert_allclose(maps[1], maps[0], rtol=1e-4)
    assert maps[1].dtype == np.float64


def test_biases_without_positions_are_in_the_decomposition_alone():
    layers = keras.layers
    inputs = keras.Input((4, 4, 2), **OPTIONS)
    hidden = layers.Dense(9, activation="tanh", **OPTIONS)(layers.Flatten(**OPTIONS)(inputs))
    tokens = layers.Reshape((3, 3, 1), **OPTIONS)(hidden)  # as many axes as the input, and no positions of it
    model = settled(keras.Model(inputs, layers.Dense(2, **OPTIONS)(layers.Flatten(**OPTIONS)(tokens + 1))))
    images = np.random.default_rng(7).normal(size=(2, 4, 4, 2))
    slopes = explain(gradients, model, images, 0).maps[..., 0]

    found = explain(full_gradients, model, images, 0, details=True)

    np.testing.assert_allclose(found.maps[..., 0], psi(images * slopes, (4, 4)), rtol=1e-5)
    np.testing.assert_allclose(found.details["completeness_gap"], np.zeros((2, 1)), atol=1e-12)


def test_a_table_has_the_map_of_its_features(table, rows):
    slopes = explain(gradients, table, rows, 1).maps
    sizes = np.abs(rows[..., np.newaxis] * slopes)
    low, high = sizes.min(axis=1, keepdims=True), sizes.max(axis=1, keepdims=True)

    maps = explain(full_gradients, table, rows, 1).maps

    np.testing.assert_allclose(maps, (sizes - low) / (high - low), rtol=1e-5)


@pytest.mark.parametrize(("model", "inputs"), [("series", "waves"), ("volumes", "blocks")])
def test_series_and_volumes_have_maps_of_their_own_positions(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)

    found = explain(full_gradients, model, inputs, [[0, 2]] * len(inputs), details=True)

    assert found.maps.shape == (*inputs.shape[:-1], 2)
    assert np.abs(found.details["completeness_gap"]).max() < 1e-5
    assert found.maps.max() > 1.5  # the convolution's terms are there beside the input's


def test_each_of_several_inputs_has_a_map_with_the_biases_that_lie_on_it():
    layers = keras.layers
    inputs = {"left": keras.Input((6, 6, 1), name="left"), "right": keras.Input((4, 4, 1), name="right")}
    inputs["table"] = keras.Input((3,), name="table")
    read = [layers.Conv2D(2, 3, activation="relu", name=f"conv_{side}")(inputs[side]) for side in ("left", "right")]
    joined = layers.Concatenate()([layers.Flatten()(read[0]), layers.Flatten()(read[1]), inputs["table"]])
    model = settled(keras.Model(inputs, layers.Dense(2)(joined)), seed=3)
    draws = np.random.default_rng(8)
    data = {name: draws.normal(size=(2, *leaf.shape[1:])).astype("float32") for name, leaf in inputs.items()}
    slopes = explain(gradients, model, data, 0).maps

    found = explain(full_gradients, model, data, 0, details=True)

    assert {name: maps.shape for name, maps in found.maps.items()} == {
        "left": (2, 6, 6, 1),
        "right": (2, 4, 4, 1),
        "table": (2, 3, 1),
    }
    assert np.abs(found.details["completeness_gap"]).max() < 1e-5
    for name, side in (("left", 6), ("right", 4)):
        own = psi(data[name] * slopes[name][..., 0], (side, side))
        added = found.maps[name][..., 0] - own
        assert 0.5 < added.max() <= 2.001  # one layer of two channels, and not that of the other input


@pytest.mark.parametrize(("kind", "tolerance"), [("mixed_float16", 0.05), ("mixed_bfloat16", 0.25)])
def test_half_precision_models_have_float32_maps(kind, tolerance):
    maps = []
    for dtype in ("float32", keras.DTypePolicy(kind)):
        inputs = keras.Input((6, 7, 3))
        hidden = keras.layers.Conv2D(4, 3, activation="silu", dtype=dtype)(inputs)
        hidden = keras.layers.Activation("gelu", dtype=dtype)(keras.layers.BatchNormalization(dtype=dtype)(hidden))
        outputs = keras.layers.Dense(3, dtype=dtype)(keras.layers.GlobalAveragePooling2D(dtype=dtype)(hidden))
        model = settled(keras.Model(inputs, outputs))
        maps.append(explain(full_gradients, model, PICTURES.astype("float32"), 1).maps)

    full, half = maps
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, full, atol=tolerance * full.max())


def test_the_model_sees_each_example_once():
    counting = RowsOf()

    seen = counting.counted(
        lambda: explain(full_gradients, counting.model, counting.images, "all", batch_size=3, jit=False)
    )

    assert sum(seen) == 6
    assert max(seen) <= 3


def test_what_hides_its_ops_is_refused_by_name():
    inputs = keras.Input((4, 2))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.SimpleRNN(3, name="memory")(inputs)))

    with pytest.raises(ModelError, match=r"biases inside of While \(.*memory.*integrated_gradients"):
        explain(full_gradients, model, np.zeros((2, 4, 2), "float32"))


def test_whole_numbers_are_refused_with_a_way_out():
    inputs = keras.Input((4,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(10, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(embedded)))

    with pytest.raises(InputError, match="int32 and cannot be differentiated"):
        explain(full_gradients, model, np.zeros((2, 4), "int32"))


def test_it_reads_back():
    assert find("full_gradients") == full_gradients
    assert repr(full_gradients) == "full_gradients"
