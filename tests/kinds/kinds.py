"""Kinds of Keras models, a small one of each with its inputs, and which methods refuse them, with the reason.

The table in the docs is written from here, so TensorFlow is imported when a model is built and not before.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

SIDE = 8


class Kind(NamedTuple):
    """One kind of model.

    Attributes:
        text: What it is, for people.
        build: Makes the model and some inputs.
        refused: By the name of a method, what the error says; all the others work.
        targets: What is explained.
    """

    text: str
    build: Callable[[], tuple[Any, Any]]
    refused: Mapping[str, str] = MappingProxyType({})
    targets: Any = "top1"


CAMS = (*("cam", "gradcam", "gradcampp", "xgradcam", "hirescam", "layercam", "eigencam", "scorecam", "ablationcam"),)
ATTENTION = ("attention_rollout", "attention_relevance")
GRADIENTS = (
    *("gradients", "input_x_gradient", "integrated_gradients", "expected_gradients", "guided_integrated_gradients"),
    *("blur_integrated_gradients", "full_gradients", "guided_backprop", "deconvnet", "lrp", "deeplift"),
)
RECTIFIED = ("guided_backprop", "deconvnet")
BY_RULES = (*RECTIFIED, "lrp", "deeplift")

NO_ATTENTION = dict.fromkeys(ATTENTION, "attention")
NO_HEAD = {"cam": "average"}
NO_POSITIONS = {**dict.fromkeys(CAMS, "positions|average"), "blur_integrated_gradients": "positions"}


def draws(*shape: int) -> Any:
    return np.random.default_rng(7).normal(size=shape).astype("float32")


def images(channels: int = 3) -> Any:
    return draws(2, SIDE, SIDE, channels)


def settled(model: Any) -> Any:
    from tests.oracles.weights import settled

    return settled(model, seed=3)


def layers() -> Any:
    import keras

    return keras.layers


def features(inputs: Any, activation: Any = "relu", dtype: Any = None) -> Any:
    """Two convolutions and a normalisation: [B, 4, 4, 6]."""
    of = layers()
    hidden = of.Conv2D(4, 3, padding="same", activation=activation, name="conv1", dtype=dtype)(inputs)
    hidden = of.BatchNormalization(name="norm", dtype=dtype)(hidden)
    return of.Conv2D(6, 3, strides=2, padding="same", activation=activation, name="conv2", dtype=dtype)(hidden)


def headed(
    inputs: Any, hidden: Any, units: int = 3, activation: Any = "softmax", dtype: Any = None, name: str = "model"
) -> Any:
    """Average pooling and a linear head."""
    import keras

    pooled = layers().GlobalAveragePooling2D(name="pool", dtype=dtype)(hidden)
    outputs = layers().Dense(units, activation=activation, name="head", dtype=dtype)(pooled)
    return settled(keras.Model(inputs, outputs, name=name))


def image_input() -> Any:
    import keras

    return keras.Input((SIDE, SIDE, 3))


def functional() -> tuple[Any, Any]:
    inputs = image_input()
    return headed(inputs, features(inputs)), images()


def sequential() -> tuple[Any, Any]:
    import keras

    return settled(keras.Sequential([keras.Input((SIDE, SIDE, 3)), *stack()])), images()


def sequential_without_input() -> tuple[Any, Any]:
    import keras

    model = keras.Sequential(stack())
    model.build((None, SIDE, SIDE, 3))
    return settled(model), images()


def stack() -> list[Any]:
    of = layers()
    return [
        of.Conv2D(4, 3, activation="relu", name="conv1"),
        of.MaxPooling2D(name="smaller"),
        of.Conv2D(5, 2, activation="relu", name="conv2"),
        of.GlobalAveragePooling2D(name="pool"),
        of.Dense(3, activation="softmax", name="head"),
    ]


def backbone(pooled: bool = False) -> Any:
    import keras

    inputs = image_input()
    hidden = features(inputs)
    outputs = layers().GlobalAveragePooling2D(name="inner_pool")(hidden) if pooled else hidden
    return keras.Model(inputs, outputs, name="backbone")


def nested() -> tuple[Any, Any]:
    inputs = image_input()
    return headed(inputs, backbone()(inputs)), images()


def nested_with_pooling() -> tuple[Any, Any]:
    import keras

    inputs = image_input()
    outputs = layers().Dense(3, activation="softmax", name="head")(backbone(pooled=True)(inputs))
    return settled(keras.Model(inputs, outputs)), images()


def nested_deeply() -> tuple[Any, Any]:
    import keras

    inner = image_input()
    middle = keras.Model(inner, backbone()(inner), name="middle")
    inputs = image_input()
    return headed(inputs, keras.Sequential([middle], name="outer")(inputs)), images()


def subclassed_layer() -> Any:
    import keras

    class Block(keras.layers.Layer):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.conv = keras.layers.Conv2D(5, 3, name="conv")
            self.norm = keras.layers.BatchNormalization(name="norm")

        def call(self, inputs: Any) -> Any:
            return keras.ops.relu(self.norm(self.conv(inputs)))

    return Block(name="block")


def subclassed() -> tuple[Any, Any]:
    import keras

    class Classifier(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="classifier")
            self.block = subclassed_layer()
            self.pool = keras.layers.GlobalAveragePooling2D(name="pool")
            self.head = keras.layers.Dense(3, activation="softmax", name="head")

        def call(self, inputs: Any) -> Any:
            return self.head(self.pool(self.block(inputs)))

    model = Classifier()
    model(images())
    return settled(model), images()


def subclassed_inside() -> tuple[Any, Any]:
    inputs = image_input()
    return headed(inputs, subclassed_layer()(inputs)), images()


def shared() -> tuple[Any, Any]:
    inputs = image_input()
    conv = layers().Conv2D(3, 3, padding="same", activation="relu", name="conv")
    return headed(inputs, conv(conv(inputs))), images()


def joined(inputs: Any) -> Any:
    """A picture and a table."""
    import keras

    picture, table = inputs.values() if isinstance(inputs, dict) else inputs
    pooled = layers().GlobalAveragePooling2D(name="pool")(features(picture))
    both = layers().Concatenate(name="join")([pooled, layers().Dense(3, activation="relu")(table)])
    return settled(keras.Model(inputs, layers().Dense(3, activation="softmax", name="head")(both)))


def two_inputs() -> tuple[Any, Any]:
    import keras

    return joined([image_input(), keras.Input((4,))]), [images(), draws(2, 4)]


def named_inputs() -> tuple[Any, Any]:
    import keras

    inputs = {"image": keras.Input((SIDE, SIDE, 3), name="image"), "table": keras.Input((4,), name="table")}
    return joined(inputs), {"image": images(), "table": draws(2, 4)}


def two_outputs() -> tuple[Any, Any]:
    import keras

    inputs = image_input()
    pooled = layers().GlobalAveragePooling2D(name="pool")(features(inputs))
    genus = layers().Dense(3, activation="softmax", name="genus")(pooled)
    species = layers().Dense(5, activation="softmax", name="species")(pooled)
    return settled(keras.Model(inputs, {"genus": genus, "species": species})), images()


def of_species() -> Any:
    from xaikit.targets import output

    return output("species")


def one_sigmoid() -> tuple[Any, Any]:
    inputs = image_input()
    return headed(inputs, features(inputs), 1, "sigmoid"), images()


def many_sigmoids() -> tuple[Any, Any]:
    inputs = image_input()
    return headed(inputs, features(inputs), 4, "sigmoid"), images()


def plain_logits() -> tuple[Any, Any]:
    inputs = image_input()
    return headed(inputs, features(inputs), 3, None), images()


def convolutional_head() -> tuple[Any, Any]:
    import keras

    inputs = image_input()
    pooled = layers().GlobalAveragePooling2D(keepdims=True, name="pool")(features(inputs))
    logits = layers().Conv2D(3, 1, name="logits")(pooled)
    outputs = layers().Softmax(name="softmax")(layers().Flatten(name="flat")(logits))
    return settled(keras.Model(inputs, outputs)), images()


def in_policy(policy: str) -> Callable[[], tuple[Any, Any]]:
    def build() -> tuple[Any, Any]:
        import keras

        inputs, dtype = image_input(), keras.DTypePolicy(policy)
        return headed(inputs, features(inputs, dtype=dtype), dtype=dtype), images()

    return build


def rescaled() -> tuple[Any, Any]:

    inputs = image_input()
    scaled = layers().Rescaling(1 / 127.5, offset=-1, name="rescaling")(inputs)
    normed = layers().Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 0.9, 0.8], name="normalization")(scaled)
    pictures = (np.random.default_rng(7).uniform(size=(2, SIDE, SIDE, 3)) * 255).astype("uint8")
    return headed(inputs, features(normed)), pictures


def any_size() -> tuple[Any, Any]:
    import keras

    inputs = keras.Input((None, None, 3))
    return headed(inputs, features(inputs)), draws(2, SIDE, SIDE + 4, 3)


def flattened() -> tuple[Any, Any]:
    import keras

    inputs = image_input()
    flat = layers().Flatten(name="flat")(layers().MaxPooling2D(name="smaller")(features(inputs)))
    return settled(keras.Model(inputs, layers().Dense(3, activation="softmax", name="head")(flat))), images()


def curved(activation: str) -> Callable[[], tuple[Any, Any]]:
    def build() -> tuple[Any, Any]:
        inputs = image_input()
        return headed(inputs, features(inputs, activation)), images()

    return build


def gated() -> tuple[Any, Any]:
    """Depthwise convolutions, hard swish, squeeze and excite, a residual: what mobile networks are made of."""
    inputs, of = image_input(), layers()
    hidden = of.Conv2D(4, 3, padding="same", activation="hard_silu", name="stem")(inputs)
    inner = of.DepthwiseConv2D(3, padding="same", activation="relu6", name="depthwise")(hidden)
    gate = of.Dense(4, activation="sigmoid", name="gate")(
        of.GlobalAveragePooling2D(name="squeeze", keepdims=True)(inner)
    )
    hidden = of.Add(name="add")([hidden, of.Multiply(name="excite")([inner, gate])])
    return headed(inputs, hidden), images()


def series() -> tuple[Any, Any]:
    import keras

    inputs = keras.Input((12, 2))
    hidden = layers().Conv1D(4, 3, padding="same", activation="relu", name="conv")(inputs)
    pooled = layers().GlobalAveragePooling1D(name="pool")(hidden)
    return settled(keras.Model(inputs, layers().Dense(3, activation="softmax", name="head")(pooled))), draws(2, 12, 2)


def volume() -> tuple[Any, Any]:
    import keras

    inputs = keras.Input((4, 6, 6, 1))
    hidden = layers().Conv3D(3, 3, padding="same", activation="relu", name="conv")(inputs)
    pooled = layers().GlobalAveragePooling3D(name="pool")(hidden)
    model = keras.Model(inputs, layers().Dense(3, activation="softmax", name="head")(pooled))
    return settled(model), draws(2, 4, 6, 6, 1)


def recurrent(kind: str) -> Callable[[], tuple[Any, Any]]:
    def build() -> tuple[Any, Any]:
        import keras

        inputs = keras.Input((6, 2))
        layer = getattr(keras.layers, kind)(3, return_sequences=True, name="recurrent")
        pooled = layers().GlobalAveragePooling1D(name="pool")(layer(inputs))
        return settled(keras.Model(inputs, layers().Dense(3, activation="softmax", name="head")(pooled))), draws(
            2, 6, 2
        )

    return build


def table() -> tuple[Any, Any]:
    import keras

    inputs = keras.Input((5,))
    hidden = layers().Dense(6, activation="relu")(inputs)
    return settled(keras.Model(inputs, layers().Dense(3, activation="softmax", name="head")(hidden))), draws(2, 5)


def regression() -> tuple[Any, Any]:
    import keras

    inputs = keras.Input((5,))
    hidden = layers().Dense(6, activation="relu")(inputs)
    return settled(keras.Model(inputs, layers().Dense(1, name="value")(hidden))), draws(2, 5)


def vision_transformer(pooled: bool) -> Callable[[], tuple[Any, Any]]:
    def build() -> tuple[Any, Any]:
        from tests.oracles.vits import vit

        return vit(special=0 if pooled else 1, pooled=pooled, dtype="float32", blocks=2), images()

    return build


def hierarchical() -> tuple[Any, Any]:
    """Attention over a grid of tokens, which are merged, and attention over fewer of them."""
    import keras

    from tests.oracles.vits import block

    inputs, of = image_input(), layers()
    hidden = of.Conv2D(8, 2, strides=2, name="patches")(inputs)
    hidden = block(of.Reshape((16, 8), name="tokens")(hidden), 0, 2, "float32")
    merged = of.Conv2D(8, 2, strides=2, name="merge")(of.Reshape((4, 4, 8), name="grid")(hidden))
    hidden = block(of.Reshape((4, 8), name="fewer")(merged), 1, 2, "float32")
    pooled = of.GlobalAveragePooling1D(name="pool")(hidden)
    return settled(keras.Model(inputs, of.Dense(3, activation="softmax", name="head")(pooled))), images()


def text() -> tuple[Any, Any]:
    import keras

    inputs = keras.Input((6,), dtype="int32")
    hidden = layers().Embedding(20, 4, name="embedding")(inputs)
    hidden = layers().Conv1D(5, 3, padding="same", activation="relu", name="conv")(hidden)
    pooled = layers().GlobalAveragePooling1D(name="pool")(hidden)
    model = keras.Model(inputs, layers().Dense(3, activation="softmax", name="head")(pooled))
    return settled(model), np.random.default_rng(7).integers(1, 20, (2, 6)).astype("int32")


def hub() -> tuple[Any, Any]:
    """A classifier as KerasHub builds them: a backbone that takes a dict of tokens and their mask."""
    import keras

    from tests.oracles.vits import block

    inputs = {
        "token_ids": keras.Input((6,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((6,), dtype="int32", name="padding_mask"),
    }
    hidden = layers().Embedding(20, 8, name="embedding")(inputs["token_ids"])
    hidden = hidden * keras.ops.cast(inputs["padding_mask"], "float32")[..., None]
    encoder = keras.Model(inputs, block(hidden, 0, 2, "float32"), name="backbone")
    first = encoder(inputs)[:, 0]
    model = settled(keras.Model(inputs, layers().Dense(3, name="logits")(first), name="classifier"))
    ids = np.random.default_rng(7).integers(1, 20, (2, 6)).astype("int32")
    return model, {"token_ids": ids, "padding_mask": np.ones((2, 6), "int32")}


def segmentation() -> tuple[Any, Any]:
    import keras

    inputs = image_input()
    labelled = layers().Conv2D(3, 1, activation="softmax", name="labels")(features(inputs))
    return settled(keras.Model(inputs, labelled)), images()


def the_region() -> Any:
    from xaikit.targets import segment

    return segment(1, "all")


def saved() -> tuple[Any, Any]:
    import tempfile

    import keras

    with tempfile.TemporaryDirectory() as folder:
        functional()[0].export(folder, verbose=False)
        layer = keras.layers.TFSMLayer(folder, call_endpoint="serving_default")
        inputs = image_input()
        return keras.Model(inputs, layer(inputs)["output_0"]), images()


def reloaded() -> tuple[Any, Any]:
    import tempfile
    from pathlib import Path

    from xaikit.models import load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        functional()[0].save(path)
        return load(path), images()


# What the messages that are looked for mean, for people.
MEANING = {
    "attention": "it has none",
    "average": "the head is another",
    "positions|average": "no positions",
    "positions": "no positions",
    "StatefulPartitionedCall|cannot be seen": "its ops are hidden",
    "While|loop|TensorList|function call": "its loop is hidden",
    "whole numbers|int32|cannot be differentiated": "whole numbers have no gradient",
    "multiplies|not plain": "tokens cannot be multiplied",
    "no rule for": "no rule for smooth activations",
}

HIDDEN = {
    **NO_ATTENTION,
    **dict.fromkeys((*CAMS, "full_gradients", *BY_RULES), "StatefulPartitionedCall|cannot be seen"),
}
LOOPS = dict.fromkeys((*BY_RULES, "full_gradients"), "While|loop|TensorList|function call")
WHOLE = {
    **dict.fromkeys(GRADIENTS, "whole numbers|int32|cannot be differentiated"),
    "blur_integrated_gradients": "positions",
}
MULTIPLIED = {"scorecam": "multiplies|not plain"}
SMOOTH = dict.fromkeys(RECTIFIED, "no rule for")

KINDS: dict[str, Kind] = {
    "functional": Kind("functional", functional, NO_ATTENTION),
    "sequential": Kind("Sequential", sequential, NO_ATTENTION),
    "sequential_without_input": Kind("Sequential, built without an Input", sequential_without_input, NO_ATTENTION),
    "nested": Kind("a nested backbone, pooling outside", nested, NO_ATTENTION),
    "nested_with_pooling": Kind("a nested backbone with its pooling", nested_with_pooling, NO_ATTENTION),
    "nested_deeply": Kind("backbones in backbones", nested_deeply, NO_ATTENTION),
    "subclassed": Kind("subclassed", subclassed, NO_ATTENTION),
    "subclassed_inside": Kind("a subclassed layer in a functional model", subclassed_inside, NO_ATTENTION),
    "shared": Kind("a layer that is used twice", shared, NO_ATTENTION),
    "two_inputs": Kind("two inputs, as a list", two_inputs, {**NO_ATTENTION, **NO_HEAD}),
    "named_inputs": Kind("two inputs, as a dict", named_inputs, {**NO_ATTENTION, **NO_HEAD}),
    "two_outputs": Kind("two outputs, one chosen by name", two_outputs, NO_ATTENTION, of_species),
    "one_sigmoid": Kind("one sigmoid unit", one_sigmoid, NO_ATTENTION),
    "many_sigmoids": Kind("many sigmoid units", many_sigmoids, NO_ATTENTION),
    "plain_logits": Kind("logits, no activation at the end", plain_logits, NO_ATTENTION),
    "convolutional_head": Kind("logits by a 1x1 convolution", convolutional_head, NO_ATTENTION),
    "flattened": Kind("a Flatten head, of a fixed size", flattened, {**NO_ATTENTION, **NO_HEAD}),
    "any_size": Kind("pictures of any size", any_size, NO_ATTENTION),
    "rescaled": Kind("Rescaling and Normalization inside, uint8 pictures", rescaled, NO_ATTENTION),
    "mixed_float16": Kind("mixed_float16", in_policy("mixed_float16"), NO_ATTENTION),
    "mixed_bfloat16": Kind("mixed_bfloat16", in_policy("mixed_bfloat16"), NO_ATTENTION),
    "gelu": Kind("GELU", curved("gelu"), {**NO_ATTENTION, **SMOOTH}),
    "silu": Kind("SiLU", curved("silu"), {**NO_ATTENTION, **SMOOTH}),
    "gated": Kind("depthwise, hard swish, squeeze and excite", gated, {**NO_ATTENTION, **SMOOTH}),
    "reloaded": Kind("reloaded from .keras", reloaded, NO_ATTENTION),
    "saved": Kind("a SavedModel in a TFSMLayer", saved, HIDDEN),
    "segmentation": Kind("a segmentation, over a region", segmentation, {**NO_ATTENTION, **NO_HEAD}, the_region),
    "series": Kind("Conv1D on series", series, NO_ATTENTION),
    "volume": Kind("Conv3D on volumes", volume, NO_ATTENTION),
    "lstm": Kind("LSTM on series", recurrent("LSTM"), {**NO_ATTENTION, **LOOPS}),
    "gru": Kind("GRU on series", recurrent("GRU"), {**NO_ATTENTION, **LOOPS}),
    "class_token": Kind("ViT with a class token", vision_transformer(False), {**SMOOTH, **NO_HEAD}),
    "mean_token": Kind("ViT with mean pooling", vision_transformer(True), SMOOTH),
    "hierarchical": Kind("hierarchical transformer", hierarchical, {**SMOOTH, **NO_ATTENTION}),
    "table": Kind("dense layers on tables", table, {**NO_ATTENTION, **NO_POSITIONS}),
    "regression": Kind("a regression on tables", regression, {**NO_ATTENTION, **NO_POSITIONS}),
    "text": Kind("tokens, embedded, Conv1D", text, {**NO_ATTENTION, **WHOLE, **MULTIPLIED}),
    "hub": Kind("tokens and a mask by name, as KerasHub has them", hub, {**WHOLE, **NO_HEAD, **SMOOTH, **MULTIPLIED}),
}
