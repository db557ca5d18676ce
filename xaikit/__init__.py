"""xaikit explains Keras 3 models: methods that compose, compiled and distributed.

    from xaikit import explain, gradcam, smooth, tta

    scores, maps = explain(smooth(tta(gradcam)), model, images)

Importing xaikit does not import TensorFlow. Besides the names below, every method and transformer of the catalogue is
an attribute, a plugin's included: `from xaikit import gradcam`.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what a type checker sees: at run time the catalogue's names come from the registry alone
    from .api import explain as explain
    from .api import quantiles as quantiles
    from .api import stream as stream
    from .core import Explainer as Explainer
    from .core import Explanation as Explanation
    from .core import Model as Model
    from .core import method as method
    from .core import transformer as transformer
    from .evaluation import Evaluation as Evaluation
    from .evaluation import evaluate as evaluate
    from .evaluation.sanity import sanity as sanity
    from .hookspecs import hookimpl as hookimpl
    from .images import visualize as visualize
    from .measuring import metric as metric
    from .methods.ablationcam import ablationcam as ablationcam
    from .methods.attention_relevance import attention_relevance as attention_relevance
    from .methods.attention_rollout import attention_rollout as attention_rollout
    from .methods.blur_integrated_gradients import blur_integrated_gradients as blur_integrated_gradients
    from .methods.cam import cam as cam
    from .methods.deconvnet import deconvnet as deconvnet
    from .methods.deeplift import deeplift as deeplift
    from .methods.eigencam import eigencam as eigencam
    from .methods.expected_gradients import expected_gradients as expected_gradients
    from .methods.full_gradients import full_gradients as full_gradients
    from .methods.gradcam import gradcam as gradcam
    from .methods.gradcampp import gradcampp as gradcampp
    from .methods.gradients import gradients as gradients
    from .methods.guided_backprop import guided_backprop as guided_backprop
    from .methods.guided_integrated_gradients import guided_integrated_gradients as guided_integrated_gradients
    from .methods.hirescam import hirescam as hirescam
    from .methods.hsic import hsic as hsic
    from .methods.input_x_gradient import input_x_gradient as input_x_gradient
    from .methods.integrated_gradients import integrated_gradients as integrated_gradients
    from .methods.kernel_shap import kernel_shap as kernel_shap
    from .methods.layercam import layercam as layercam
    from .methods.lime import lime as lime
    from .methods.lrp import lrp as lrp
    from .methods.occlusion import occlusion as occlusion
    from .methods.rise import rise as rise
    from .methods.scorecam import scorecam as scorecam
    from .methods.sobol import sobol as sobol
    from .methods.xgradcam import xgradcam as xgradcam
    from .metrics.average_drop import average_drop as average_drop
    from .metrics.average_gain import average_gain as average_gain
    from .metrics.average_increase import average_increase as average_increase
    from .metrics.completeness import completeness as completeness
    from .metrics.complexity import complexity as complexity
    from .metrics.deletion import deletion as deletion
    from .metrics.faithfulness_correlation import faithfulness_correlation as faithfulness_correlation
    from .metrics.infidelity import infidelity as infidelity
    from .metrics.insertion import insertion as insertion
    from .metrics.localization_auc import localization_auc as localization_auc
    from .metrics.max_sensitivity import max_sensitivity as max_sensitivity
    from .metrics.mufidelity import mufidelity as mufidelity
    from .metrics.parameter_randomization import parameter_randomization as parameter_randomization
    from .metrics.pixel_flipping import pixel_flipping as pixel_flipping
    from .metrics.pointing_game import pointing_game as pointing_game
    from .metrics.random_logit import random_logit as random_logit
    from .metrics.relevance_mass import relevance_mass as relevance_mass
    from .metrics.relevance_rank import relevance_rank as relevance_rank
    from .metrics.road import road as road
    from .metrics.sensitivity_n import sensitivity_n as sensitivity_n
    from .metrics.sparseness import sparseness as sparseness
    from .registry import find as find
    from .transformers.absolute import absolute as absolute
    from .transformers.average import average as average
    from .transformers.heatmap import heatmap as heatmap
    from .transformers.mc_dropout import mc_dropout as mc_dropout
    from .transformers.multiply import multiply as multiply
    from .transformers.negative import negative as negative
    from .transformers.normalize import normalize as normalize
    from .transformers.over_channels import over_channels as over_channels
    from .transformers.positive import positive as positive
    from .transformers.randomized import randomized as randomized
    from .transformers.resize import resize as resize
    from .transformers.smooth import smooth as smooth
    from .transformers.tta import tta as tta

__version__ = "0.1.0"

_PUBLIC = {
    "explain": ".api",
    "quantiles": ".api",
    "stream": ".api",
    "Explainer": ".core",
    "Explanation": ".core",
    "Model": ".core",
    "method": ".core",
    "transformer": ".core",
    "Evaluation": ".evaluation",
    "evaluate": ".evaluation",
    "sanity": ".evaluation.sanity",
    "hookimpl": ".hookspecs",
    "metric": ".measuring",
    "visualize": ".images",
    "find": ".registry",
}

__all__ = [*_PUBLIC, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name], __name__), name)
    # a module of ours is no method: `from xaikit import core` asks here before it imports
    if name.startswith("_") or find_spec(f"{__name__}.{name}") is not None:
        raise AttributeError(f"module 'xaikit' has no attribute {name!r}")
    from .errors import UnknownName
    from .registry import registry

    try:
        return registry().entry(name).value
    except UnknownName as error:
        raise AttributeError(f"module 'xaikit' has no attribute {name!r}. {error}") from None


def __dir__() -> list[str]:
    from .registry import registry

    return sorted({*__all__, *(name for name in registry().catalogue if ":" not in name)})
