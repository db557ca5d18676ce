"""What relevance does at each kind of layer but those with weights: by the papers' formulas, and nothing is lost."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import relevance as oracle
from tests.oracles.weights import settled
from xaikit import explain, lrp
from xaikit.core import as_view, relevance_rules
from xaikit.core.relevance import Rules, _slopes, network_of, seeds
from xaikit.core.tracing import new_trace

layers = keras.layers
OPTIONS = {"dtype": "float64"}


def draws(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def function(change, name=None):
    """A layer that is a plain function of one tensor."""
    return layers.Lambda(change, name=name, **OPTIONS)


def before_a_head(*body, inputs, several=False):
    """A model of some layers and a linear head without biases, in which whatever is lost is lost in the layers."""
    shapes = inputs if several else [inputs]
    given = [keras.Input(shape, **OPTIONS) for shape in shapes]
    hidden = given if several else given[0]
    for layer in body:
        hidden = layer(hidden)
    outputs = layers.Dense(3, use_bias=False, name="head", **OPTIONS)(layers.Flatten(**OPTIONS)(hidden))
    return settled(keras.Model(given if several else given[0], outputs), seed=8)


def relevance(model, inputs, rule="zero", target=1):
    """The layers' outputs' relevance, the inputs', and the score."""
    body = keras.Model(model.input, model.layers[-2].output)
    hidden = np.array(body(inputs))
    at_outputs = hidden * model.get_layer("head").kernel.numpy()[:, target]
    scores, maps = explain(lrp(rule=rule), model, inputs, target)
    return at_outputs, tf.nest.map_structure(lambda leaf: leaf[..., 0], maps), scores[:, 0]


def gelu(approximate):
    return function(lambda x: keras.activations.gelu(x, approximate=approximate))


def written_out(x):
    return x / (1 + tf.exp(-x))  # SiLU, by hand


ACTIVATIONS = {
    "relu": layers.ReLU(**OPTIONS),
    "leaky_relu": layers.LeakyReLU(**OPTIONS),
    "prelu": layers.PReLU(**OPTIONS),
    "relu6": function(keras.activations.relu6),
    "elu": layers.Activation("elu", **OPTIONS),
    "selu": layers.Activation("selu", **OPTIONS),
    "celu": layers.Activation("celu", **OPTIONS),
    "tanh": layers.Activation("tanh", **OPTIONS),
    "sigmoid": layers.Activation("sigmoid", **OPTIONS),
    "softplus": layers.Activation("softplus", **OPTIONS),
    "softsign": layers.Activation("softsign", **OPTIONS),
    "exact gelu": gelu(False),
    "approximate gelu": gelu(True),
    "silu": layers.Activation("silu", **OPTIONS),
    "silu by hand": function(written_out),
    "hard_silu": layers.Activation("hard_silu", **OPTIONS),
    "mish": layers.Activation("mish", **OPTIONS),
    "hard_tanh": layers.Activation("hard_tanh", **OPTIONS),
    "square": function(tf.square),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_hands_on_to_each_number_what_it_gets(name):
    inputs = draws(4, 6) * 3
    expected, actual, _ = relevance(before_a_head(ACTIVATIONS[name], inputs=(6,)), inputs)

    np.testing.assert_allclose(actual, expected, atol=1e-10)


@pytest.mark.parametrize("name", ["tanh", "exact gelu", "silu", "sigmoid"])
def test_at_zero_there_is_no_division_by_it(name):
    inputs = np.array([[0.0, 0.0, 1e-12, -1e-12, 1.0, -1.0]])

    actual = relevance(before_a_head(ACTIVATIONS[name], inputs=(6,)), inputs)[1]

    assert np.isfinite(actual).all()
    np.testing.assert_array_equal(actual[0, :2], 0)


def test_a_batch_normalisation_by_itself_is_a_scale_and_a_shift_that_keeps_its_share():
    inputs, norm = draws(4, 6), layers.BatchNormalization(**OPTIONS)
    at_outputs, actual, _ = relevance(before_a_head(norm, inputs=(6,)), inputs)
    scale, shift, mean, variance = norm.get_weights()
    factor = scale / np.sqrt(variance + norm.epsilon)
    expected = inputs * factor / ((inputs - mean) * factor + shift) * at_outputs

    np.testing.assert_allclose(actual, expected, atol=1e-10)


def test_a_fused_batch_normalisation_is_what_a_decomposed_one_is():
    numbers = [tf.constant(np.abs(draws(3, seed=i)) + 0.5, tf.float32) for i in range(4)]

    def fused(x):
        return tf.compat.v1.nn.fused_batch_norm(x, *numbers, epsilon=0.001, is_training=False)[0]

    def decomposed(x):
        scale, shift, mean, variance = numbers
        return tf.nn.batch_normalization(x, mean, variance, shift, scale, 0.001)

    images, maps = draws(2, 5, 5, 3).astype("float32"), []
    for norm in (fused, decomposed):
        inputs = keras.Input((5, 5, 3))
        hidden = layers.Conv2D(3, 2, activation="relu")(layers.Lambda(norm)(inputs))
        hidden = layers.Lambda(norm)(layers.Conv2D(3, 2)(hidden))
        model = settled(keras.Model(inputs, layers.Dense(2)(layers.Flatten()(hidden))))
        maps.append(explain(lrp(rule="zplus"), model, images, 0).maps)

    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-4, atol=1e-4 * np.abs(maps[1]).max())


