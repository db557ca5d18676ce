"""The explainer on a model that has learned nothing: what is left of a map then was never about what it learned."""

from typing import Any

from ..core import Model, Seed, Step, transformer
from ..core.weights import redrawn


@transformer
def randomized(explainer: Any, model: Model, *, layers: str | tuple[str, ...] = "all", seed: Seed = 0) -> Step:
    """Explain a model whose weights are drawn anew from their initialisers; the user's own is never touched.

    Targets are those of the user's model, the scores those of the redrawn one. A map that stays as it was does not
    show what the model learned.

    Maps: as they were.
    Cost: its explainer's, and one forward pass.
    Claims: stochastic.

    Args:
        layers: "all", or the names or paths of the layers to redraw, `("head", "backbone/conv5")`; a layer that holds
            others stands for all of them.
        seed: Which draws; each variable has its own.

    Raises:
        UnknownName: The model has no such layer with weights.
        ModelError: The model has no weights.

    Source:
        Adebayo et al., "Sanity Checks for Saliency Maps", 2018. arXiv:1810.03292, section 4.
    """
    weights = {**(model.weights or {}), **redrawn(model.keras_model, layers, seed)}
    return explainer.bind(model.changed(weights=weights))  # type: ignore[no-any-return]
