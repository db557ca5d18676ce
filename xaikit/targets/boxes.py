"""Boxes: their corners, and how far they overlap."""

from ..core import Tensor, tf


def corners(boxes: Tensor, format: str) -> Tensor:
    """Bring boxes [..., 4] to two corners; "xyxy" and "yxyx" are that already."""
    if format in ("xyxy", "yxyx"):
        return boxes
    first, size = boxes[..., :2], boxes[..., 2:]
    first = first - size / 2 if format == "center_xywh" else first
    return tf.concat([first, first + size], axis=-1)


def overlaps(box: Tensor, boxes: Tensor) -> Tensor:
    """Give the intersection over union of a box [B, 4] with boxes [B, n, 4], two corners each: [B, n]."""
    box = box[:, tf.newaxis]
    low, high = tf.maximum(box[..., :2], boxes[..., :2]), tf.minimum(box[..., 2:], boxes[..., 2:])
    common = _area(high - low)
    return tf.math.divide_no_nan(
        common, _area(box[..., 2:] - box[..., :2]) + _area(boxes[..., 2:] - boxes[..., :2]) - common
    )


def _area(sides: Tensor) -> Tensor:
    """Multiply two sides [..., 2]; a negative one is none."""
    sides = tf.nn.relu(sides)
    return sides[..., 0] * sides[..., 1]