def test_average_pooling_shares_in_proportion_overlapping_too():
    inputs = draws(2, 5, 1)
    at_outputs, actual, score = relevance(
        before_a_head(layers.AveragePooling1D(3, 1, **OPTIONS), inputs=(5, 1)), inputs
    )
    expected = np.zeros((2, 5))
    for i in range(3):
        window = inputs[:, i : i + 3, 0]
        expected[:, i : i + 3] += window / window.sum(axis=1, keepdims=True) * at_outputs[:, i : i + 1]

    np.testing.assert_allclose(actual[..., 0], expected, atol=1e-10)
    np.testing.assert_allclose(actual.sum(axis=(1, 2)), score, atol=1e-10)


@pytest.mark.parametrize("layer", [layers.MaxPooling1D(3, 1, **OPTIONS), layers.GlobalMaxPooling1D(**OPTIONS)])
def test_in_maximum_pooling_the_largest_takes_all(layer):
    inputs = draws(2, 5, 1)
    at_outputs, actual, _ = relevance(before_a_head(layer, inputs=(5, 1)), inputs)
    size = 3 if at_outputs.shape[1] == 3 else 5
    expected = np.zeros((2, 5))
    for i in range(at_outputs.shape[1]):
        best = i + inputs[:, i : i + size, 0].argmax(axis=1)
        expected[np.arange(2), best] += at_outputs[:, i]

    np.testing.assert_allclose(actual[..., 0], expected, atol=1e-12)


def test_a_sum_shares_in_proportion_and_a_concatenation_by_place():
    inputs = [draws(4, 6), draws(4, 6, seed=1)]
    added, at_added, _ = relevance(before_a_head(layers.Add(**OPTIONS), inputs=[(6,)] * 2, several=True), inputs)
    joined, at_joined, _ = relevance(
        before_a_head(layers.Concatenate(**OPTIONS), inputs=[(6,)] * 2, several=True), inputs
    )

    for i in range(2):
        np.testing.assert_allclose(at_added[i], inputs[i] / sum(inputs) * added, atol=1e-10)
        np.testing.assert_allclose(at_joined[i], joined[:, 6 * i : 6 * i + 6], atol=1e-12)


