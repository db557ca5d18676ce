"""One forward pass through the user's model, with every layer's call recorded.

A layer is read, or its output replaced, by shadowing its `call` while the model is traced: that works at any depth, for
functional and subclassed models alike, and is undone at once.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, NamedTuple

from .dropout import Dropout, cell_masks, has_masks, is_noisy
from .explanation import Tensor
from .lazy import keras, tf
from .precision import computing_in

_lock = threading.RLock()  # a shadowed call is visible to every thread that traces the same layer

SEEN_THROUGH = ("Identity", "Cast", "Reshape")


class Call(NamedTuple):
    """One use of one layer.

    Attributes:
        path: "outer/inner", by the layers whose calls it ran in; the model itself is left out.
        number: 1 for the first use of the layer, 2 for the second.
        kind: The name of the layer's class.
        passive: Whether the layer makes no features of its own: pooling, dropout, padding, rescaling, reshaping.
        inputs: Its first argument.
        outputs: What it returned.
    """

    path: str
    number: int
    kind: str
    passive: bool
    inputs: Tensor
    outputs: Tensor


@dataclass(frozen=True, eq=False)
class Pass:
    """A traced forward pass.

    Attributes:
        outputs: What the model returned: a tensor, or a list or dict of them.
        calls: Every layer's calls, in the order in which they ended.
        graph: The graph that was traced.
        inputs: What the model was fed, in the structure that it takes.
        rows: For how many examples the only one of the inputs stands, where it stands for others; else None.
    """

    outputs: Tensor
    calls: tuple[Call, ...]
    graph: Any
    inputs: Tensor
    rows: Any = None

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each op, by name, in the order of making."""
        return {op.name: i for i, op in enumerate(self.graph.get_operations())}


# One call of a layer may be answered by another tensor: (path, number) -> function of the layer's own output.
Writes = Mapping[tuple[str, int], Callable[[Tensor], Tensor]]

# Calls of layers that need not be made, since nothing asks for their results: (path, number) -> what stands for them.
Idle = Mapping[tuple[str, int], Tensor]

# Values that take the place of variables': identity of the variable -> (variable, value).
Weights = Mapping[int, tuple[Any, Tensor]]


def run(
    model: Any,
    inputs: Tensor,
    writes: Writes | None = None,
    *,
    idle: Idle | None = None,
    dropout: Dropout | None = None,
    weights: Weights | None = None,
    precision: str | None = None,
) -> Pass:
    """Trace `model` on `inputs` in inference mode, in the current graph.

    Nothing is left on the model, also after an exception.

    Args:
        model: The Keras model.
        inputs: In its own structure.
        writes: Layers' outputs to replace.
        idle: Calls that need not be made, with what stands for their results.
        dropout: What draws the noise of layers that make some in training; None is inference.
        weights: Values that take the place of variables', by the variable's identity.
        precision: In which numbers layers of 32 bits compute instead; None is as they are.
    """
    recorder = _Recorder(writes or {}, idle or {}, dropout)
    scope = keras.StatelessScope(state_mapping=list((weights or {}).values())) if weights else nullcontext()
    with _lock, computing_in(model, precision), recorder.shadowing(model), scope:
        outputs = model(inputs, training=False)
    return Pass(outputs, tuple(recorder.calls), tf.compat.v1.get_default_graph(), inputs)


_NOTHING: Any = object()


