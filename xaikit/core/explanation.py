"""What a step takes and gives."""

from typing import Any, NamedTuple, Protocol, TypeAlias

# A `tf.Tensor`, or for a model with several inputs a list or dict of them; TensorFlow ships no types to check against.
Tensor: TypeAlias = Any


class Explanation(NamedTuple):
    """Scores and the maps that explain them.

    Attributes:
        scores: [B, T], the outputs that were explained, of the clean inputs.
        maps: [B, *positions, T] (location maps) or [B, *input_shape[1:], T] (attributions), raw and signed;
            for a model with several inputs, attributions have the structure of the inputs.
    """

    scores: Tensor
    maps: Tensor


class Step(Protocol):
    """Pure tensors to tensors, traced once."""

    def __call__(self, inputs: Tensor, targets: Tensor, /) -> Explanation:
        """Explain `inputs` [B, ...] for `targets` [B, T]."""
        ...