def test_a_residual_branch_gets_its_share():
    inputs = keras.Input((6,), **OPTIONS)
    branch = layers.Dense(6, activation="relu", use_bias=False, **OPTIONS)(inputs)
    hidden = layers.Add(name="sum", **OPTIONS)([inputs, branch])
    outputs = layers.Dense(3, use_bias=False, name="head", **OPTIONS)(hidden)
    values, model = draws(4, 6), settled(keras.Model(inputs, outputs))
    kernel, head = model.get_weights()
    features = np.maximum(values @ kernel, 0)
    expected = values * head[:, 1] + values * (((features > 0) * head[:, 1]) @ kernel.T)

    scores, maps = explain(lrp(rule="zero"), model, values, 1)

    np.testing.assert_allclose(maps[..., 0], expected, atol=1e-12)
    np.testing.assert_allclose(maps.sum(axis=1), scores, atol=1e-12)


def centred(inputs, axes):
    return inputs - inputs.mean(axis=axes, keepdims=True)


def test_a_layer_normalisation_is_centring_over_a_number():
    inputs, norm = draws(4, 6), layers.LayerNormalization(**OPTIONS)
    at_outputs, actual, _ = relevance(before_a_head(norm, inputs=(6,)), inputs)
    scale, shift = norm.get_weights()
    deviation = np.sqrt(inputs.var(axis=1, keepdims=True) + norm.epsilon)
    outputs = centred(inputs, 1) / deviation * scale + shift
    centring = np.eye(6) - 1 / 6
    given = np.einsum("bj,jk,k,b->bjk", inputs, centring, scale, 1 / deviation[:, 0])  # x_j w_jk
    expected = np.einsum("bjk,bk->bj", given, at_outputs / outputs)

    np.testing.assert_allclose(actual, expected, atol=1e-10)


NORMS = {
    "layer": (layers.LayerNormalization(center=False, **OPTIONS), (4, 6)),
    "group": (layers.GroupNormalization(2, center=False, **OPTIONS), (3, 3, 6)),
    "rms": (layers.RMSNormalization(**OPTIONS), (4, 6)),
    "unit": (layers.UnitNormalization(**OPTIONS), (6,)),
    "length": (function(lambda x: x / tf.sqrt(tf.reduce_sum(x**2, axis=-1, keepdims=True))), (6,)),
}


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("rule", ["zero", "attention"])
def test_a_normalisation_without_a_shift_loses_nothing(name, rule):
    layer, shape = NORMS[name]
    inputs = draws(3, *shape)
    _, actual, score = relevance(before_a_head(layer, inputs=shape), inputs, rule)

    np.testing.assert_allclose(actual.reshape(3, -1).sum(axis=1), score, rtol=1e-4)


def test_a_length_hands_on_to_each_number_what_it_gets():
    inputs = draws(3, 6)
    expected, actual, _ = relevance(before_a_head(NORMS["unit"][0], inputs=(6,)), inputs)

    np.testing.assert_allclose(actual, expected, atol=1e-10)


