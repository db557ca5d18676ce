"""How pictures are fed: at which size, with how many channels, and scaled in which way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import as_view, keras
from ..core.view import declared_spec
from ..errors import ModelError, UsageError
from ..images import grey, to_size

_LONGEST = 512  # the longer side of a picture, in pixels, where the model takes any size and nothing is said

# How keras.applications were trained, by the beginning of the model's name; the longer beginning is asked first.
_FAMILIES = {
    "resnet50v2": "tf",
    "resnet101v2": "tf",
    "resnet152v2": "tf",
    "resnet": "caffe",
    "vgg": "caffe",
    "densenet": "torch",
    "mobilenet_": "tf",
    "mobilenetv2": "tf",
    "inception": "tf",
    "xception": "tf",
    "nasnet": "tf",
}
MODES = {
    "none": "0 to 255, as they are",
    "unit": "0 to 1",
    "tf": "-1 to 1",
    "caffe": "BGR less the mean of ImageNet",
    "torch": "0 to 1, standardised as ImageNet",
}


@dataclass(frozen=True)
class Feeding:
    """How a model is fed.

    Attributes:
        mode: One of MODES.
        why: Why this mode.
        height: Pixels, or None for each picture's own.
        width: Pixels, or None.
        channels: 1 or 3.
    """

    mode: str
    why: str
    height: int | None
    width: int | None
    channels: int

    def sized(self, picture: Any) -> Any:
        """Bring a picture, uint8 [H, W, 3], to the size and the channels that the model takes."""
        height, width = self.height, self.width
        if height is None or width is None:
            shrink = min(1.0, _LONGEST / max(picture.shape[:2]))
            height = height or round(picture.shape[0] * shrink)
            width = width or round(picture.shape[1] * shrink)
        sized = to_size(picture, height, width) if picture.shape[:2] != (height, width) else picture
        return grey(sized) if self.channels == 1 else sized

    def scaled(self, pictures: Any) -> Any:
        """Scale pictures, uint8 [N, H, W, C], to the model's range: float32."""
        pictures = pictures.astype(np.float32)
        if self.mode == "none":
            return pictures
        if self.mode == "unit":
            return pictures / 255
        preprocess: Callable[..., Any] = keras.applications.imagenet_utils.preprocess_input
        return preprocess(pictures, data_format="channels_last", mode=self.mode)


def feeding(model: Any, preprocess: str, size: str) -> Feeding:
    """Find out how a model wants its pictures.

    Args:
        model: A Keras model.
        preprocess: "auto", or one of MODES.
        size: "", "224", or "224x320" (height x width).

    Raises:
        ModelError: The model takes no pictures.
        UsageError: A mode or a size that is none.
    """
    if preprocess != "auto" and preprocess not in MODES:
        raise UsageError(f"--preprocess must be auto, {', '.join(MODES)}, not {preprocess!r}.")
    spec = declared_spec(model)
    shape = getattr(spec, "shape", None)
    if shape is None or shape.rank != 4 or shape[-1] not in (1, 3):
        found = "several inputs" if shape is None else f"inputs {tuple(shape)}"
        raise ModelError(f"Model {model.name!r} takes {found}, and pictures are (None, height, width, 1 or 3).")
    mode, why = (preprocess, "as asked") if preprocess != "auto" else _recognised(model)
    height, width = _size(size) if size else (shape[1], shape[2])
    return Feeding(mode, why, height, width, shape[-1])


def _recognised(model: Any) -> tuple[str, str]:
    calls = as_view(model).preview.calls
    scaling = [call for call in calls if call.kind in ("Rescaling", "Normalization")]
    if scaling:
        return "none", f"the model scales its own input, in layer {scaling[0].path!r}"
    names = [model.name, *(part for call in calls for part in call.path.split("/"))]
    for family in sorted(_FAMILIES, key=len, reverse=True):
        if any(name.lower().startswith(family) for name in names):
            return _FAMILIES[family], f"as {family.rstrip('_')} models of keras.applications are trained"
    return "unit", "nothing in the model says how; choose with --preprocess"


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdigit() and 1 <= int(side) <= 8192 for side in sides):
        raise UsageError(f"--size must be pixels, such as 224 or 224x320 (height x width), not {text!r}.")
    return int(sides[0]), int(sides[-1])
