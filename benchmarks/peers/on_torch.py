"""What libraries for PyTorch are measured on: the same networks, and floors of the smallest torch programs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..timing import interleaved
from .torch_networks import NETWORKS

BUDGET = 32
SIZES = (1, 4, 8, 16, 32)

Program = Callable[[Any, Any], list[np.ndarray]]


class Ground:
    """A network with pictures, [B, 3, H, W].

    Attributes:
        model: From pictures to logits, in inference mode.
        layer: Its last layer with positions.
        half: Half of a picture's side.
    """

    def __init__(self, name: str, side: int, count: int) -> None:
        torch.manual_seed(0)
        self.model = NETWORKS[name]()
        self.layer = self.model.features
        self.half = side // 2
        draws = np.random.default_rng(0).uniform(-1, 1, (max(count, BUDGET), 3, side, side))
        self._images = torch.tensor(draws.astype("float32"))
        settle(self.model, self._images[:8])
        with torch.no_grad():
            self._classes = torch.cat([self.model(part) for part in self._images.split(8)]).argmax(dim=1)
        self._rows = self._fastest()

    def batch(self, count: int) -> tuple[Any, Any]:
        """Some pictures, and their best classes."""
        return self._images[:count], self._classes[:count]

    def floor(self, name: str, copies: int) -> Program:
        """A floor on the network, by the name that it has on TensorFlow.

        Of rules it has the passes alone; of copies no clean scores, which none of the libraries gives.
        """
        return _FLOORS[name](self, copies)

    def score(self, x: Any, y: Any) -> Any:
        """The score of each example's class, [B]."""
        return self.model(x).gather(1, y[:, None])[:, 0]

    def slopes(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Scores [B], and their slopes at the input."""
        x = x.detach().requires_grad_()
        score = self.score(x, y)
        return score, torch.autograd.grad(score.sum(), x)[0]

    def rows(self, kind: str, x: Any, y: Any, copies: int) -> Any:
        """All copies of all examples, at most as many at a time as are fastest."""
        return zip(
            x.repeat(copies, 1, 1, 1).split(self._rows[kind]), y.repeat(copies).split(self._rows[kind]), strict=True
        )

    def _fastest(self) -> dict[str, int]:
        found = {}
        for kind, call in (("forward", _forward(self, 0)), ("backward", _gradients(self, 0))):
            calls = [lambda n=n, call=call: call(*self.batch(n)) for n in SIZES]
            for each in calls:
                each()
            speeds = {n: n / min(taken) for n, taken in zip(SIZES, interleaved(calls, 3), strict=True)}
            found[kind] = max(speeds, key=lambda n: speeds[n])
        return found


def settle(model: Any, images: Any) -> None:
    """Give normalisation layers the statistics of some pictures, and go to inference."""
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    model.train()
    with torch.no_grad():
        model(images)
    model.eval()


def _forward(ground: Ground, copies: int) -> Program:
    @torch.no_grad()
    def program(x: Any, y: Any) -> list[np.ndarray]:
        return [ground.score(x, y).numpy()]

    return program


def _gradients(ground: Ground, copies: int) -> Program:
    def program(x: Any, y: Any) -> list[np.ndarray]:
        score, slopes = ground.slopes(x, y)
        return [score.detach().numpy(), slopes.numpy()]

    return program


def _differences(ground: Ground, copies: int) -> Program:
    def program(x: Any, y: Any) -> list[np.ndarray]:
        with torch.no_grad():
            far = ground.model(torch.zeros_like(x[:1]))
        return [*_gradients(ground, 0)(x, y), far.numpy()]

    return program


def _gradcam(ground: Ground, copies: int) -> Program:
    def program(x: Any, y: Any) -> list[np.ndarray]:
        kept: list[Any] = []

        def cut(_: Any, __: Any, output: Any) -> Any:
            kept.append(output.detach().requires_grad_())  # nothing before the layer is differentiated
            return kept[0]

        hook = ground.layer.register_forward_hook(cut)
        try:
            score = ground.score(x, y)
        finally:
            hook.remove()
        slopes = torch.autograd.grad(score.sum(), kept[0])[0]
        maps = (slopes.mean(dim=(2, 3), keepdim=True) * kept[0]).sum(dim=1)
        return [score.detach().numpy(), maps.detach().numpy()]

    return program


def _forwards(ground: Ground, copies: int) -> Program:
    @torch.no_grad()
    def program(x: Any, y: Any) -> list[np.ndarray]:
        return [torch.cat([ground.score(*part) for part in ground.rows("forward", x, y, copies)]).numpy()]

    return program


def _occlusion(ground: Ground, copies: int) -> Program:
    """What is lost of the clean score, so that is needed."""
    hidden = _forwards(ground, copies)
    return lambda x, y: [*_forward(ground, 0)(x, y), *hidden(x, y)]


def _slopes(ground: Ground, copies: int) -> Program:
    def program(x: Any, y: Any) -> list[np.ndarray]:
        found = torch.cat([ground.slopes(*part)[1] for part in ground.rows("backward", x, y, copies)])
        return [found.reshape(copies, *x.shape).mean(dim=0).numpy()]

    return program


_FLOORS: dict[str, Callable[[Ground, int], Program]] = {
    "forward": _forward,
    **dict.fromkeys(("gradients", "guided_backprop", "deconvnet", "lrp"), _gradients),
    "differences": _differences,
    "gradcam": _gradcam,
    **dict.fromkeys(("forwards", "superpixels"), _forwards),
    "occlusion": _occlusion,
    **dict.fromkeys(("slopes", "integrated_gradients"), _slopes),
}