def soft(values):
    raised = np.exp(values - values.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def test_a_softmax_by_itself_has_the_rule_of_attnlrp():
    inputs = draws(4, 6)
    at_outputs, actual, _ = relevance(
        before_a_head(layers.Softmax(**OPTIONS), layers.Flatten(**OPTIONS), inputs=(6,)), inputs
    )
    expected = inputs * (at_outputs - soft(inputs) * at_outputs.sum(axis=1, keepdims=True))

    np.testing.assert_allclose(actual, expected, atol=1e-10)


@pytest.mark.parametrize("product", [lambda x: x[0] * x[1], lambda x: tf.einsum("bij,bij->bij", *x)])
def test_of_a_product_of_features_each_factor_gets_half(product):
    inputs = [draws(4, 2, 3), draws(4, 2, 3, seed=1)]
    model = before_a_head(layers.Lambda(product, **OPTIONS), inputs=[(2, 3)] * 2, several=True)

    expected, actual, _ = relevance(model, inputs)

    for leaf in actual:
        np.testing.assert_allclose(leaf.reshape(4, 6), expected / 2, atol=1e-10)


def test_of_a_matrix_product_each_factor_gets_half_in_proportion():
    one, other = draws(2, 3, 4), draws(2, 4, 5, seed=1)
    model = before_a_head(layers.Lambda(lambda x: x[0] @ x[1], **OPTIONS), inputs=[(3, 4), (4, 5)], several=True)
    at_outputs, actual, _ = relevance(model, [one, other])
    given = one[..., None] * other[:, None]  # [B, i, j, k], a_ij b_jk
    shares = given / given.sum(axis=2, keepdims=True) * at_outputs.reshape(2, 3, 1, 5) / 2

    np.testing.assert_allclose(actual[0], shares.sum(axis=3), atol=1e-10)
    np.testing.assert_allclose(actual[1], shares.sum(axis=1), atol=1e-10)


GATES = {
    "sigmoid": tf.sigmoid,
    "hard sigmoid": keras.activations.hard_sigmoid,
    "softmax": tf.nn.softmax,
}


@pytest.mark.parametrize("name", GATES)
def test_what_a_gate_weighs_gets_all_but_under_attention(name):
    gate = GATES[name]
    body = [function(lambda x: x[:, :3] * gate(x[:, 3:]))]
    inputs = draws(4, 6)
    at_outputs, actual, _ = relevance(before_a_head(*body, inputs=(6,)), inputs)
    by_halves = relevance(before_a_head(*body, inputs=(6,)), inputs, "attention")[1]

    np.testing.assert_allclose(actual[:, :3], at_outputs, atol=1e-10)
    np.testing.assert_array_equal(actual[:, 3:], 0)
    np.testing.assert_allclose(by_halves[:, :3], at_outputs / 2, atol=1e-6)
    assert np.abs(by_halves[:, 3:]).max() > 0.01


def test_a_squeeze_and_excitation_block_loses_nothing():
    inputs = keras.Input((4, 4, 3), **OPTIONS)
    squeezed = layers.GlobalAveragePooling2D(keepdims=True, **OPTIONS)(inputs)
    gate = layers.Conv2D(3, 1, activation="sigmoid", **OPTIONS)(squeezed)
    hidden = layers.Flatten(**OPTIONS)(layers.Multiply(**OPTIONS)([inputs, gate]))
    model = settled(keras.Model(inputs, layers.Dense(2, use_bias=False, **OPTIONS)(hidden)))

    scores, maps = explain(lrp(rule="gamma"), model, draws(3, 4, 4, 3), "all")

    np.testing.assert_allclose(maps.sum(axis=(1, 2, 3)), scores, atol=1e-10)


class Attention:
    """Attention of one head, written out: R of the values' side, and of the queries and keys."""

    def __init__(self, model, tokens):
        layer = next(layer for layer in model.layers if isinstance(layer, layers.MultiHeadAttention))
        query, key, value, out = (
            w.reshape(6, 4) if i < 3 else w.reshape(4, 6) for i, w in enumerate(layer.get_weights())
        )
        self.tokens, self.kernels = tokens, (query, key, value, out)
        self.query, self.key, self.value = tokens @ query, tokens @ key, tokens @ value
        self.scores = self.query @ self.key.transpose(0, 2, 1) / 2
        self.weights = soft(self.scores)
        self.attended = self.weights @ self.value

    def shared(self, values, kernel, relevance):
        """In proportion, through a dense layer."""
        given = values[..., None] * kernel
        return np.einsum("btjk,btk->btj", given / given.sum(axis=2, keepdims=True), relevance)

    def relevance(self, at_outputs, attention):
        """R of the tokens, from R of what attention gives."""
        query, key, value, out = self.kernels
        at_attended = self.shared(self.attended, out, at_outputs)
        given = self.weights[..., None] * self.value[:, None]  # [B, i, j, d]: a_ij v_jd
        shares = given / given.sum(axis=2, keepdims=True) * at_attended[:, :, None]
        if not attention:
            return self.shared(self.tokens, value, shares.sum(axis=1))
        at_weights = shares.sum(axis=3) / 2
        at_scores = self.scores * (at_weights - self.weights * at_weights.sum(axis=2, keepdims=True))
        kept = (at_weights - at_scores).sum(axis=2)  # [B, i]: the softmax is no line through 0
        sizes = np.abs(given * (at_attended / self.attended)[:, :, None])
        more = sizes / sizes.sum(axis=(2, 3), keepdims=True) * kept[:, :, None, None]
        pairs = self.query[:, :, None] * self.key[:, None]  # [B, i, j, d]: q_id k_jd
        pairs = pairs / pairs.sum(axis=3, keepdims=True) * at_scores[..., None] / 2
        return (
            self.shared(self.tokens, value, (shares / 2 + more).sum(axis=1))
            + self.shared(self.tokens, query, pairs.sum(axis=2))
            + self.shared(self.tokens, key, pairs.sum(axis=1))
        )


@pytest.fixture(scope="module")
def attending():
    """One head of attention over three tokens, without biases."""
    inputs = keras.Input((3, 6), **OPTIONS)
    attended = layers.MultiHeadAttention(1, 4, use_bias=False, **OPTIONS)(inputs, inputs)
    outputs = layers.Dense(2, use_bias=False, name="head", **OPTIONS)(layers.Flatten(**OPTIONS)(attended))
    return settled(keras.Model(inputs, outputs), seed=5)


@pytest.mark.parametrize(("rule", "attention"), [("zero", False), ("epsilon", False), ("attention", True)])
def test_attention_is_what_it_is_by_hand(rule, attention, attending):
    tokens = draws(2, 3, 6)
    by_hand = Attention(attending, tokens)
    out = by_hand.attended @ by_hand.kernels[3]
    at_outputs = out * attending.get_layer("head").kernel.numpy()[:, 1].reshape(3, 6)
    expected = by_hand.relevance(at_outputs, attention)

    scores, maps = explain(lrp(rule=rule, epsilon=0.0), attending, tokens, 1)

    np.testing.assert_allclose(maps[..., 0], expected, atol=1e-9)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), scores, atol=1e-9)


