"""Looking into a model: its layers by name, path, class or property, its logits, activations and biases.

Nothing is built, changed or left on the model. Functional, Sequential, subclassed and nested models are looked into
alike; a layer inside of others has a path, `backbone/conv5`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .core import Model, Tensor, as_view, keras, spatial_layer, spatial_layers, tf
from .core.layering import layers_of
from .core.taps import layer as tap_of
from .core.tracing import new_trace
from .core.view import check_model
from .engine.sources import source
from .errors import UnknownName, UsageError


def find_layers(
    model: Any,
    name: str = "",
    *,
    kind: type | str | None = None,
    having: str | Callable[[Any], bool] | None = None,
) -> dict[str, Any]:
    """Find the layers that are all of what is asked for.

    Args:
        model: A built `keras.Model`.
        name: A layer's name, `conv5`, or its path or the end of it, `backbone/conv5`.
        kind: Its class, or the name of that, `"Conv2D"`; what derives from it counts.
        having: An attribute that it has, which is not None, such as `"kernel"`; or a function that says whether.

    Returns:
        Layers by path, in the order of the model; empty if there are none.
    """
    check_model(model)
    found = {}
    for path, layer in layers_of(model):
        named = not name or path == name or path.endswith(f"/{name}")
        if named and _is_of(layer, kind) and _has(layer, having):
            found[path] = layer
    return found


def find_layer(
    model: Any,
    name: str = "",
    *,
    kind: type | str | None = None,
    having: str | Callable[[Any], bool] | None = None,
) -> Any:
    """Find the last layer of the model that is all of what is asked for; arguments are those of `find_layers`.

    Raises:
        UnknownName: There is none; the message names the nearest.
    """
    found = find_layers(model, name, kind=kind, having=having)
    if not found:
        known = find_layers(model, kind=kind, having=having) or dict(layers_of(model))
        wanted = name or (kind.__name__ if isinstance(kind, type) else kind) or str(having)
        raise UnknownName("layer", wanted, known, owner=f"model {model.name!r}")
    return list(found.values())[-1]


def default_layer(model: Any, inputs: Any = None) -> str:
    """Name the layer that class activation maps read by default: the last one with positions, back from the scores.

    Args:
        model: A built `keras.Model`.
        inputs: Some examples, for a subclassed model, which declares no inputs.

    Raises:
        ModelError: No layer on the way to the scores has positions.
    """
    return str(spatial_layer(_view(model, inputs)))


def positioned_layers(model: Any, inputs: Any = None) -> list[str]:
    """Name the layers with positions on the way to the scores, the last one first; arguments as for `default_layer`."""
    return [str(tap) for tap in spatial_layers(_view(model, inputs))]


def logits(model: Any, inputs: Any, *, batch_size: int = 32) -> Any:
    """Give the values before the final softmax or sigmoid, or the outputs where there is none.

    Args:
        model: A built `keras.Model`.
        inputs: [N, ...], as for `explain`.
        batch_size: The most rows that the model is fed at once.

    Returns:
        [N, classes], NumPy, in the structure of the model's outputs.
    """
    return _Reader(model, lambda view, made: view.all_scores(made))(inputs, batch_size)


def tap(model: Any, layers: str | Sequence[str]) -> Callable[..., dict[str, Any]]:
    """Make a function that gives the activations of layers.

    Args:
        model: A built `keras.Model`.
        layers: Names or paths; `conv#1` is the first of several uses, `conv:input` is what goes in.

    Returns:
        A function of `(inputs, batch_size=32)` that gives arrays [N, ...] by the layers' names as they were given. It
        is compiled once for each shape of example, and sees weights that were changed since.

    Raises:
        UnknownName: At the first call, or at once where the model declares its inputs: there is no such layer.
    """
    names = [layers] if isinstance(layers, str) else list(layers)
    if not names:
        raise UsageError("Give the names of the layers to read; find_layers(model) lists them.")
    check_model(model)
    if getattr(model, "inputs", None):
        view = as_view(model)
        for name in names:
            tap_of(view, name)

    def read(view: Model, made: Any) -> dict[str, Tensor]:
        return {name: tap_of(view, name).tensor(made) for name in names}

    reader = _Reader(model, read)

    def activations(inputs: Any, batch_size: int = 32) -> dict[str, Any]:
        found = reader(inputs, batch_size)
        return {name: found[name] for name in names}

    return activations


def biases(model: Any) -> dict[str, Any]:
    """Give what each layer adds where its inputs are zero, by path.

    That is its `bias`; of a batch normalisation the implicit one, beta - mean gamma / sqrt(variance + epsilon); of
    other normalisations beta. Layers that add nothing are left out.

    Returns:
        Arrays, as a rule [features].
    """
    check_model(model)
    found = {path: _bias(layer) for path, layer in layers_of(model)}
    return {path: bias for path, bias in found.items() if bias is not None}


def _bias(layer: Any) -> Any:
    if isinstance(layer, keras.layers.BatchNormalization):
        mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
        scaled = mean / np.sqrt(variance + layer.epsilon)
        gamma = np.asarray(layer.gamma) if layer.scale else 1.0
        return (np.asarray(layer.beta) if layer.center else 0.0) - scaled * gamma
    for name in ("bias", "beta"):
        value = getattr(layer, name, None)
        if isinstance(value, keras.Variable):
            return np.array(value)
    return None


def _is_of(layer: Any, kind: type | str | None) -> bool:
    if isinstance(kind, str):
        return kind in [each.__name__ for each in type(layer).__mro__]
    return kind is None or isinstance(layer, kind)


def _has(layer: Any, having: str | Callable[[Any], bool] | None) -> bool:
    if isinstance(having, str):
        return getattr(layer, having, None) is not None
    return having is None or bool(having(layer))


def _view(model: Any, inputs: Any) -> Model:
    check_model(model)
    return as_view(model) if inputs is None else Model(model, _spec(next(_pieces(model, inputs, 1))))


def _pieces(model: Any, inputs: Any, batch_size: int) -> Iterator[Tensor]:
    found = source(inputs, model, batch_size=batch_size, steps=None, with_labels=False)
    return (tf.nest.map_structure(tf.convert_to_tensor, piece.inputs) for piece in found.pieces)


def _spec(inputs: Tensor) -> Tensor:
    return tf.nest.map_structure(lambda leaf: tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype), inputs)


class _Reader:
    """A forward pass from which something is read, compiled once for each shape of example."""

    def __init__(self, model: Any, read: Callable[[Model, Any], Any]) -> None:
        check_model(model)
        self.model = model
        self.read = read
        self.made: dict[str, Any] = {}

    def __call__(self, inputs: Any, batch_size: int) -> Any:
        parts = [self.compiled(piece)(piece) for piece in _pieces(self.model, inputs, batch_size)]

        def together(*leaves: Any) -> Any:
            return np.concatenate([leaf.numpy() for leaf in leaves])

        return tf.nest.map_structure(together, *parts)

    def compiled(self, inputs: Tensor) -> Any:
        spec = _spec(inputs)
        if repr(spec) not in self.made:

            def run(inputs: Tensor) -> Any:
                with new_trace():
                    view = Model(self.model, spec)
                    return self.read(view, view.run(inputs))

            self.made[repr(spec)] = tf.function(run, autograph=False).get_concrete_function(spec)
        return self.made[repr(spec)]
