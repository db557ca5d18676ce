"""The weights of a model, and others for it, drawn anew from their initialisers; the model is never touched."""

import hashlib
from collections.abc import Sequence
from typing import Any

from ..errors import ModelError, UnknownName
from .explanation import Tensor
from .layering import layers_of, own_weights
from .lazy import keras, np, tf
from .passes import Weights


def weighted_layers(model: Any) -> dict[str, Any]:
    """Give the layers that have weights of their own, by path, in the model's order."""
    return {path: layer for path, layer in layers_of(model) if own_weights(layer)}


def check_reachable(model: Any) -> None:
    """Refuse a model that runs a SavedModel: its function holds the weights, and other values would change nothing.

    Raises:
        ModelError: It names the layer.
    """
    for layer in model._flatten_layers(include_self=True, recursive=True):
        if type(layer).__name__ == "TFSMLayer":
            raise ModelError(
                f"The weights of layer {layer.name!r} of model {model.name!r} are inside of a SavedModel, and cannot "
                "be replaced: load the model from a .keras file instead."
            )


def owners(model: Any) -> list[tuple[str, Any]]:
    """List every weight of a model with the path of its layer, once; those of no layer have the model's name.

    Raises:
        ModelError: They are inside of a SavedModel.
    """
    check_reachable(model)
    held: dict[int, tuple[str, Any]] = {}
    for path, layer in [*weighted_layers(model).items(), (model.name, model)]:
        for variable in own_weights(layer):
            held.setdefault(id(variable), (path, variable))
    return list(held.values())


def learned_weights(model: Any) -> list[Any]:
    """List the variables of a model that training moves, of floats, each once, whether its layer is frozen or not.

    The statistics of a normalisation are none of them.
    """
    found: dict[int, Any] = {}
    for layer in model._flatten_layers(include_self=True, recursive=True):
        # of a frozen layer the public lists do not tell what it learned from what it counted
        for variable in layer._trainable_variables:
            if "float" in variable.dtype:
                found.setdefault(id(variable), variable)
    return list(found.values())


def redrawn(model: Any, layers: str | Sequence[str], seed: int) -> Weights:
    """Draw the weights of layers anew, each variable by itself, as its initialiser says.

    A variable without an initialiser of its name takes normal draws with the mean and deviation that its values have.

    Args:
        model: The Keras model.
        layers: "all", or names or paths of layers; a layer that holds others stands for all of them.
        seed: Which draws.

    Returns:
        Values by the variable's identity.

    Raises:
        UnknownName: The model has no such layer with weights.
        ModelError: No layer has weights, or they are inside of a SavedModel.
    """
    check_reachable(model)
    known = weighted_layers(model)
    if not known and not own_weights(model):
        raise ModelError(f"randomized: model {model.name!r} has no weights to draw anew.")
    with tf.init_scope():
        values: dict[int, tuple[Any, Tensor]] = {}
        for path in _chosen(known, layers, model.name):
            for variable in own_weights(known[path]):
                values[id(variable)] = (variable, _drawn(known[path], variable, f"{path}/{variable.name}", seed))
        for variable in own_weights(model) if layers == "all" else []:
            values[id(variable)] = (variable, _drawn(model, variable, variable.name, seed))
    return values


def _chosen(known: dict[str, Any], layers: str | Sequence[str], owner: str) -> list[str]:
    if layers == "all":
        return list(known)
    paths: list[str] = []
    for name in [layers] if isinstance(layers, str) else layers:
        found = [path for path in known if f"/{name}/" in f"/{path}/"]
        if not found:
            raise UnknownName("layer", name, [*known, "all"], owner=f"model {owner!r}")
        paths += [path for path in found if path not in paths]
    return paths


def _drawn(layer: Any, variable: Any, name: str, seed: int) -> Tensor:
    word = int.from_bytes(hashlib.blake2b(repr((int(seed), name)).encode(), digest_size=4).digest(), "big") >> 1
    initializer = getattr(layer, f"{variable.name}_initializer", None)
    if initializer is None:
        present = np.asarray(variable.value, "float64")
        values = np.random.default_rng(word).normal(present.mean(), present.std(), present.shape)
        return tf.cast(tf.constant(values), variable.dtype)
    config = initializer.get_config() if isinstance(initializer, keras.initializers.Initializer) else {}
    if "seed" in config:
        initializer = type(initializer).from_config(config | {"seed": word})
    return tf.convert_to_tensor(initializer(variable.shape, dtype=variable.dtype))