def transformer(pooling):
    """A small vision transformer: patches, a class token or a mean, attention, a GELU block; no shifts."""
    options = {"use_bias": False, **OPTIONS}
    inputs = keras.Input((8, 8, 3), **OPTIONS)
    tokens = layers.Reshape((4, 6), **OPTIONS)(layers.Conv2D(6, 4, 4, **options)(inputs))
    if pooling == "token":
        tokens = function(lambda x: tf.pad(x, [[0, 0], [1, 0], [0, 0]]))(tokens)
    for approximate in (False, True):
        normed = layers.LayerNormalization(center=False, epsilon=1e-9, **OPTIONS)(tokens)
        tokens = layers.Add(**OPTIONS)([tokens, layers.MultiHeadAttention(2, 3, **options)(normed, normed)])
        normed = layers.LayerNormalization(center=False, epsilon=1e-9, **OPTIONS)(tokens)
        hidden = gelu(approximate)(layers.Dense(8, **options)(normed))
        tokens = layers.Add(**OPTIONS)([tokens, layers.Dense(6, **options)(hidden)])
    pooled = (
        layers.GlobalAveragePooling1D(**OPTIONS)(tokens) if pooling == "mean" else function(lambda x: x[:, 0])(tokens)
    )
    return settled(keras.Model(inputs, layers.Dense(3, activation="softmax", **options)(pooled)), seed=2)


LOSSLESS = [("mean", "zero"), ("token", "zplus"), ("token", "epsilon_gamma_box"), ("mean", "attention")]


