"""Dropout on, in a model that is otherwise in inference: drawn without state, the same for every example.

A layer's own draws would be shaped like the batch, and would move its seed: here each layer's noise is keyed by the
draw, and by which of the calls of a forward pass it is. One pass may hold several draws, each in its own share of the
rows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .copies import dims
from .draws import Fixed, normal, uniform
from .explanation import Tensor
from .lazy import keras, tf


class Unfoldable(Exception):
    """An explainer made copies, in an order of its own: it cannot be told which rows belong to which draw."""


@dataclass(eq=False)
class Dropout:
    """Draws of all the noise of a model.

    Attributes:
        seed: What the draw is keyed by, and
        number: which of several it is, a number or a scalar tensor; or some of them, [n].
        inputs: Where there are some, all that may be fed: the inputs, n times one after the other. Layers that make
            noise must see their rows in that order.
    """

    seed: Fixed
    number: Any
    inputs: Any = None
    _calls: int = field(default=0, repr=False)

    def begin(self, inputs: Tensor) -> None:
        """Begin a forward pass: the same draws again.

        Raises:
            Unfoldable: Copies of the inputs are fed, whose order is their maker's.
        """
        self._calls = 0
        pairs = zip(tf.nest.flatten(inputs), tf.nest.flatten(self.inputs), strict=False)
        if self.inputs is not None and any(leaf is not known for leaf, known in pairs):
            raise Unfoldable

    def on(self, layer: Any, inputs: Tensor) -> Tensor | None:
        """Give the noisy outputs of a layer that makes noise in training; None of another one."""
        layers = keras.layers
        if isinstance(layer, layers.AlphaDropout):
            return self._alpha_dropped(layer, inputs)
        if isinstance(layer, layers.Dropout):  # spatial dropout too
            return inputs * self._kept(inputs, layer.rate, _noise_shape(layer, inputs)) if layer.rate else None
        if isinstance(layer, layers.GaussianDropout):
            return inputs * (1 + self._normal(inputs, math.sqrt(layer.rate / (1 - layer.rate)))) if layer.rate else None
        if isinstance(layer, layers.GaussianNoise):
            return inputs + self._normal(inputs, layer.stddev) if layer.stddev else None
        return None

    def masks(self, values: Tensor, rate: float, count: int | None) -> Any:
        """Make the mask of a recurrent cell, or `count` of them: [1, features], the same for every step."""
        made = [self._kept(values, rate, [1, *dims(values)[1:]]) for _ in range(count or 1)]
        return made if count else made[0]

    def _drawn(self, draw: Callable[..., Tensor], shape: Any, values: Tensor) -> Tensor:
        """Draw [1, ...] for all examples, or of some draws each for its share of the rows, [rows, ...]."""
        self._calls += 1
        call = self._calls
        if self.inputs is None:
            return draw(shape, (self.seed, self.number, call))
        each = tf.map_fn(lambda i: draw(shape, (self.seed, i, call)), self.number, fn_output_signature=tf.float32)
        count = dims(self.number)[0]
        share = dims(values)[0] // count
        return tf.reshape(tf.repeat(each, [share], axis=1), [count * share, *shape[1:]])

    def _kept(self, values: Tensor, rate: float, shape: Any) -> Tensor:
        """Give 1 / (1 - rate) where a value is kept, and 0 elsewhere."""
        kept = self._drawn(uniform, shape, values) >= rate
        return tf.cast(kept, values.dtype) / tf.constant(1 - rate, values.dtype)

    def _normal(self, values: Tensor, deviation: float) -> Tensor:
        shape = [1, *dims(values)[1:]]
        return tf.cast(self._drawn(normal, shape, values) * deviation, values.dtype)

    def _alpha_dropped(self, layer: Any, inputs: Tensor) -> Tensor | None:
        """Klambauer et al., 2017, arXiv:1706.02515, section 3: what is dropped becomes SELU's negative limit."""
        if not layer.rate:
            return None
        low = -1.6732632423543772 * 1.0507009873554805  # - alpha * scale of SELU
        kept = self._drawn(uniform, _noise_shape(layer, inputs), inputs) >= layer.rate
        dropped = tf.where(kept, inputs, tf.cast(low, inputs.dtype))
        stretch = ((1 - layer.rate) * (1 + layer.rate * low**2)) ** -0.5
        return stretch * dropped - stretch * low * layer.rate


def is_noisy(layer: Any) -> bool:
    """Whether a layer makes noise in training, of a kind that `Dropout` draws."""
    layers = keras.layers
    if isinstance(layer, (layers.Dropout, layers.AlphaDropout, layers.GaussianDropout)):
        return bool(layer.rate)
    if isinstance(layer, layers.GaussianNoise):
        return bool(layer.stddev)
    return has_masks(layer)


def has_masks(layer: Any) -> bool:
    """Whether a layer is a recurrent cell that drops inputs or states."""
    return hasattr(layer, "get_dropout_mask") and bool(layer.dropout or layer.recurrent_dropout)


def cell_masks(cell: Any, dropout: Dropout) -> dict[str, Callable[..., Any]]:
    """Make what takes the place of a recurrent cell's methods: its masks live as long as one call of its layer."""
    known: dict[str, Any] = {}

    def getter(name: str, rate: float) -> Callable[..., Any]:
        def get(values: Tensor) -> Any:
            if rate and name not in known:
                known[name] = dropout.masks(values, rate, getattr(cell, "dropout_mask_count", None))
            return known.get(name)

        return get

    return {
        "get_dropout_mask": getter("inputs", cell.dropout),
        "get_recurrent_dropout_mask": getter("states", cell.recurrent_dropout),
        "reset_dropout_mask": lambda: known.pop("inputs", None),
        "reset_recurrent_dropout_mask": lambda: known.pop("states", None),
    }


def _noise_shape(layer: Any, inputs: Tensor) -> list[Any]:
    """The shape of a layer's noise, with one row for all the examples."""
    _, *sizes = dims(inputs)
    if type(layer).__name__.startswith("Spatial"):  # whole features
        return [1, *[1] * (len(sizes) - 1), sizes[-1]]
    declared = layer.noise_shape
    if declared is None:
        return [1, *sizes]
    return [1, *[size if side is None else side for side, size in zip(declared[1:], sizes, strict=True)]]
