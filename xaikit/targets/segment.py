"""A class in a region of a segmentation."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core import Tensor, mirrored, resized, sides, tf, warn_where
from ..core.goals import Given, Goal
from ..core.logits import logits
from ..core.targets import resolved as ranked
from ..errors import TargetError
from .regions import given_box, given_mask, inside_box, inside_mask, kept_region
from .values import class_codes, classes, only, shape_of


@dataclass(frozen=True, repr=False)
class segment(Goal):
    """Explain the mean score of a class over a region, of outputs with positions [B, *positions, classes].

    The class and the region are those of the clean input: a noisy copy that would be segmented otherwise is asked about
    the same place, a mirrored view about the mirrored one, and a view of another size about the region resized to it,
    with soft edges. The mean, and not the sum, so that views of all sizes weigh alike. The result's `targets` are the
    classes, [N, T]; an example without any position in the region has the score 0 and a map of zeros, and you are
    warned.

    Args:
        class_index: An index, [N] or [N, T] of them, "topK" or "all", as `explain` takes them. Ranks count positions:
            "top1" is the class that is predicted at most of them, within a box or mask that is given.
        region: "predicted", where the class has the highest score (of a single class, where its score is above that of
            an even chance); "all"; a box of output positions, the first on each axis and then one past the last,
            `(top, left, bottom, right)`; or a boolean mask [*positions], or one for each example, [N, *positions].

    Raises:
        TargetError: They are none of these.
    """

    class_index: Any
    region: Any = "predicted"

    def __post_init__(self) -> None:
        """Check what can be checked without a model."""
        object.__setattr__(self, "class_index", classes("segment", self.class_index))
        object.__setattr__(self, "region", kept_region(self.region))

    @property
    def key(self) -> Hashable:
        """Classes, boxes and masks are handed over, so one trace serves all of a kind."""
        return (segment, self._kind)

    @property
    def _kind(self) -> str:
        if isinstance(self.region, str):
            return self.region
        return "box" if isinstance(self.region, tuple) else "mask"

    def given(self, outputs: Tensor) -> Sequence[Given]:
        """Give the codes of the classes, and the box or mask."""
        found = only("segment", outputs)
        if len(found.shape) < 3:
            raise TargetError(
                "segment explains outputs with positions, [B, *positions, classes], and the model gives "
                f"{shape_of(found)}: give a class."
            )
        codes = class_codes(self.class_index, found.shape[-1])
        where = tuple(found.shape[1:-1])
        if self._kind == "box":
            return [codes, given_box(self.region, where)]
        if self._kind == "mask":
            return [codes, given_mask(self.region.values, where)]
        return [codes]

    def read(self, outputs: Tensor, score: Any) -> Tensor:
        """Give the scores; of a single class also its logits, which are positive where it is likelier than not."""
        found = tf.nest.flatten(outputs)[0]
        return score(found) if found.shape[-1] != 1 else (score(found), logits(found)[0])

    def explained(self, scores: Tensor) -> Tensor:
        """Give the scores themselves."""
        return scores[0] if isinstance(scores, tuple) else scores

    def resolve(self, scores: Tensor, *given: Tensor) -> Tensor:
        """Give the classes, [B, T], and the weights of their regions, [B, *positions, T]."""
        scores, evidence = scores if isinstance(scores, tuple) else (scores, None)
        ones = tf.ones_like(scores[..., :1])  # [B, *positions, 1]
        inside = ones
        if len(given) > 1:
            inside = (inside_box if self._kind == "box" else inside_mask)(given[1], ones)
        if evidence is None:
            best = tf.one_hot(tf.argmax(scores, axis=-1), scores.shape[-1], dtype=scores.dtype)
        else:
            best = tf.cast(evidence > 0, scores.dtype)
        counts = tf.reduce_sum(best * inside, axis=range(1, scores.shape.rank - 1))  # [B, classes]
        picked = ranked(counts, given[0])
        weights = inside * tf.ones_like(tf.gather(best, picked, axis=-1, batch_dims=1))
        if self._kind == "predicted":
            weights = tf.gather(best, picked, axis=-1, batch_dims=1)
        empty = tf.reduce_all(weights == 0, axis=range(1, scores.shape.rank - 1))
        warn_where(
            tf.reduce_any(empty),
            f"segment: of some examples no position is in the region ({self._kind}), so that their scores and maps are "
            "0: ask for 'top1', or region='all'.",
        )
        return picked, weights

    def __call__(self, scores: Tensor, resolved: Tensor) -> Tensor:
        """Give the mean of the classes' scores over their regions, [B, T]."""
        scores = self.explained(scores)
        picked, weights = resolved
        weights = resized(weights, sides(scores))
        values = tf.gather(scores, picked, axis=-1, batch_dims=1)  # [B, *positions, T]
        positions = range(1, scores.shape.rank - 1)
        total = tf.reduce_sum(weights * values, axis=positions)
        return tf.math.divide_no_nan(total, tf.reduce_sum(weights, axis=positions))

    def mirrored(self, resolved: Tensor) -> Tensor:
        """Turn the regions around."""
        picked, weights = resolved
        return picked, mirrored(weights, axis=weights.shape.rank - 2)

    def indices(self, resolved: Tensor) -> Tensor:
        """Give the classes."""
        return resolved[0]
