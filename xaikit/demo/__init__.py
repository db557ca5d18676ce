"""What xaikit shows itself on when it is given nothing: pictures with exact masks, and a small model of them.

Importing this package loads NumPy alone, neither TensorFlow nor Keras.
"""

from __future__ import annotations

from pathlib import Path

from .shapes import CLASSES, Pictures, shapes

__all__ = ["CLASSES", "Pictures", "model_path", "shapes"]


def model_path() -> Path:
    """Where the embedded Keras model lies: it maps float pictures [N, H, W, 3] in 0..255 to [N, len(CLASSES)]."""
    return Path(__file__).with_name("shapes.keras")
