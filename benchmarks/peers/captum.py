"""Captum, on PyTorch."""

from collections.abc import Callable
from functools import partial
from typing import Any

from captum import attr

from ..cases import COPIES, MASKS
from .on_torch import BUDGET, Ground

Call = Callable[[Any, Any], Any]


def _call(kind: Any, options: dict[str, Any], ground: Ground) -> Call:
    explainer = kind(ground.model)
    return lambda x, y: explainer.attribute(x, target=y, **options).detach().numpy()


def _of(kind: Any, **options: Any) -> Callable[[Ground], Call]:
    return partial(_call, kind, options)


def _gradcam(ground: Ground) -> Call:
    explainer = attr.LayerGradCam(ground.model, ground.layer)
    return lambda x, y: explainer.attribute(x, target=y).detach().numpy()


def _smooth(ground: Ground) -> Call:
    explainer = attr.NoiseTunnel(attr.Saliency(ground.model))
    return lambda x, y: explainer.attribute(
        x, target=y, nt_samples=COPIES, stdevs=0.1, nt_samples_batch_size=max(1, BUDGET // len(x)), abs=False
    ).numpy()


def _occlusion(ground: Ground) -> Call:
    explainer, window = attr.Occlusion(ground.model), (3, ground.half, ground.half)
    return lambda x, y: explainer.attribute(
        x, target=y, sliding_window_shapes=window, strides=window, perturbations_per_eval=max(1, BUDGET // len(x))
    ).numpy()


METHODS: dict[str, Callable[[Ground], Call]] = {
    "gradients": _of(attr.Saliency, abs=False),
    "input_x_gradient": _of(attr.InputXGradient),
    "integrated_gradients": _of(attr.IntegratedGradients, n_steps=COPIES, internal_batch_size=BUDGET),
    "smooth": _smooth,
    "guided_backprop": _of(attr.GuidedBackprop),
    "deconvnet": _of(attr.Deconvolution),
    "deeplift": _of(attr.DeepLift),
    "lrp": _of(attr.LRP),
    "gradcam": _gradcam,
    "occlusion": _occlusion,
    "kernel_shap": _of(attr.KernelShap, n_samples=MASKS),
    "lime": _of(attr.Lime, n_samples=MASKS),
}