class _Recorder:
    """What is written down, and replaced, while a model is traced."""

    def __init__(self, writes: Writes, idle: Idle, dropout: Dropout | None) -> None:
        self.calls: list[Call] = []
        self.writes = writes
        self.idle = idle
        self.dropout = dropout
        self.stack: list[str] = []
        self.counts: dict[str, int] = {}
        self.owner = threading.get_ident()

    @contextmanager
    def shadowing(self, model: Any) -> Iterator[None]:
        """Shadow the `call` of every layer, and the masks of recurrent cells, and undo it."""
        shadowed: list[tuple[Any, str, Any]] = []
        try:
            # Keras has no public walk over the layers inside of custom layers.
            for layer in model._flatten_layers(include_self=True, recursive=True):
                for name, shadow in self.shadows(layer, "" if layer is model else layer.name).items():
                    shadowed.append((layer, name, layer.__dict__.get(name, _NOTHING)))
                    layer.__dict__[name] = shadow  # past Keras' own attribute tracking, which would keep it
            yield
        finally:
            for layer, name, before in reversed(shadowed):
                if before is _NOTHING:
                    layer.__dict__.pop(name, None)
                else:
                    layer.__dict__[name] = before

    def shadows(self, layer: Any, name: str) -> dict[str, Callable[..., Any]]:
        """Give what takes the place of a layer's methods."""
        made = {"call": self.shadow(layer, name)}
        if self.dropout is not None and has_masks(layer):
            made |= cell_masks(layer, self.dropout)
        return made

    def shadow(self, layer: Any, name: str) -> Callable[..., Any]:
        """Give a `call` that writes itself down."""
        original = self.noisy(layer, _inlined(layer.call))

        @wraps(layer.call)
        def call(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != self.owner or not name:
                return original(*args, **kwargs)
            self.stack.append(name)
            path = "/".join(self.stack)
            number = self.counts[path] = self.counts.get(path, 0) + 1
            try:
                outputs = self.idle[path, number] if (path, number) in self.idle else original(*args, **kwargs)
            finally:
                self.stack.pop()
            if (path, number) in self.writes:
                outputs = self.writes[path, number](outputs)
            inputs = args[0] if args else next(iter(kwargs.values()), None)
            self.calls.append(Call(path, number, type(layer).__name__, is_passive(layer), inputs, outputs))
            return outputs

        return call

    def noisy(self, layer: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        """Give a `call` with this pass's noise, where the layer makes some in training."""
        dropout = self.dropout
        if dropout is None:
            return original
        if isinstance(layer, keras.layers.RNN) and any(has_masks(cell) for cell in _cells(layer.cell)):
            return lambda *args, **kwargs: original(*args, **(kwargs | {"training": True}))
        if not is_noisy(layer) or has_masks(layer):
            return original
        return lambda inputs, *args, **kwargs: dropout.on(layer, inputs)


def _cells(cell: Any) -> list[Any]:
    """The cells of a recurrent layer, stacked or not."""
    return [inner for each in getattr(cell, "cells", [cell]) for inner in ([each] if each is cell else _cells(each))]


def _inlined(call: Callable[..., Any]) -> Callable[..., Any]:
    """Take the plain function out of a `tf.function`, whose call would hide its ops behind one."""
    python_function = getattr(call, "python_function", None)
    return call if python_function is None else tf.autograph.to_graph(python_function)


def is_passive(layer: Any) -> bool:
    """Whether a layer hands on what others found: its output is not the features that a class activation map reads."""
    return isinstance(layer, _passive_classes())


def _passive_classes() -> tuple[type, ...]:
    names = (
        *(f"{kind}{rank}D" for kind in ("MaxPooling", "AveragePooling") for rank in (1, 2, 3)),
        *(f"Global{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)),
        *(
            f"{kind}{rank}D"
            for kind in ("ZeroPadding", "Cropping", "UpSampling", "SpatialDropout")
            for rank in (1, 2, 3)
        ),
        *("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "Identity", "ActivityRegularization"),
        *("InputLayer", "Rescaling", "Normalization", "Resizing", "CenterCrop", "Permute", "Reshape", "Flatten"),
        *("RepeatVector", "Masking", "Softmax"),
    )
    return tuple(getattr(keras.layers, name) for name in names if hasattr(keras.layers, name))


def ancestors(tensor: Tensor) -> set[str]:
    """Name every op on the way to `tensor`, its own included, within its graph; not those that give a shape alone."""
    seen: set[str] = set()
    ahead = [tensor.op]
    while ahead:
        op = ahead.pop()
        if op.name not in seen:
            seen.add(op.name)
            if op.type != "Shape":
                ahead.extend(source.op for source in op.inputs)
    return seen
