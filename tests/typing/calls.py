"""Read by the type checker, never run: it must see wrong names and values, and each `ignore` here is one that it saw.

An ignore that is not needed is an error, so a declaration that loses its types is noticed.
"""

import numpy as np

from xaikit import Explainer, explain, find, gradcam, integrated_gradients, mc_dropout, smooth, tta

right: Explainer = smooth(tta(gradcam(layer="conv5")), repetitions=50)(noise=0.5)
scores, maps = explain(right, None, None)
scores, maps = explain(find("gradcam"), None, None)
beside: Explainer = mc_dropout(gradcam, repetitions=3)(seed=1)
integrated_gradients(baseline=np.zeros(3))
integrated_gradients(baseline="black.npy")

gradcam(layr="conv5")  # type: ignore[call-overload]
gradcam(layer=5)  # type: ignore[call-overload]
smooth(gradcam, repetition=50)  # type: ignore[call-overload]
smooth(gradcam, repetitions="many")  # type: ignore[call-overload]
smooth(gradcam, reduce="median")  # type: ignore[call-overload]
smooth("gradcam")  # type: ignore[call-overload]
tta(gradcam, scale=(0.5,))  # type: ignore[call-overload]