@pytest.mark.parametrize(("pooling", "rule"), [*LOSSLESS, ("token", "attention")])
def test_a_vision_transformer_without_shifts_loses_nothing(rule, pooling):
    scores, maps = explain(lrp(rule=rule, epsilon=1e-14), transformer(pooling), draws(2, 8, 8, 3), "all", jit=False)

    np.testing.assert_allclose(maps.sum(axis=(1, 2, 3)), scores, rtol=1e-6)


def test_under_attention_queries_and_keys_of_a_vision_transformer_have_their_part():
    model, images = transformer("token"), draws(2, 8, 8, 3)
    by_values = explain(lrp, model, images).maps

    maps = explain(lrp(rule="attention"), model, images).maps

    assert np.isfinite(maps).all()
    assert np.abs(maps - by_values).max() > 0.01 * np.abs(by_values).max()


def ledger(model, images):
    """What each part of a network gets and hands on under AttnLRP, from the scores back: (kind of op, R, R) rows."""
    view, names = as_view(model), []

    def walk(inputs):
        with new_trace():
            made = view.run(inputs)
            network = network_of(view, made, attention=True, method="lrp")
            held = seeds(view.class_scores(made)[:, 0], network)
            rows = []
            for part in reversed(network.parts):
                given = {i: held.pop(out.name) for i, out in enumerate(part.outputs) if out.name in held}
                handed = _slopes(part, Rules(relevance_rules.zero))(given)
                for source, slope in zip(part.sources, handed, strict=True):
                    held[source.name] = held.get(source.name, 0) + slope
                got = tf.add_n([tf.reduce_sum(part.outputs[i] * slope) for i, slope in given.items()])
                gave = [tf.reduce_sum(source * slope) for source, slope in zip(part.sources, handed, strict=True)]
                names.append(part.op.type)
                rows.append(tf.stack([got, tf.add_n(gave)]))
            return tf.stack(rows)

    rows = tf.function(walk, autograph=False)(tf.constant(images)).numpy()
    return [(name, *row) for name, row in zip(names, rows, strict=True)]


@pytest.mark.parametrize("pooling", ["mean", "token"])
def test_under_attention_every_part_hands_on_what_it_gets_and_values_what_a_softmax_keeps(pooling):
    rows = ledger(transformer(pooling), draws(2, 8, 8, 3))
    size = np.abs([got for _, got, _ in rows]).max()
    kept = {name: got - gave for name, got, gave in rows if abs(got - gave) > 1e-9 * size}

    assert len(rows) > 40
    assert set(kept) <= {"Softmax", "Einsum", "BatchMatMulV2", "BatchMatMulV3"}
    np.testing.assert_allclose(sum(got - gave for _, got, gave in rows), 0, atol=1e-9 * size)


SEPARABLE = {
    "pictures": (layers.SeparableConv2D(3, 3, use_bias=False, **OPTIONS), (5, 5, 2)),
    "series": (layers.SeparableConv1D(3, 3, use_bias=False, **OPTIONS), (7, 2)),
}


@pytest.mark.parametrize("name", SEPARABLE)
def test_a_separable_convolution_is_two_layers_and_loses_nothing(name):
    layer, shape = SEPARABLE[name]
    inputs = draws(2, *shape)
    _, actual, score = relevance(before_a_head(layer, inputs=shape), inputs, "alpha2_beta1")

    np.testing.assert_allclose(actual.reshape(2, -1).sum(axis=1), score, atol=1e-10)


WEIGHTED = {
    "convolution of series": (layers.Conv1D(4, 3, use_bias=False, **OPTIONS), (7, 2)),
    "convolution of volumes": (layers.Conv3D(3, 2, use_bias=False, **OPTIONS), (3, 4, 3, 2)),
    "depthwise": (layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False, **OPTIONS), (5, 5, 2)),
    "transposed": (layers.Conv2DTranspose(3, 3, strides=2, use_bias=False, **OPTIONS), (4, 4, 2)),
    "dilated": (layers.Conv2D(3, 3, dilation_rate=2, padding="same", use_bias=False, **OPTIONS), (6, 6, 2)),
    "dense over positions": (layers.Dense(4, use_bias=False, **OPTIONS), (3, 2, 5)),
    "einsum": (layers.EinsumDense("abc,cd->abd", (3, 4), **OPTIONS), (3, 5)),
    "product with a matrix": (function(lambda x: tf.einsum("bij,jk->bki", x, tf.constant(draws(5, 4)))), (3, 5)),
}


