"""One of the boxes that a detection model gives."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..core import Tensor, note, tf, warn_where
from ..core.arrays import Array
from ..core.goals import Given, Goal
from ..core.lazy import np
from ..core.targets import picked
from ..core.targets import resolved as ranked
from ..errors import TargetError
from .boxes import corners, overlaps
from .values import class_codes, classes, floats, numbers, one_class, shape_of

Format = Literal["xyxy", "yxyx", "xywh", "center_xywh"]
_FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh")
_DEFAULT = ("boxes", "confidence")


@dataclass(frozen=True, repr=False)
class detection(Goal):
    """Explain a class's score for one of the n boxes of a detection model: boxes [B, n, 4] and scores [B, n, classes].

    The box is the one that overlaps a given one best on the clean input (by intersection over union), or a chosen
    number; noisy copies and masks are asked about the box of that number. The numbers of boxes mean other places in
    mirrored views and in those of other sizes, which are refused. The result's `targets` are the numbers, [N, T].

    With `how="similarity"` the boxes of each copy are searched: the largest product of overlap with the given box and
    score of the class, as the model gives it, a chance from 0 to 1. That suits models that put their boxes into another
    order for each input, as those with suppression do. The result's `targets` are None.

    Args:
        box: The box's number; or 4 numbers, or for each example [N, 4], in the units of the model's own boxes.
        class_index: An index, [N] or [N, T] of them, "topK" or "all", as `explain` takes them; ranks are those of the
            box's scores on the clean input.
        how: "index" or "similarity".
        format: Of the boxes, given and the model's: "xyxy" or "yxyx", two corners; "xywh", the first corner, width and
            height; "center_xywh", the centre, width and height.
        outputs: The keys or positions of the boxes and of their scores among the model's outputs; by default "boxes"
            and "confidence" of a dict, or a pair in that order. Scores [B, n] are those of one class.

    Raises:
        TargetError: They are none of these.

    Source:
        "similarity" as in Petsiuk et al., "Black-box Explanation of Object Detectors via Saliency Maps", 2020.
        arXiv:2006.03204, the similarity metric, with the score of one class in the place of the cosine of all.
    """

    box: Any
    class_index: Any = "top1"
    how: Literal["index", "similarity"] = "index"
    format: Format = "xyxy"
    outputs: tuple[str | int, str | int] | None = None

    def __post_init__(self) -> None:
        """Check what can be checked without a model."""
        if self.how not in ("index", "similarity"):
            raise TargetError(f"detection: how must be 'index' or 'similarity', not {self.how!r}.")
        if self.format not in _FORMATS:
            raise TargetError(f"detection: format must be one of {', '.join(_FORMATS)}, not {self.format!r}.")
        if self.outputs is not None and (isinstance(self.outputs, str) or len(self.outputs) != 2):
            raise TargetError(f"detection: outputs must be a pair, of the boxes and the scores, not {self.outputs!r}.")
        object.__setattr__(self, "outputs", None if self.outputs is None else tuple(self.outputs))
        object.__setattr__(self, "box", _box(self.box))
        object.__setattr__(self, "class_index", classes("detection", self.class_index))

    @property
    def key(self) -> Hashable:
        """Boxes and classes are handed over, so one trace serves all."""
        return (detection, isinstance(self.box, int), self.how, self.format, self.outputs)

    def given(self, outputs: Tensor) -> Sequence[Given]:
        """Give the codes of the classes, and the box or its number."""
        boxes, scores = self._pair(outputs)
        if len(boxes.shape) != 3 or boxes.shape[-1] not in (None, 4) or len(scores.shape) not in (2, 3):
            raise TargetError(
                "detection reads boxes [B, n, 4] and scores [B, n, classes], and the model gives "
                f"{shape_of(boxes)} and {shape_of(scores)}."
            )
        codes = class_codes(self.class_index, scores.shape[2] if len(scores.shape) == 3 else 1)
        if not isinstance(self.box, int):
            return [codes, Given(floats(self.box.values, boxes), each=self.box.values.ndim == 2)]
        if boxes.shape[1] is not None and self.box >= boxes.shape[1]:
            raise TargetError(f"Box {self.box} is out of range: the model has {boxes.shape[1]}, counted from 0.")
        return [codes, Given(np.array(self.box, np.int32))]

    def read(self, outputs: Tensor, score: Any) -> Tensor:
        """Give the boxes as two corners [B, n, 4], as they are, and the scores [B, n, classes]."""
        boxes, scores = self._pair(outputs)
        if self.how == "similarity":
            note("scores", "outputs")
        else:
            scores = score(scores)
        return corners(boxes, self.format), scores if scores.shape.rank == 3 else scores[..., tf.newaxis]

    def explained(self, scores: Tensor) -> Tensor:
        """Give the scores of the classes: where the boxes lie counts for a similarity alone."""
        return scores if self.how == "similarity" else scores[1]

    def resolve(self, scores: Tensor, *given: Tensor) -> Tensor:
        """Give the number of the box, [B], or for a similarity the box, [B, 4]; and the classes, [B, T]."""
        (boxes, chances), (codes, box) = scores, given
        if isinstance(self.box, int):
            number = box
        else:
            box = corners(tf.cast(box, boxes.dtype), self.format)
            found = overlaps(box, boxes)
            number = tf.argmax(found, axis=-1, output_type=tf.int32)
            warn_where(
                tf.reduce_any(tf.reduce_max(found, axis=-1) == 0),
                "detection: of some examples no box overlaps the given one: see that it is in the units and the format "
                "of the model's boxes.",
            )
        picked_classes = ranked(_at(chances, number), codes)
        if self.how == "index":
            return number, picked_classes
        return (_at(boxes, number) if isinstance(self.box, int) else box), picked_classes

    def __call__(self, scores: Tensor, resolved: Tensor) -> Tensor:
        """Give the classes' scores for the box, [B, T]."""
        (boxes, chances), (kept, found) = scores, resolved
        if self.how == "index":
            return picked(_at(chances, kept), found)
        products = overlaps(kept, boxes)[..., tf.newaxis] * tf.gather(chances, found, axis=-1, batch_dims=1)
        return tf.reduce_max(products, axis=1)

    def mirrored(self, resolved: Tensor) -> Tensor:
        """Refuse: a mirrored view has other boxes."""
        raise TargetError("detection: a mirrored view has other boxes: explain without tta, or hflip=False.")

    def check_resized(self) -> None:
        """Refuse: a view of another size has other boxes."""
        raise TargetError(
            "detection: the boxes of a view of another size are others: explain without tta, or scales=()."
        )

    def indices(self, resolved: Tensor) -> Tensor:
        """Give the number of the box for each target."""
        if self.how == "similarity":
            return None
        number, found = resolved
        return number[:, tf.newaxis] + tf.zeros_like(found)

    def _pair(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        keys = self.outputs or (_DEFAULT if isinstance(outputs, dict) else (0, 1))
        known = list(outputs) if isinstance(outputs, dict) else list(range(len(tf.nest.flatten(outputs))))
        for key in keys:
            if key not in known or len(known) < 2:
                raise TargetError(
                    f"detection reads boxes and their scores, here the outputs {keys[0]!r} and {keys[1]!r}, and the "
                    f"model has {', '.join(map(repr, known))}: name them, as in outputs=('boxes', 'scores')."
                )
        boxes, scores = (outputs[key] for key in keys)
        return boxes, scores


def _box(box: Any) -> Any:
    """Keep a box's number, or boxes as an array."""
    if isinstance(box, str) or np.ndim(box) == 0:
        number = one_class("detection", box)
        if number < 0:
            raise TargetError(f"detection: a box is a number counted from 0, or 4 numbers, not {box!r}.")
        return number
    array: Array = numbers("detection", "box", box)
    if array.values.ndim > 2 or array.values.shape[-1] != 4:
        raise TargetError(f"detection: boxes must be [4] or [N, 4], not of shape {array.values.shape}.")
    return array


def _at(values: Tensor, number: Tensor) -> Tensor:
    """Give the values [B, n, ...] of one box of each example, [B, ...]."""
    return tf.gather(values, number, batch_dims=1)
