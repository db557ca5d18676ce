"""Models made outside of a strategy's scope, on all of its devices."""

from typing import Any

from ..core import keras, tf
from ..core.view import check_model
from ..errors import ModelError


def replicated(model: Any, strategy: Any = None) -> Any:
    """Give a copy of a model, with the same weights, that lives on all devices of a strategy.

    What explains the copy uses all the devices: `explain(gradcam, replicated(model), images)`. Weights that the user's
    model gets later are not those of the copy.

    Args:
        model: A built `keras.Model`.
        strategy: A `tf.distribute.Strategy`; by default a `MirroredStrategy` over all GPUs, or over all logical CPUs
            where there is no GPU.

    Returns:
        A `keras.Model`, not compiled. A model that lives under the strategy already is given back.

    Raises:
        UsageError: `model` is no Keras model.
        ModelError: It is not built, or cannot be made anew from its configuration.
    """
    check_model(model)
    strategy = strategy or everywhere()
    if model.distribute_strategy is strategy:
        return model
    with strategy.scope():
        copy = _anew(model)
        try:
            copy.set_weights(model.get_weights())
        except ValueError as error:
            raise ModelError(
                f"Model {model.name!r} made anew from its configuration has other weights: make or load it inside of "
                "`with strategy.scope():` instead."
            ) from error
    return copy


def everywhere() -> Any:
    """Give a strategy over all devices of this machine: its GPUs, or else its logical CPUs."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _anew(model: Any) -> Any:
    """Make a model again, its layers too."""
    try:
        return keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(model), custom_objects=_classes(model)
        )
    except Exception as error:  # whatever the model's own code says
        raise ModelError(
            f"Model {model.name!r} cannot be made anew from its configuration: make or load it inside of "
            "`with strategy.scope():` instead, or give its own classes get_config and from_config."
        ) from error


def _classes(model: Any) -> dict[str, Any]:
    """The model's own classes: their code is here already, nothing is imported for them."""
    layers = model._flatten_layers(include_self=True, recursive=True)
    return {type(layer).__name__: type(layer) for layer in layers}
