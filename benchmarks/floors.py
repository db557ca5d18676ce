"""The floors: for each method the smallest TensorFlow program that any implementation of it has to run.

A floor knows the classes and makes no choices. `build(network, copies, rows)` traces it for any number of examples;
what it returns takes images [B, ...] and classes [B], and gives NumPy arrays, the map last where it makes one. Methods
of many passes feed at most `rows` rows at a time, the number that was measured to be fastest. Nothing of xaikit is
needed.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from .networks import Network

SEGMENTS = 50  # of a picture

Program = Callable[[np.ndarray, np.ndarray], list[np.ndarray]]


class Floor(NamedTuple):
    """A floor.

    Attributes:
        build: From a network, a number of copies and the most rows at a time to a program.
        why: Why no implementation can do less, in one line.
    """

    build: Callable[[Network, int, int], Program]
    why: str


FLOORS: dict[str, Floor] = {}


def floor(why: str) -> Callable[[Callable[[Network, int, int], Program]], Callable[[Network, int, int], Program]]:
    """Put a floor into the table, by its name."""

    def named(build: Callable[[Network, int, int], Program]) -> Callable[[Network, int, int], Program]:
        FLOORS[build.__name__] = Floor(build, why)
        return build

    return named


def compiled(network: Network, function: Callable[..., Any], *more: Any, rows: int | None = None) -> Callable[..., Any]:
    """Trace a function of images, classes and more, for any number of rows or for one."""
    shape = [rows, network.side, network.side, 3]
    specs = [tf.TensorSpec(shape, tf.float32), tf.TensorSpec([rows], tf.int32), *more]
    return tf.function(function, autograph=False).get_concrete_function(*specs)


def called(run: Callable[..., Any]) -> Program:
    """Call what was traced on arrays, and read what it gives."""
    return lambda images, classes: [part.numpy() for part in run(tf.constant(images), tf.constant(classes))]


def score(network: Network, x: Any, y: Any) -> Any:
    """The score of each example's class, [B]."""
    return tf.gather(network.logits(x, training=False), y, batch_dims=1)


