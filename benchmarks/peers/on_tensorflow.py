"""What libraries for TensorFlow are measured on: the same networks, pictures and floors as xaikit."""

from typing import Any

import keras
import numpy as np

from ..floors import FLOORS, Program, Scored
from ..networks import best_classes, pictures, settled
from ..rates import fastest, rates

BUDGET = 32

keras.utils.disable_interactive_logging()  # a progress bar for each call of predict


class Ground:
    """A network with pictures.

    Attributes:
        network: As floors take it.
        layer: The name of its last layer with positions.
        half: Half of a picture's side.
    """

    def __init__(self, name: str, side: int, count: int) -> None:
        self.network = settled(name, side)
        self.layer = last_spatial(self.network.model)
        self.half = side // 2
        self._images = pictures(max(count, BUDGET), side)
        self._classes = best_classes(self.network, self._images)
        self._rows = {kind: fastest(speeds) for kind, speeds in rates(self.network).items()}

    def batch(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Some pictures, and their best classes."""
        return self._images[:count], self._classes[:count]

    def floor(self, name: str, copies: int) -> Program:
        """A floor on the network, without work for the scores alone: none of the libraries gives any."""
        kind = "backward" if name in ("slopes", "integrated_gradients") else "forward"
        found = FLOORS[name].build(self.network, copies, self._rows[kind])
        return found.bare if isinstance(found, Scored) else found


def last_spatial(model: Any) -> str:
    """The name of the last layer that gives [B, H, W, K]."""
    spatial = [layer for layer in model.layers if len(getattr(layer.output, "shape", ())) == 4]
    return str([layer for layer in spatial if not isinstance(layer, keras.layers.InputLayer)][-1].name)
