"""One forward pass through the user's model, with every layer's call recorded.

A layer is read, or its output replaced, by shadowing its `call` while the model is traced: that works at any depth, for
functional and subclassed models alike, and is undone at once.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, NamedTuple

from .explanation import Tensor
from .lazy import keras, tf

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
        inputs: What the model was given.
    """

    outputs: Tensor
    calls: tuple[Call, ...]
    graph: Any
    inputs: Tensor

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each op, by name, in the order of making."""
        return {op.name: i for i, op in enumerate(self.graph.get_operations())}


# One call of a layer may be answered by another tensor: (path, number) -> function of the layer's own output.
Writes = Mapping[tuple[str, int], Callable[[Tensor], Tensor]]


def run(model: Any, inputs: Tensor, writes: Writes | None = None) -> Pass:
    """Trace `model` on `inputs` in inference mode, in the current graph.

    Nothing is left on the model, also after an exception.
    """
    calls: list[Call] = []
    with _lock, _shadowed(model, calls, writes or {}):
        outputs = model(inputs, training=False)
    return Pass(outputs, tuple(calls), tf.compat.v1.get_default_graph(), inputs)


@contextmanager
def _shadowed(model: Any, calls: list[Call], writes: Writes) -> Iterator[None]:
    stack: list[str] = []
    counts: dict[str, int] = {}
    owner = threading.get_ident()
    shadowed: list[tuple[Any, Any]] = []
    try:
        # Keras has no public walk over the layers inside of custom layers.
        for layer in model._flatten_layers(include_self=True, recursive=True):
            before = layer.__dict__.get("call", _NOTHING)
            name = "" if layer is model else layer.name
            shadow = _shadow(layer, name, owner, stack, counts, calls, writes)
            shadowed.append((layer, before))
            layer.__dict__["call"] = shadow  # past Keras' own attribute tracking, which would keep it
        yield
    finally:
        for layer, before in reversed(shadowed):
            if before is _NOTHING:
                layer.__dict__.pop("call", None)
            else:
                layer.__dict__["call"] = before


_NOTHING: Any = object()


def _shadow(
    layer: Any,
    name: str,
    owner: int,
    stack: list[str],
    counts: dict[str, int],
    calls: list[Call],
    writes: Writes,
) -> Callable[..., Any]:
    original = _inlined(layer.call)

    @wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != owner or not name:
            return original(*args, **kwargs)
        stack.append(name)
        path = "/".join(stack)
        try:
            outputs = original(*args, **kwargs)
        finally:
            stack.pop()
        number = counts[path] = counts.get(path, 0) + 1
        if (path, number) in writes:
            outputs = writes[path, number](outputs)
        inputs = args[0] if args else next(iter(kwargs.values()), None)
        calls.append(Call(path, number, type(layer).__name__, is_passive(layer), inputs, outputs))
        return outputs

    return call


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
    """Name every op on the way to `tensor`, its own included, within its graph."""
    seen: set[str] = set()
    ahead = [tensor.op]
    while ahead:
        op = ahead.pop()
        if op.name not in seen:
            seen.add(op.name)
            ahead.extend(source.op for source in op.inputs)
    return seen