def helpings(
    images: np.ndarray, classes: np.ndarray, copies: int, rows: int
) -> Iterator[tuple[slice, Any, Any, np.ndarray]]:
    """Deal out all copies of all examples, at most `rows` at a time: which examples, they, and which copies of them."""
    for first in range(0, len(images), rows):
        part = slice(first, first + rows)
        x, y = tf.constant(images[part]), tf.constant(classes[part])
        size = max(1, rows // len(images[part]))
        for start in range(0, copies, size):
            yield part, x, y, np.arange(start, min(start + size, copies), dtype="int32")


def some(rank: int, dtype: Any = tf.float32) -> Any:
    """The spec of what says which copies to take."""
    return tf.TensorSpec([None] * rank, dtype)


def summed(run: Callable[..., Any], images: np.ndarray, classes: np.ndarray, copies: int, rows: int) -> np.ndarray:
    """Add up maps of all copies, [B, ...], from what `run` adds up over some of them."""
    totals: dict[int, Any] = {}
    for part, x, y, numbers in helpings(images, classes, copies, rows):
        found = run(x, y, tf.constant(numbers))
        totals[part.start] = totals[part.start] + found if part.start in totals else found
    return np.concatenate([totals[start].numpy() for start in sorted(totals)])


class Scored(NamedTuple):
    """A program that does work for the clean scores alone.

    Attributes:
        whole: Gives them too.
        bare: The program without them, the floor of what gives none.
    """

    whole: Program
    bare: Program

    def __call__(self, images: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
        """Give the scores, and the rest."""
        return self.whole(images, classes)


def scored(network: Network, bare: Program) -> Scored:
    """Put the clean scores before what a program gives."""
    clean = called(compiled(network, lambda x, y: [score(network, x, y)]))
    return Scored(lambda images, classes: [*clean(images, classes), *bare(images, classes)], bare)


@floor("the scores are the model's, so one forward pass is always paid; the map is made of what it computes anyway")
def forward(network: Network, copies: int, rows: int) -> Program:
    return called(compiled(network, lambda x, y: [score(network, x, y)]))


@floor("the map is the slope of the score at the input, or made of slopes on the way: one forward, one backward pass")
def gradients(network: Network, copies: int, rows: int) -> Program:
    def run(x: Any, y: Any) -> Any:
        s = score(network, x, y)
        return s, tf.gradients(s, x)[0]

    return called(compiled(network, run))


def gradients_by(network: Network, names: dict[str, str]) -> Program:
    """The score, and its slope at the input, where types of ops have gradients that were registered by some names."""
    return called(compiled(network, slopes_by(network, names)))


def slopes_by(network: Network, names: dict[str, str]) -> Callable[..., Any]:
    """What `gradients_by` compiles."""

    def run(x: Any, y: Any) -> Any:
        with tf.compat.v1.get_default_graph().gradient_override_map(names):
            s = score(network, x, y)
        return s, tf.gradients(s, x)[0]

    return run


@tf.RegisterGradient("floors.guided")
def guided(op: Any, slopes: Any) -> Any:
    """ReLU cuts off slopes below 0, and those of units at rest."""
    return tf.raw_ops.ReluGrad(gradients=tf.nn.relu(slopes), features=op.outputs[0])


@tf.RegisterGradient("floors.guided6")
def guided6(op: Any, slopes: Any) -> Any:
    """ReLU6 cuts off slopes below 0, and those of units at rest or at 6."""
    return tf.raw_ops.Relu6Grad(gradients=tf.nn.relu(slopes), features=op.outputs[0])


@tf.RegisterGradient("floors.positive")
def positive(op: Any, slopes: Any) -> Any:
    """A ReLU cuts off slopes below 0."""
    return tf.nn.relu(slopes)


@floor("one forward and one backward pass, with one op more for each ReLU: slopes below 0 end there too")
def guided_backprop(network: Network, copies: int, rows: int) -> Program:
    return gradients_by(network, {"Relu": "floors.guided", "Relu6": "floors.guided6"})


@floor("one forward and one backward pass, in which each ReLU cuts off slopes below 0, and nothing else")
def deconvnet(network: Network, copies: int, rows: int) -> Program:
    names = {"Relu": "floors.positive", "Relu6": "floors.positive"}
    run = slopes_by(network, names)

    @cache
    def back(rows: int) -> Program:
        # no slope depends on a value of the pass forward, and where the rows are known not on a shape of it either
        return called(compiled(network, lambda x, y: run(x, y)[1:], rows=rows))

    return Scored(gradients_by(network, names), lambda images, classes: back(len(images))(images, classes))


EPSILON = 1e-6
LINEAR = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
RELUS = ("Relu", "Relu6")


def affine(op: Any) -> bool:
    """Whether an op is a shift or a scale of features by weights, as of a bias or a normalisation."""
    return op.type in ("Mul", "AddV2", "BiasAdd") and set(op.inputs[1].shape[:-1]) <= {1}


def from_layer(z: Any) -> bool:
    """Whether a tensor is what a layer gives, its shifts and scales included."""
    while affine(z.op):
        z = z.op.inputs[0]
    return z.op.type in LINEAR


@tf.RegisterGradient("floors.lrp_relu")
def lrp_relu(op: Any, slopes: Any) -> Any:
    """R = slopes * y is z's too, and so c = R / (z + epsilon) is the layer's, or R / z where there is none."""
    y, z = op.outputs[0], op.inputs[0]
    return slopes * tf.math.divide_no_nan(y, z + EPSILON if from_layer(z) else z)


@tf.RegisterGradient("floors.lrp_shift")
def lrp_shift(op: Any, slopes: Any) -> Any:
    """A shift hands on c; at the end of a layer without a ReLU it is R / (z + epsilon sign z)."""
    z = op.outputs[0]
    if not affine(op):
        return slopes, slopes
    if from_layer(z) and not any(user.type in RELUS or affine(user) for user in z.consumers()):
        sizes = tf.abs(z)
        slopes *= sizes / (sizes + EPSILON)
    return slopes, None


@floor("the pass back with a factor for each layer and its ReLU, y / (z + epsilon), which takes three ops")
def lrp(network: Network, copies: int, rows: int) -> Program:
    names = {
        "Relu": "floors.lrp_relu",
        "Relu6": "floors.lrp_relu",
        "AddV2": "floors.lrp_shift",
        "BiasAdd": "floors.lrp_shift",
    }
    run = gradients_by(network, names)

    def program(images: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
        scores, found = run(images, classes)
        return [scores, images * found]

    return program


@floor("the slopes at every layer that adds something, and there sizes, sums and extremes of terms: written in full")
def full_gradients(network: Network, copies: int, rows: int) -> Program:
    layers = [layer for layer in network.logits.layers if adds(layer)]
    clone = keras.Model(network.logits.inputs[0], [*(layer.output for layer in layers), network.logits.outputs[0]])

    def run(x: Any, y: Any) -> Any:
        *outputs, logits = clone(x, training=False)
        s = tf.gather(logits, y, batch_dims=1)
        own, *slopes = tf.gradients(s, [x, *outputs])
        terms = [x * own, *(added(layer, out, g) for layer, out, g in zip(layers, outputs, slopes, strict=True))]
        sizes: dict[int, list[Any]] = {}
        for term in terms:
            sizes.setdefault(term.shape[1], []).append(tf.abs(term))
        return s, tf.add_n([tf.image.resize(heat(each), [network.side] * 2) for each in sizes.values()])[..., 0]

    return called(compiled(network, run))


def adds(layer: Any) -> bool:
    """Whether a layer with positions has biases of its own, or is flat above some value."""
    if isinstance(layer, keras.layers.ReLU):
        return layer.max_value is not None
    return isinstance(layer, keras.layers.BatchNormalization) or (hasattr(layer, "kernel_size") and layer.use_bias)


def added(layer: Any, output: Any, slope: Any) -> Any:
    """What a layer adds to the score at each value, [B, h, w, K], from its output and the slope there."""
    if isinstance(layer, keras.layers.ReLU):  # its largest value, where it has reached that
        return slope * (output - tf.raw_ops.Relu6Grad(gradients=output, features=output))
    if isinstance(layer, keras.layers.BatchNormalization):
        scale = tf.math.rsqrt(layer.moving_variance + layer.epsilon) * (layer.gamma if layer.scale else 1.0)
        return slope * (layer.beta - layer.moving_mean * scale)
    slope = (
        tf.raw_ops.ReluGrad(gradients=slope, features=output) if layer.activation is keras.activations.relu else slope
    )
    return slope * layer.bias


def heat(sizes: list[Any]) -> Any:
    """Bring layers of one size, [B, h, w, K] each, to [0, 1] for each example, and add up: [B, h, w, 1]."""
    low, high = (
        tf.stack([f(each, (1, 2, 3), keepdims=True) for each in sizes]) for f in (tf.reduce_min, tf.reduce_max)
    )
    sums = tf.stack([tf.reduce_sum(each, -1, keepdims=True) for each in sizes])
    counts = tf.reshape(tf.constant([float(each.shape[-1]) for each in sizes]), [-1, 1, 1, 1, 1])
    return tf.reduce_sum(tf.math.divide_no_nan(sums - counts * low, high - low), axis=0)


@floor("the activations of one baseline beside those of the input, and one pass back by their differences: in full")
def differences(network: Network, copies: int, rows: int) -> Program:
    def run(x: Any, y: Any) -> Any:
        start = tf.zeros_like(x[:1])
        with tf.name_scope("far"):
            network.logits(start, training=False)
        kinds = dict.fromkeys(("Relu", "Relu6"), "floors.rescaled")
        with tf.name_scope("near"), tf.compat.v1.get_default_graph().gradient_override_map(kinds):
            s = score(network, x, y)  # largest values of windows go by their gradients: less than the method does
        return s, (x - start) * tf.gradients(s, x)[0]

    return called(compiled(network, run))


@tf.RegisterGradient("floors.rescaled")
def rescaled(op: Any, slope: Any) -> Any:
    """DeepLIFT's rescale rule, of a ReLU on the inputs, in the scope "near", and the same on the baseline, in "far"."""
    far = op.graph.get_operation_by_name(op.name.replace("near", "far", 1))
    way, rise = op.inputs[0] - far.inputs[0], op.outputs[0] - far.outputs[0]
    flat = tf.raw_ops.ReluGrad if op.type == "Relu" else tf.raw_ops.Relu6Grad
    meeting = flat(
        gradients=tf.cast(tf.equal(way, 0), way.dtype), features=op.outputs[0]
    )  # the gradient, where they do
    return slope * (tf.math.divide_no_nan(rise, way) + meeting)


def cam_of(network: Network, x: Any, y: Any) -> tuple[Any, Any]:
    """Grad-CAM: scores [B], maps [B, *positions]."""
    features, logits = network.features(x, training=False)
    s = tf.gather(logits, y, batch_dims=1)
    weights = tf.reduce_mean(tf.gradients(s, features)[0], axis=(1, 2), keepdims=True)
    return s, tf.reduce_sum(weights * features, axis=-1)


@floor("the slopes of the score at the layer are needed and no others: a forward pass, and back to the layer alone")
def gradcam(network: Network, copies: int, rows: int) -> Program:
    return called(compiled(network, lambda x, y: cam_of(network, x, y)))


@floor("the clean scores, and those of that many perturbed copies: one forward pass each")
def forwards(network: Network, copies: int, rows: int) -> Program:
    def some_scores(x: Any, y: Any, numbers: Any) -> Any:
        count = tf.size(numbers)
        return score(network, tf.tile(x, [count, 1, 1, 1]), tf.tile(y, [count]))

    run = compiled(network, some_scores, some(1, tf.int32))

    def program(images: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
        found = [run(x, y, tf.constant(n)).numpy() for _, x, y, n in helpings(images, classes, copies, rows)]
        return [np.concatenate(found)]

    return scored(network, program)


@floor("the clean scores, and those of that many copies; before them the superpixels, which scikit-image cuts")
def superpixels(network: Network, copies: int, rows: int) -> Program:
    from skimage.segmentation import slic

    def cut(image: np.ndarray) -> np.ndarray:
        return slic((image + 1) / 2, n_segments=SEGMENTS, start_label=0, channel_axis=-1)

    masked = forwards(network, copies, rows)

    def program(images: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
        with ThreadPoolExecutor() as pool:
            labels = np.stack(list(pool.map(cut, images)))
        return [*masked(images, classes), labels]

    return program


@floor("the clean scores, and those of copies of which one window is hidden: one forward pass each; written in full")
def occlusion(network: Network, copies: int, rows: int) -> Program:
    clean = compiled(network, lambda x, y: [score(network, x, y)])
    across = round(copies**0.5)  # windows side by side, which do not overlap
    size = network.side // across
    places = np.kron(np.arange(copies).reshape(across, across), np.ones((size, size), "int32"))

    def hidden(x: Any, y: Any, numbers: Any) -> Any:
        count = tf.size(numbers)
        seen = tf.cast(tf.constant(places, tf.int32) != numbers[:, tf.newaxis, tf.newaxis], x.dtype)
        masked = tf.reshape(seen[:, tf.newaxis, :, :, tf.newaxis] * x, [-1, *x.shape[1:]])
        return tf.reshape(score(network, masked, tf.tile(y, [count])), [count, -1])

    run = compiled(network, hidden, some(1, tf.int32))

    def program(images: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
        (scores,) = called(clean)(images, classes)
        left = np.empty((len(images), copies), "float32")
        for part, x, y, numbers in helpings(images, classes, copies, rows):
            left[part, numbers] = run(x, y, tf.constant(numbers)).numpy().T
        return [scores, (scores[:, np.newaxis] - left)[:, places]]

    return program


@floor("a forward pass, and one through the head alone for each feature that is taken away, of those that vary most")
def heads(network: Network, copies: int, rows: int) -> Program:
    shape = network.head.inputs[0].shape

    def chosen(x: Any, y: Any) -> Any:
        features, logits = network.features(x, training=False)
        numbers = tf.math.top_k(tf.math.reduce_variance(features, axis=(1, 2)), copies).indices
        return (
            features,
            tf.gather(logits, y, batch_dims=1),
            numbers,
            tf.gather(features, numbers, axis=-1, batch_dims=1),
        )

    def ablated(features: Any, y: Any, numbers: Any) -> Any:
        count = tf.shape(numbers)[1]
        kept = 1 - tf.one_hot(tf.transpose(numbers), shape[-1])
        masked = kept[:, :, tf.newaxis, tf.newaxis] * features
        copied = tf.reshape(masked, tf.concat([[-1], tf.shape(features)[1:]], axis=0))
        found = network.head(copied, training=False)
        return tf.reshape(tf.gather(found, tf.tile(y, [count]), batch_dims=1), [count, -1])

    first = compiled(network, chosen)
    specs = [tf.TensorSpec(shape, tf.float32), some(1, tf.int32), some(2, tf.int32)]
    run = tf.function(ablated, autograph=False).get_concrete_function(*specs)

    def program(images: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
        features, scores, numbers, taken = first(tf.constant(images), tf.constant(classes))
        left = np.empty((len(images), copies), "float32")
        for part, x, y, some_of in helpings(features, classes, copies, rows):
            which = numbers[part, some_of[0] : some_of[-1] + 1]
            left[part, some_of] = run(x, y, which).numpy().T
        s = scores.numpy()
        return [s, np.einsum("bhwk,bk->bhw", taken.numpy(), 1 - left / s[:, np.newaxis])]

    return program


@floor("the clean scores, and the slopes of that many points or draws: a forward and a backward pass each")
def slopes(network: Network, copies: int, rows: int) -> Program:
    def mean_slopes(x: Any, y: Any, numbers: Any) -> Any:
        count = tf.size(numbers)
        points = tf.tile(x, [count, 1, 1, 1])
        found = tf.gradients(score(network, points, tf.tile(y, [count])), points)[0]
        return tf.reduce_sum(tf.reshape(found, [count, -1, *x.shape[1:]]), axis=0)

    run = compiled(network, mean_slopes, some(1, tf.int32))
    return scored(network, lambda images, classes: [summed(run, images, classes, copies, rows) / copies])


@floor("slopes one after the other, since each point depends on the slope before it, and at the input itself")
def slopes_in_turn(network: Network, copies: int, rows: int) -> Program:
    once = compiled(network, lambda x, y: [tf.gradients(score(network, x, y), x)[0]])
    last = gradients(network, copies, rows)

    def program(images: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
        for _ in range(copies):
            (found,) = once(tf.constant(images), tf.constant(classes))
        return [*last(images, classes), found.numpy()]

    return program


@floor("the clean scores, and the slopes at the nodes of the quadrature, weighed: written in full")
def integrated_gradients(network: Network, copies: int, rows: int) -> Program:
    nodes, weights = np.polynomial.legendre.leggauss(copies)
    nodes, weights = ((nodes + 1) / 2).astype("float32"), (weights / 2).astype("float32")

    def weighed(x: Any, y: Any, numbers: Any) -> Any:
        count = tf.size(numbers)
        points = tf.reshape(column(tf.gather(nodes, numbers)) * x, [-1, *x.shape[1:]])
        found = tf.gradients(score(network, points, tf.tile(y, [count])), points)[0]
        each = tf.reshape(found, [count, -1, *x.shape[1:]])
        return tf.reduce_sum(column(tf.gather(weights, numbers)) * each, axis=0)

    run = compiled(network, weighed, some(1, tf.int32))
    return scored(network, lambda images, classes: [images * summed(run, images, classes, copies, rows)])


def column(values: Any) -> Any:
    """[n] to [n, 1, 1, 1, 1], to lie beside copies of images."""
    return tf.reshape(values, [-1, 1, 1, 1, 1])


@floor("Grad-CAM of every view, mirrored back, resized and averaged; the plain view gives the clean scores")
def views(network: Network, copies: int, rows: int) -> Program:
    sides = [network.side // 2**i for i in range(copies // 2)]  # each plain and mirrored

    def mean(x: Any, y: Any, at_once: bool) -> Any:
        both = [x, x[:, :, ::-1]]
        if at_once:
            s, cams = cam_of(network, tf.concat(both, axis=0), tf.tile(y, [2]))
            (s, _), (plain, mirrored) = tf.split(s, 2), tf.split(cams, 2)
        else:
            (s, plain), (_, mirrored) = (cam_of(network, view, y) for view in both)
        return s, tf.image.resize((plain + mirrored[:, :, ::-1])[..., tf.newaxis], [network.side] * 2)[..., 0]

    def averaged(x: Any, y: Any, at_once: bool) -> Any:
        found = [mean(x if side == network.side else tf.image.resize(x, [side, side]), y, at_once) for side in sides]
        return found[0][0], tf.add_n([maps for _, maps in found]) / copies

    @cache
    def run(at_once: bool) -> Program:
        return called(compiled(network, lambda x, y: averaged(x, y, at_once)))

    return lambda images, classes: run(2 * len(images) <= rows)(images, classes)


def stacked(matrices: list[Any], tokens: int) -> Any:
    """Follow the mean of all tokens back through a matrix of each layer, [B, N, N]: on the grid, [B, n, n]."""
    rows = tf.fill([tf.shape(matrices[0])[0], 1, tokens], 1 / tokens)
    for matrix in reversed(matrices):
        rows = tf.matmul(rows, matrix)
    side = round(tokens**0.5)
    return tf.reshape(rows, [-1, side, side])


@floor("the attention weights of one forward pass; the product of small matrices is written in full")
def rollout(network: Network, copies: int, rows: int) -> Program:
    def run(x: Any, y: Any) -> Any:
        *weights, logits = network.attention(x, training=False)
        tokens = weights[0].shape[-1]
        matrices = [(tf.reduce_mean(each, axis=1) + tf.eye(tokens)) / 2 for each in weights]
        return tf.gather(logits, y, batch_dims=1), stacked(matrices, tokens)

    return called(compiled(network, run))


@floor("attention weights and their slopes: a forward pass, and back to the first attention")
def relevance(network: Network, copies: int, rows: int) -> Program:
    def run(x: Any, y: Any) -> Any:
        *weights, logits = network.attention(x, training=False)
        s = tf.gather(logits, y, batch_dims=1)
        tokens = weights[0].shape[-1]
        pairs = zip(weights, tf.gradients(s, weights), strict=True)
        matrices = [tf.reduce_mean(tf.nn.relu(a * slope), axis=1) + tf.eye(tokens) for a, slope in pairs]
        return s, stacked(matrices, tokens)

    return called(compiled(network, run))
