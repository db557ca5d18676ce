"""tf-keras-vis: saliency and class activation maps."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.scores import CategoricalScore

from ..cases import COPIES, MASKS
from .on_tensorflow import Ground

Call = Callable[[Any, Any], Any]


def _saliency(ground: Ground, **options: Any) -> Call:
    saliency = Saliency(ground.network.logits, clone=False)
    return lambda images, classes: saliency(
        CategoricalScore(classes.tolist()), images, keepdims=True, normalize_map=False, **options
    )


def _cam(kind: Any, ground: Ground, **options: Any) -> Call:
    cam = kind(ground.network.logits, clone=False)
    return lambda images, classes: cam(
        CategoricalScore(classes.tolist()),
        images,
        penultimate_layer=ground.layer,
        expand_cam=False,
        normalize_cam=False,
        **options,
    )


METHODS: dict[str, Callable[[Ground], Call]] = {
    "gradients": _saliency,
    "smooth": partial(_saliency, smooth_samples=COPIES),
    "gradcam": partial(_cam, Gradcam),
    "gradcampp": partial(_cam, GradcamPlusPlus),
    "layercam": partial(_cam, Layercam),
    "scorecam": lambda ground: _scorecam(ground),
}


def _scorecam(ground: Ground) -> Call:
    cam = Scorecam(ground.network.logits, clone=False)
    return lambda images, classes: cam(
        CategoricalScore(classes.tolist()), images, penultimate_layer=ground.layer, max_N=MASKS
    )