@pytest.mark.parametrize("name", WEIGHTED)
def test_every_layer_with_weights_is_the_matrix_that_it_stands_for(name):
    layer, shape = WEIGHTED[name]
    model = before_a_head(layer, inputs=shape)
    body = keras.Model(model.input, model.layers[-2].output)
    size = int(np.prod(shape))
    weights = np.array(body(np.eye(size).reshape(size, *shape)))
    inputs = draws(2, *shape)
    for rule in ("gamma", "zplus", "alpha2_beta1"):
        _, actual, score = relevance(model, inputs, rule)
        _, dense, _ = oracle.RULES[rule]
        hidden, head = inputs.reshape(2, -1) @ weights, model.get_layer("head").kernel.numpy()[:, [1]]
        expected = [
            oracle.back(dense, x, weights, 0, oracle.back(dense, h, head, 0, s[None]))
            for x, h, s in zip(inputs.reshape(2, -1), hidden, score, strict=True)
        ]

        np.testing.assert_allclose(actual.reshape(2, -1), expected, rtol=1e-7, atol=1e-9, err_msg=rule)


ROUTES = {
    "padding": (layers.ZeroPadding2D(1, **OPTIONS), (4, 4, 2)),
    "cropping": (layers.Cropping2D(1, **OPTIONS), (4, 4, 2)),
    "upsampling": (layers.UpSampling2D(2, **OPTIONS), (4, 4, 2)),
    "bilinear": (function(lambda x: tf.cast(tf.image.resize(tf.cast(x, tf.float32), (7, 7)), tf.float64)), (4, 4, 2)),
    "permutation": (layers.Permute((2, 1, 3), **OPTIONS), (4, 3, 2)),
    "flipping": (function(lambda x: tf.reverse(x, [1])), (4, 3, 2)),
    "gathering": (function(lambda x: tf.gather(x, [2, 0, 0], axis=1)), (4, 3)),
    "stacking": (function(lambda x: tf.stack(tf.unstack(x, axis=1), axis=2)), (4, 3)),
    "splitting": (function(lambda x: tf.concat(tf.split(x, 2, axis=1)[::-1], axis=1)), (4, 3)),
    "winners": (function(lambda x: tf.maximum(x[:, :2], x[:, 2:])), (4, 3)),
    "choosing": (function(lambda x: tf.where(x > 0.2, x, tf.zeros_like(x))), (4, 3)),
}


@pytest.mark.parametrize("name", ROUTES)
def test_what_only_moves_values_loses_nothing(name):
    layer, shape = ROUTES[name]
    inputs = draws(3, *shape)
    _, actual, score = relevance(before_a_head(layer, inputs=shape), inputs)

    np.testing.assert_allclose(actual.reshape(3, -1).sum(axis=1), score, rtol=1e-5)


def test_layers_inside_of_layers_and_of_models_are_reached():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__(**OPTIONS)
            self.inner = layers.Dense(6, use_bias=False, **OPTIONS)

        def call(self, inputs):
            return keras.ops.silu(self.inner(inputs))

    flat = before_a_head(layers.Dense(6, use_bias=False, activation="silu", **OPTIONS), inputs=(6,))
    deep = before_a_head(keras.Sequential([keras.Input((6,), **OPTIONS), Block()]), inputs=(6,))
    deep.set_weights(flat.get_weights())
    inputs = draws(4, 6)
    expected = explain(lrp(rule="zplus"), flat, inputs, "all").maps

    actual = explain(lrp(rule="zplus"), deep, inputs, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)
