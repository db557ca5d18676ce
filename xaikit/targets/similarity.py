"""How near an embedding is to a reference."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..core import Tensor, tf
from ..core.goals import Given, Goal
from ..errors import TargetError
from .values import floats, numbers, only, shape_of


@dataclass(frozen=True, repr=False)
class similarity(Goal):
    """Explain how similar an embedding [B, D] is to a reference vector: T = 1. The result's `targets` are None.

    Args:
        reference: [D], or one for each example, [N, D].
        how: "cosine", of the angle between the two, in [-1, 1]; or "dot", their product.

    Raises:
        TargetError: The reference is of another shape or type, not finite, or 0 for a cosine.
    """

    reference: Any
    how: Literal["cosine", "dot"] = "cosine"

    def __post_init__(self) -> None:
        """Check what can be checked without a model."""
        if self.how not in ("cosine", "dot"):
            raise TargetError(f"similarity: how must be 'cosine' or 'dot', not {self.how!r}.")
        kept = numbers("similarity", "reference", self.reference)
        if kept.values.ndim not in (1, 2):
            raise TargetError(f"similarity: reference must be [D] or [N, D], not of shape {kept.values.shape}.")
        if self.how == "cosine" and not kept.values.any(axis=-1).all():
            raise TargetError("similarity: a reference of zeros has no direction: give another, or how='dot'.")
        object.__setattr__(self, "reference", kept)

    @property
    def key(self) -> Hashable:
        """References are handed over, so one trace serves all."""
        return (similarity, self.how)

    def given(self, outputs: Tensor) -> Sequence[Given]:
        """Give the references."""
        found, values = only("similarity", outputs), self.reference.values
        if len(found.shape) != 2 or found.shape[1] not in (None, values.shape[-1]):
            raise TargetError(
                f"similarity: the reference has {values.shape[-1]} values, and must have as many as the embedding, "
                f"[B, D]; the model gives {shape_of(found)}."
            )
        return [Given(floats(values, found), each=values.ndim == 2)]

    def resolve(self, scores: Tensor, *given: Tensor) -> Tensor:
        """Give each example's reference, [B, D], of length 1 for a cosine."""
        reference = tf.cast(given[0], scores.dtype)
        if self.how == "dot":
            return reference
        largest = tf.reduce_max(tf.abs(reference), axis=-1, keepdims=True)  # squares must neither vanish nor overflow
        return tf.linalg.l2_normalize(reference / largest, axis=-1)

    def __call__(self, scores: Tensor, resolved: Tensor) -> Tensor:
        """Give the similarity, [B]."""
        embedding = tf.linalg.l2_normalize(scores, axis=-1) if self.how == "cosine" else scores
        return tf.reduce_sum(embedding * resolved, axis=-1)
