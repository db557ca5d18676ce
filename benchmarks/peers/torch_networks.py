"""The same two networks in PyTorch, with a module of its own for every activation, as DeepLIFT asks."""

from typing import Any

from torch import nn


def _normed(wide: int, out: int, size: int, stride: int = 1, groups: int = 1, active: bool = True) -> list[Any]:
    convolution = nn.Conv2d(wide, out, size, stride, size // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(out), *([nn.ReLU6()] if active else [])]


class Inverted(nn.Module):
    """MobileNetV2's block: widen, filter each channel, narrow; added to what came in where the shapes agree."""

    def __init__(self, wide: int, out: int, stride: int, expand: int) -> None:
        super().__init__()
        inner = wide * expand
        widen = _normed(wide, inner, 1) if expand > 1 else []
        filtered = _normed(inner, inner, 3, stride, groups=inner)
        self.layers = nn.Sequential(*widen, *filtered, *_normed(inner, out, 1, active=False))
        self.added = stride == 1 and wide == out

    def forward(self, x: Any) -> Any:
        """Add what the layers make of it."""
        return x + self.layers(x) if self.added else self.layers(x)


class Bottleneck(nn.Module):
    """ResNetV2's block: normalised and activated before each convolution."""

    def __init__(self, wide: int, inner: int, stride: int, widened: bool) -> None:
        super().__init__()
        out = 4 * inner
        self.before = nn.Sequential(nn.BatchNorm2d(wide), nn.ReLU())
        self.short = nn.Conv2d(wide, out, 1, stride) if widened else nn.MaxPool2d(1, stride)
        self.widened = widened
        first = [nn.Conv2d(wide, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU()]
        second = [nn.Conv2d(inner, inner, 3, stride, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU()]
        self.layers = nn.Sequential(*first, *second, nn.Conv2d(inner, out, 1))

    def forward(self, x: Any) -> Any:
        """Add what the layers make of it."""
        ready = self.before(x)
        return self.short(ready if self.widened else x) + self.layers(ready)


class Headed(nn.Module):
    """Features, their average, dropout and a linear layer: as few modules as can be, since Captum's LRP knows few."""

    def __init__(self, features: list[Any], width: int, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(*features)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(width, classes))

    def forward(self, x: Any) -> Any:
        """Give logits."""
        return self.head(self.features(x).mean(dim=(2, 3)))


def mobilenet_v2() -> Any:
    """MobileNetV2, as `keras.applications` has it."""
    layers, wide = _normed(3, 32, 3, 2), 32
    settings = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    for expand, out, count, stride in settings:
        for i in range(count):
            layers.append(Inverted(wide, out, stride if i == 0 else 1, expand))
            wide = out
    return Headed([*layers, *_normed(wide, 1280, 1)], 1280)


def resnet50_v2() -> Any:
    """ResNet50V2, as `keras.applications` has it: the last block of a stack makes it smaller."""
    layers, wide = [nn.Conv2d(3, 64, 7, 2, 3), nn.MaxPool2d(3, 2, 1)], 64
    for inner, count, stride in [(64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1)]:
        for i in range(count):
            layers.append(Bottleneck(wide, inner, stride if i == count - 1 else 1, widened=i == 0))
            wide = 4 * inner
    return Headed([*layers, nn.BatchNorm2d(wide), nn.ReLU()], wide)


def tiny() -> Any:
    """Two convolutions."""
    first = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()]
    return Headed([*first, nn.Conv2d(4, 8, 3, stride=4, padding=1), nn.ReLU()], 8, 4)


NETWORKS = {"mobilenet_v2": mobilenet_v2, "resnet50_v2": resnet50_v2, "tiny": tiny}
