"""tf-explain: its explainers take one class for all pictures, and draw them too."""

from collections.abc import Callable
from typing import Any

from tf_explain.core.grad_cam import GradCAM
from tf_explain.core.gradients_inputs import GradientsInputs
from tf_explain.core.integrated_gradients import IntegratedGradients
from tf_explain.core.occlusion_sensitivity import OcclusionSensitivity
from tf_explain.core.smoothgrad import SmoothGrad
from tf_explain.core.vanilla_gradients import VanillaGradients

from ..cases import COPIES
from .on_tensorflow import Ground

Call = Callable[[Any, Any], Any]


def _of(kind: Any, options: Callable[[Ground], dict[str, Any]] = lambda _: {}) -> Callable[[Ground], Call]:
    def make(ground: Ground) -> Call:
        explainer, model, chosen = kind(), ground.network.model, options(ground)
        return lambda images, classes: explainer.explain((images, None), model, int(classes[0]), **chosen)

    return make


METHODS: dict[str, Callable[[Ground], Call]] = {
    "gradients": _of(VanillaGradients),
    "input_x_gradient": _of(GradientsInputs),
    "integrated_gradients": _of(IntegratedGradients, lambda _: {"n_steps": COPIES}),
    "smooth": _of(SmoothGrad, lambda _: {"num_samples": COPIES}),
    "gradcam": _of(GradCAM, lambda ground: {"layer_name": ground.layer}),
    "occlusion": _of(OcclusionSensitivity, lambda ground: {"patch_size": ground.half}),
}
