"""Xplique: every attribution method that has a counterpart here."""

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf
from xplique import attributions

from ..cases import COPIES, MASKS
from .on_tensorflow import BUDGET, Ground

Call = Callable[[Any, Any], Any]


def _call(name: str, options: Callable[[Ground], dict[str, Any]], ground: Ground) -> Call:
    logits = ground.network.logits
    explainer = getattr(attributions, name)(logits, batch_size=BUDGET, **options(ground))
    count = logits.outputs[0].shape[-1]
    return lambda images, classes: explainer(images, tf.one_hot(classes, count)).numpy()


def _of(name: str, **options: Any) -> Callable[[Ground], Call]:
    return partial(_call, name, lambda _: options)


METHODS: dict[str, Callable[[Ground], Call]] = {
    "gradients": _of("Saliency"),
    "input_x_gradient": _of("GradientInput"),
    "integrated_gradients": _of("IntegratedGradients", steps=COPIES),
    "smooth": _of("SmoothGrad", nb_samples=COPIES),
    "guided_backprop": _of("GuidedBackprop"),
    "deconvnet": _of("DeconvNet"),
    "gradcam": partial(_call, "GradCAM", lambda ground: {"conv_layer": ground.layer}),
    "gradcampp": partial(_call, "GradCAMPP", lambda ground: {"conv_layer": ground.layer}),
    "occlusion": partial(_call, "Occlusion", lambda ground: {"patch_size": ground.half, "patch_stride": ground.half}),
    "rise": _of("Rise", nb_samples=MASKS),
    "lime": _of("Lime", nb_samples=MASKS),
    "kernel_shap": _of("KernelShap", nb_samples=MASKS),
    "sobol": _of("SobolAttributionMethod", nb_design=1, grid_size=2),
    "hsic": _of("HsicAttributionMethod", nb_design=MASKS, grid_size=4),
}
