"""What is measured: every built-in method, and the transformers of many passes, each with its floor.

Methods of many passes take few: what a pass costs beside the floor's shows as well with three of them.
"""

from typing import NamedTuple

COPIES = 3  # points and draws of one forward and one backward pass each
MASKS = 6  # perturbed copies, of one forward pass each


class Case(NamedTuple):
    """A method and its floor.

    Attributes:
        text: The explainer, as `explain` reads it; `{half}` is half of a picture's side.
        floor: The name of its floor.
        copies: How many copies the floor makes, where it makes any.
        network: "images" for the convolutional networks, "tokens" for the transformer.
    """

    text: str
    floor: str
    copies: int = 0
    network: str = "images"


CASES: dict[str, Case] = {
    "gradients": Case("gradients", "gradients"),
    "input_x_gradient": Case("input_x_gradient", "gradients"),
    "integrated_gradients": Case(f"integrated_gradients(steps={COPIES})", "integrated_gradients", COPIES),
    "expected_gradients": Case(f"expected_gradients(samples={COPIES})", "slopes", COPIES),
    "guided_integrated_gradients": Case(f"guided_integrated_gradients(steps={COPIES})", "slopes_in_turn", COPIES),
    "blur_integrated_gradients": Case(f"blur_integrated_gradients(steps={COPIES})", "slopes", COPIES),
    "full_gradients": Case("full_gradients", "full_gradients"),
    "guided_backprop": Case("guided_backprop", "guided_backprop"),
    "deconvnet": Case("deconvnet", "deconvnet"),
    "lrp": Case("lrp", "lrp"),
    "deeplift": Case("deeplift", "differences"),
    "cam": Case("cam", "forward"),
    "gradcam": Case("gradcam", "gradcam"),
    "gradcampp": Case("gradcampp", "gradcam"),
    "xgradcam": Case("xgradcam", "gradcam"),
    "hirescam": Case("hirescam", "gradcam"),
    "layercam": Case("layercam", "gradcam"),
    "eigencam": Case("eigencam", "forward"),
    "scorecam": Case(f"scorecam(channels={MASKS})", "forwards", MASKS),
    "ablationcam": Case(f"ablationcam(channels={MASKS})", "heads", MASKS),
    "occlusion": Case("occlusion(patch={half}, stride={half})", "occlusion", 4),
    "rise": Case(f"rise(samples={MASKS})", "forwards", MASKS),
    "lime": Case(f"lime(samples={MASKS}, segments=50)", "superpixels", MASKS),
    "kernel_shap": Case(f"kernel_shap(samples={MASKS}, segments=50)", "superpixels", MASKS + 1),  # and one with nothing
    "sobol": Case("sobol(designs=1, cells=2)", "forwards", 6),  # cells + 2 for each design
    "hsic": Case(f"hsic(samples={MASKS}, cells=4)", "forwards", MASKS),
    "attention_rollout": Case("attention_rollout", "rollout", network="tokens"),
    "attention_relevance": Case("attention_relevance", "relevance", network="tokens"),
    "smooth": Case(f"smooth(gradients, repetitions={COPIES})", "slopes", COPIES),
    "tta": Case("tta(gradcam, scales=(0.5,))", "views", 4),
    "mc_dropout": Case(f"mc_dropout(gradients, repetitions={COPIES})", "slopes", COPIES),
}


def text_of(name: str, side: int) -> str:
    """The explainer of a case, for pictures of some side."""
    return CASES[name].text.replace("{half}", str(side // 2))
