"""Layer-wise relevance propagation: rules against the papers' matrices, and what the sum of a map is."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import networks
from tests.oracles import relevance as oracle
from tests.oracles.weights import settled
from xaikit import explain, find, gradients, input_x_gradient, integrated_gradients, lrp, smooth
from xaikit.errors import InputError, ModelError, ParameterError

RULES = list(oracle.RULES)
CONSERVING = [rule for rule in RULES if rule != "attention"]


def without_biases(model):
    """Put 0 for every bias, and give the model back."""
    for layer in model.layers:
        if getattr(layer, "bias", None) is not None:
            layer.bias.assign(0 * layer.bias)
    return model


def dense(*units, bias=True, activation="relu", seed=0, inputs=5):
    """A net of dense layers in float64; the last has no activation."""
    options = {"dtype": "float64", "use_bias": bias}
    layers = [keras.layers.Dense(n, activation=activation, **options) for n in units[:-1]]
    model = keras.Sequential(
        [keras.Input((inputs,), dtype="float64"), *layers, keras.layers.Dense(units[-1], **options)]
    )
    return settled(model, seed)


@pytest.fixture(scope="module")
def small64(images64):
    return images64[:2, :6, :6]


@pytest.fixture(scope="module")
def unbiased64(pooled64):
    copy = keras.models.clone_model(pooled64)
    copy.set_weights(pooled64.get_weights())
    return without_biases(copy)


@pytest.fixture(scope="module")
def rows64():
    return np.random.default_rng(4).normal(size=(6, 5))


def by_oracle(model, images, rule, **parameters):
    """Maps of every target: [B, H, W, C, classes]."""
    relevance = oracle.PooledRelevance(model).relevance
    return np.stack([[relevance(x, k, rule, **parameters)[0] for k in range(4)] for x in images]).transpose(
        0, 2, 3, 4, 1
    )


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_what_it_is_in_the_papers_matrices(rule, pooled64, small64):
    expected = by_oracle(pooled64, small64, rule)

    actual = explain(lrp(rule=rule), pooled64, small64, "all").maps

    np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("rule", "parameters"),
    [
        ("epsilon", {"epsilon": 0.3}),
        ("gamma", {"gamma": 2.0}),
        ("epsilon_gamma_box", {"epsilon": 0.3, "gamma": 2.0, "low": -9.0, "high": 11.0}),
        ("epsilon_gamma_box", {"high": 11.0}),
    ],
)
def test_parameters_are_those_of_the_papers_matrices(rule, parameters, pooled64, small64):
    expected = by_oracle(pooled64, small64, rule, **parameters)

    actual = explain(lrp(rule=rule, **parameters), pooled64, small64, "all").maps

    np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("rule", CONSERVING)
def test_without_biases_a_map_adds_up_to_the_score_at_every_layer(rule, unbiased64, small64):
    parameters = {"epsilon": 0.0}
    scores, maps = explain(lrp(rule=rule, **parameters), unbiased64, small64, "all")
    layers = oracle.PooledRelevance(unbiased64).relevance(small64[0], 1, rule, **parameters)[1]

    np.testing.assert_allclose(maps.sum(axis=(1, 2, 3)), scores, rtol=1e-9)
    np.testing.assert_allclose([layer.sum() for layer in layers], scores[0, 1], rtol=1e-9)


def test_with_biases_the_sum_and_what_they_absorbed_are_the_score(pooled64, small64):
    scores, maps = explain(lrp(rule="zero"), pooled64, small64, 1)
    network = networks.Pooled(pooled64)
    slopes_at_biases = []
    for image in small64:  # the bias of a layer keeps its value times the slope at it
        hidden = networks.convolved(image[None], network.kernel1, network.bias1)
        features = networks.convolved(np.maximum(hidden, 0), network.kernel2, network.bias2, 2)
        share = network.weights[:, 1] / features[0, ..., 0].size
        at_two = (features > 0) * share
        at_one = (hidden > 0) * networks.convolved_back(at_two, np.maximum(hidden, 0), network.kernel2, 2)
        slopes_at_biases.append((at_one * network.bias1).sum() + (at_two * network.bias2).sum() + network.bias[1])

    np.testing.assert_allclose(maps.sum(axis=(1, 2, 3))[:, 0] + slopes_at_biases, scores[:, 0], rtol=1e-10)


@pytest.mark.parametrize(("rule", "tolerance"), [("zero", 1e-12), ("epsilon", 5e-5)])
def test_in_relu_nets_it_is_input_times_gradient_also_with_biases(rule, tolerance, pooled64, images64):
    expected = explain(input_x_gradient, pooled64, images64, "all").maps

    actual = explain(lrp(rule=rule), pooled64, images64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=tolerance)


def test_without_biases_it_is_integrated_gradients_too(unbiased64, small64):
    expected = explain(integrated_gradients(steps=3, quadrature="midpoint"), unbiased64, small64).maps

    actual = explain(lrp(rule="zero"), unbiased64, small64).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize("rule", ["zero", "epsilon", "gamma", "attention"])
def test_of_a_linear_score_the_map_is_its_terms_where_all_are_of_one_sign(rule, linear64, rectangles64):
    head = linear64.get_layer("head")
    kernel, bias = head.get_weights()
    try:
        head.set_weights([np.abs(kernel), 0 * bias])
        expected = np.abs(rectangles64)[..., np.newaxis] * np.abs(kernel).reshape(4, 6, 2, 3)
        actual = explain(lrp(rule=rule), linear64, np.abs(rectangles64), "all").maps
    finally:
        head.set_weights([kernel, bias])

    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_a_gamma_of_zero_is_zero(pooled64, small64):
    expected = explain(lrp(rule="zero"), pooled64, small64).maps

    actual = explain(lrp(rule="gamma", gamma=0.0), pooled64, small64).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_a_large_gamma_tends_to_zplus_on_inputs_above_zero(pooled64, small64):
    positive = np.abs(small64)
    before = pooled64.get_layer("head").bias.numpy()
    pooled64.get_layer("head").bias.assign(before + 5)  # scores above 0
    try:
        expected = explain(lrp(rule="zplus"), pooled64, positive).maps
        errors = [
            np.abs(explain(lrp(rule="gamma", gamma=weight), pooled64, positive).maps - expected).max()
            for weight in (1e2, 1e4, 1e6)
        ]
    finally:
        pooled64.get_layer("head").bias.assign(before)

    assert errors[2] < 1e-5 < errors[0]
    assert errors[0] > 50 * errors[1] > 50 * 50 * errors[2]


def test_a_score_below_zero_is_shared_by_gamma_as_its_negative_is(unbiased64, small64):
    head = unbiased64.get_layer("head")
    kernel, bias = head.get_weights()
    expected = -explain(lrp(rule="gamma"), unbiased64, small64, "all").maps
    try:
        head.set_weights([-kernel, bias])
        actual = explain(lrp(rule="gamma"), unbiased64, small64, "all").maps
    finally:
        head.set_weights([kernel, bias])

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_the_flat_part_does_not_depend_on_the_input_values(small64):
    inputs = keras.Input((6, 6, 3), dtype="float64")
    features = keras.layers.Conv2D(4, 3, padding="same", dtype="float64")(inputs)
    flat = keras.layers.Flatten(dtype="float64")(features)
    model = settled(keras.Model(inputs, keras.layers.Dense(2, dtype="float64")(flat)))
    maps = explain(lrp(rule="epsilon_plus_flat"), model, small64, 0).maps[..., 0]

    assert np.abs(maps[0] - maps[1]).max() > 0.01  # relevance differs from example to example
    np.testing.assert_allclose(maps, maps[..., :1] + 0 * maps, atol=1e-12)  # but not from channel to channel


def test_a_box_of_zeros_is_zero(unbiased64, small64):
    expected = explain(lrp(rule="gamma", gamma=0.0), unbiased64, small64, 1).maps

    actual = explain(lrp(rule="epsilon_gamma_box", gamma=0.0, low=0.0, high=0.0, epsilon=0.0), unbiased64, small64, 1)

    np.testing.assert_allclose(actual.maps, expected, atol=1e-12)


def test_values_at_their_bounds_get_nothing_where_weights_speak_for_them():
    model = dense(1, bias=False, inputs=2)
    model.set_weights([np.array([[2.0], [-1.0]])])
    expected = [[[0.0], [0.0]], [[8.0], [1.0]]]  # 2 (x1 - low) - (x2 - high): what is at its worst gets nothing

    actual = explain(lrp(rule="epsilon_gamma_box", low=0.0, high=3.0), model, np.array([[0.0, 3.0], [3.0, 2.0]])).maps

    np.testing.assert_allclose(actual[0], expected[0], atol=1e-12)
    np.testing.assert_allclose(actual[1] / actual[1].sum(), np.array([[6.0], [1.0]]) / 7, atol=1e-6)


@pytest.mark.parametrize("rule", ["epsilon_plus_flat", "epsilon_gamma_box"])
def test_first_layers_see_through_padding_and_rescaling(rule, small64):
    padded = keras.Input((6, 6, 3), dtype="float64")
    moved = keras.layers.Rescaling(-0.5, 3.0, dtype="float64")(padded)
    moved = keras.layers.Permute((2, 1, 3), dtype="float64")(keras.layers.ZeroPadding2D(1, dtype="float64")(moved))
    features = keras.layers.Conv2D(4, 3, activation="relu", dtype="float64")(moved)
    plain = keras.Input((6, 6, 3), dtype="float64")
    same = keras.layers.Conv2D(4, 3, padding="same", activation="relu", dtype="float64")(plain)
    models = []
    for inputs, hidden in ((padded, features), (plain, same)):
        flat = keras.layers.GlobalAveragePooling2D(dtype="float64")(hidden)
        models.append(keras.Model(inputs, keras.layers.Dense(2, dtype="float64")(flat)))
    kernel, *rest = settled(models[1], seed=3).get_weights()
    models[0].set_weights([kernel, *rest])
    turned = np.swapaxes(3.0 - 0.5 * small64, 1, 2)
    expected = np.swapaxes(explain(lrp(rule=rule), models[1], turned, 0).maps, 1, 2)

    actual = explain(lrp(rule=rule), models[0], small64, 0).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize("rule", ["epsilon_plus_flat", "epsilon_gamma_box"])
def test_an_input_that_goes_to_a_first_layer_and_past_it_gets_both_parts(rule, rows64):
    inputs = keras.Input((5,), dtype="float64")
    first = keras.layers.Dense(5, use_bias=False, dtype="float64")(inputs)
    joined = keras.layers.Concatenate(dtype="float64")([keras.layers.Add(dtype="float64")([first, inputs]), inputs])
    model = settled(keras.Model(inputs, keras.layers.Dense(2, use_bias=False, dtype="float64")(joined)))

    scores, maps = explain(lrp(rule=rule, epsilon=0.0), model, rows64, "all")

    np.testing.assert_allclose(maps.sum(axis=1), scores, atol=1e-10)


def test_a_batch_normalisation_after_a_layer_is_one_with_it(rows64):
    def built(normalised):
        layers = [keras.layers.Dense(7, dtype="float64")]
        layers += [keras.layers.BatchNormalization(dtype="float64")] if normalised else []
        rest = [keras.layers.ReLU(dtype="float64"), keras.layers.Dense(3, dtype="float64")]
        return keras.Sequential([keras.Input((5,), dtype="float64"), *layers, *rest])

    apart, folded = settled(built(True)), built(False)
    kernel, bias, scale, shift, mean, variance, head, head_bias = apart.get_weights()
    scale[::2] *= -1  # turned round, too
    apart.set_weights([kernel, bias, scale, shift, mean, variance, head, head_bias])
    factor = scale / np.sqrt(variance + apart.layers[1].epsilon)
    folded.set_weights([kernel * factor, (bias - mean) * factor + shift, head, head_bias])
    for rule in ("epsilon", "gamma", "alpha2_beta1", "epsilon_gamma_box"):
        expected = explain(lrp(rule=rule), folded, rows64, "all").maps

        actual = explain(lrp(rule=rule), apart, rows64, "all").maps

        np.testing.assert_allclose(actual, expected, atol=1e-10, err_msg=rule)


def test_contributions_of_one_sign_get_all_of_a_score(rows64):
    model = dense(1, bias=False)
    model.set_weights([-np.abs(model.get_weights()[0])])
    positive = np.abs(rows64)
    expected = explain(input_x_gradient, model, positive).maps

    for rule in ("zplus", "alpha2_beta1"):
        np.testing.assert_allclose(explain(lrp(rule=rule), model, positive).maps, expected, atol=1e-12)


def test_contributions_that_are_lost_in_rounding_are_none():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.ones((2, 1))])
    values = np.array([[1e-39, -1.0], [1.0, -1e-39]], "float32")

    for rule in ("zplus", "alpha2_beta1"):
        maps = explain(lrp(rule=rule), model, values).maps[..., 0]

        np.testing.assert_allclose(maps, [[0.0, -1.0], [1.0, 0.0]], atol=1e-30)


def test_relevance_follows_a_target_function(unbiased64, small64):
    maps = explain(lrp(rule="zero"), unbiased64, small64, "all").maps
    expected = maps[..., 1] - maps[..., 3]

    actual = explain(lrp(rule="zero"), unbiased64, small64, lambda scores: scores[:, 1] - scores[:, 3]).maps

    np.testing.assert_allclose(actual[..., 0], expected, atol=1e-12)


def test_scores_of_which_one_is_made_of_another_are_counted_once(rows64):
    options = {"use_bias": False, "dtype": "float64"}
    inputs = keras.Input((5,), dtype="float64")
    first = keras.layers.Dense(4, **options)(inputs)
    moved = keras.layers.Rescaling(2.0, dtype="float64")(first)  # follows the layer, and yet is no part of it
    second = keras.layers.Dense(3, **options)(keras.layers.ReLU(dtype="float64")(moved))
    model = settled(keras.Model(inputs, [first, second]))

    def both(outputs):
        return outputs[0][:, 1] + outputs[1][:, 2]

    expected = explain(input_x_gradient, model, rows64, both).maps

    actual = explain(lrp(rule="zero"), model, rows64, both).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_a_layer_that_goes_two_ways_gets_both_parts(rows64):
    inputs = keras.Input((5,), dtype="float64")
    layer = keras.layers.Dense(4, use_bias=False, dtype="float64")(inputs)
    ways = [
        keras.layers.Rescaling(scale, offset, dtype="float64")(layer) for scale, offset in ((2.0, 1.0), (-3.0, 0.5))
    ]
    joined = keras.layers.Concatenate(dtype="float64")([keras.layers.ReLU(dtype="float64")(way) for way in ways])
    model = settled(keras.Model(inputs, keras.layers.Dense(2, dtype="float64")(joined)))
    expected = explain(input_x_gradient, model, rows64, "all").maps

    actual = explain(lrp(rule="zero"), model, rows64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_a_softmax_at_the_end_changes_nothing_until_outputs_are_asked_for(rows64):
    logits = dense(4, 3)
    outputs = dense(4, 3)
    outputs.layers[-1].activation = keras.activations.softmax
    outputs.set_weights(logits.get_weights())
    expected = explain(lrp, logits, rows64, "all").maps

    np.testing.assert_array_equal(explain(lrp, outputs, rows64, "all").maps, expected)
    assert np.abs(explain(lrp, outputs, rows64, "all", scores="outputs").maps - expected).max() > 0.01


def test_every_input_of_a_model_has_its_own_map(rows64):
    inputs = {name: keras.Input((5,), name=name, dtype="float64") for name in ("first", "second")}
    hidden = keras.layers.Dense(4, activation="relu", use_bias=False, dtype="float64")(
        keras.layers.Concatenate(dtype="float64")(list(inputs.values()))
    )
    model = settled(keras.Model(inputs, keras.layers.Dense(2, use_bias=False, dtype="float64")(hidden)))

    scores, maps = explain(lrp(rule="zplus"), model, {"first": rows64, "second": 2 * rows64}, "all")

    assert set(maps) == {"first", "second"}
    np.testing.assert_allclose(sum(leaf.sum(axis=1) for leaf in maps.values()), scores, atol=1e-12)


@pytest.mark.parametrize("rule", ["epsilon", "epsilon_plus_flat"])
def test_half_precision_models_give_the_maps_of_single_precision(rule, halved, pooled, images):
    expected = explain(lrp(rule=rule), pooled, images, 1).maps

    actual = explain(lrp(rule=rule), halved, images, 1).maps

    assert actual.dtype == np.float32
    assert np.abs(actual - expected).max() < 0.05 * np.abs(expected).max()


def test_relevance_too_small_for_half_precision_is_not_lost(halved, pooled, images):
    before = pooled.get_weights()
    *first, head, bias = before
    try:
        for model in (pooled, halved):
            model.set_weights([*first, head * 1e-6, bias * 1e-6])
        expected = explain(lrp(rule="zero"), pooled, images, 1).maps
        actual = explain(lrp(rule="zero"), halved, images, 1).maps
    finally:
        for model in (pooled, halved):
            model.set_weights(before)

    assert np.abs(actual - expected).max() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize("rule", ["gamma", "epsilon_gamma_box"])
def test_xla_changes_no_map(rule, pooled64, small64):
    expected = explain(lrp(rule=rule), pooled64, small64, [[0, 2]] * 2, jit=False).maps

    actual = explain(lrp(rule=rule), pooled64, small64, [[0, 2]] * 2, jit=True).maps

    np.testing.assert_allclose(actual, expected, atol=1e-10)


def test_relevance_is_found_inside_of_the_loop_over_copies(pooled64, small64):
    expected = explain(lrp(rule="zplus"), pooled64, small64).maps

    actual = explain(smooth(lrp(rule="zplus"), noise=0, repetitions=3), pooled64, small64, batch_size=2).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_nothing_is_left_behind(pooled64, small64):
    before = explain(gradients, pooled64, small64).maps
    first = explain(lrp(rule="gamma"), pooled64, small64).maps
    explain(lrp(rule="zplus"), pooled64, small64)

    np.testing.assert_array_equal(explain(lrp(rule="gamma"), pooled64, small64).maps, first)
    np.testing.assert_array_equal(explain(gradients, pooled64, small64).maps, before)


def test_the_model_sees_each_example_once():
    seen = []

    @tf.custom_gradient
    def counted(values):
        def look(array):
            seen.append(len(array))
            return array[:1] * 0

        return tf.numpy_function(look, [values], values.dtype, stateful=False), lambda slopes: slopes

    inputs = keras.Input((5,))
    watched = keras.layers.Lambda(lambda x: x + tf.stop_gradient(tf.reduce_sum(counted(x))), output_shape=(5,))(inputs)
    model = settled(keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Dense(4, activation="relu")(watched))))

    explain(lrp(rule="alpha2_beta1"), model, np.ones((6, 5), "float32"), "all", batch_size=6)

    assert seen == [6]


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (lambda: keras.layers.LSTM(4, name="odd"), "TensorList.*odd"),
        (lambda: keras.layers.Lambda(lambda x: tf.cumsum(x, axis=1), name="odd"), "Cumsum.*odd"),
        (lambda: keras.layers.Lambda(lambda x: tf.math.round(x), name="odd"), "Round.*odd"),
        (lambda: keras.layers.Conv1D(6, 2, groups=3, name="odd"), "Call.*odd.*a convolution in groups"),
    ],
    ids=["loop", "sum", "steps", "groups"],
)
def test_an_operation_without_a_rule_is_refused_by_its_name(layer, named):
    inputs = keras.Input((4, 3))
    hidden = keras.layers.Flatten()(layer()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(hidden))

    with pytest.raises(ModelError, match=rf"lrp has no rule for (?s:.)*{named}.*use another method"):
        lrp.bind(model)


def test_whole_numbers_are_refused_with_a_way_out():
    inputs = keras.Input((4,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(10, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(embedded)))

    with pytest.raises(InputError, match=r"int32.*use a perturbation method"):
        lrp.bind(model)


def test_an_input_that_the_score_does_not_depend_on_is_an_error():
    used, unused = keras.Input((5,), name="used"), keras.Input((5,), name="unused")
    model = keras.Model([used, unused], keras.layers.Dense(3)(used))

    with pytest.raises(InputError, match="does not depend on"):
        lrp.bind(model)


def test_bounds_that_are_turned_round_are_refused(pooled64):
    with pytest.raises(ParameterError, match=r"low must be at most high, not 2\.0 above 1\.0"):
        lrp(rule="epsilon_gamma_box", low=2.0, high=1.0).bind(pooled64)


def test_a_rule_that_nobody_knows_is_refused():
    with pytest.raises(ParameterError, match="rule must be 'epsilon'"):
        lrp(rule="epsilom")


def test_it_reads_back_as_it_is_written():
    explainer = lrp(rule="epsilon_gamma_box", gamma=0.5, low=0.0, high=255.0)

    assert repr(explainer) == "lrp(rule='epsilon_gamma_box', gamma=0.5, low=0.0, high=255.0)"
    assert find(repr(explainer)) == explainer
    assert repr(lrp) == "lrp"
