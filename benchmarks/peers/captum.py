"""Captum, on PyTorch."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
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


def _surrogate(kind: Any, ground: Ground) -> Call:
    """Of 49 cells: without a mask of features, each pixel would be one."""
    explainer, places = kind(ground.model), torch.arange(2 * ground.half) * 7 // (2 * ground.half)
    cells = (7 * places[:, None] + places)[None, None]
    return lambda x, y: explainer.attribute(
        x, target=y, n_samples=MASKS, feature_mask=cells, perturbations_per_eval=max(1, BUDGET // len(x))
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
    "kernel_shap": partial(_surrogate, attr.KernelShap),
    "lime": partial(_surrogate, attr.Lime),
}
