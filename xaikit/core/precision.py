"""Layers that compute in shorter numbers for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .lazy import keras


@contextmanager
def computing_in(model: Any, precision: str | None) -> Iterator[None]:
    """Have the layers of a model that compute in 32 bits compute in others, and undo it.

    Weights stay as they are, and are cast where they are used, as Keras does it in mixed precision.
    """
    changed: list[tuple[Any, Any]] = []
    try:
        if precision is not None:
            policy = keras.dtype_policies.DTypePolicy(f"mixed_{precision}")
            for layer in model._flatten_layers(include_self=True, recursive=True):
                if layer.dtype_policy.compute_dtype == "float32" and not _counts(layer):
                    changed.append((layer, layer.__dict__["_dtype_policy"]))
                    layer.__dict__["_dtype_policy"] = policy  # past Keras' own attribute tracking, which would keep it
        yield
    finally:
        for layer, before in reversed(changed):
            layer.__dict__["_dtype_policy"] = before


def _counts(layer: Any) -> bool:
    """Whether a layer looks up whole numbers: those above 256 would be rounded."""
    return isinstance(layer, keras.layers.Embedding)
