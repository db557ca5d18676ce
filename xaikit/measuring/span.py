"""Perturbations in the units of each input: shares of its range."""

from ..core import Model, Tensor, tf
from ..errors import ModelError


def span(inputs: Tensor) -> Tensor:
    """Give the range of each example of one input, its largest value less its smallest: [B, 1, ...]."""
    axes = list(range(1, inputs.shape.rank))
    return tf.reduce_max(inputs, axes, keepdims=True) - tf.reduce_min(inputs, axes, keepdims=True)


def check_perturbed(model: Model, metric: str) -> None:
    """Refuse a model that takes whole numbers only, which cannot be moved a little.

    Raises:
        ModelError: All its inputs are whole numbers.
    """
    if not any(spec.dtype.is_floating for spec in tf.nest.flatten(model.spec)):
        raise ModelError(
            f"{metric} moves inputs a little, and {model.name} takes whole numbers: measure with another metric, such "
            "as sensitivity_n."
        )
