"""The card of the embedded model, as text made from measured figures."""

from __future__ import annotations

from typing import NamedTuple

from .shapes import CLASSES

_CARD = """\
# The shapes model

A small image classifier that xaikit explains when no other model is at hand. It exists to be explained: it is no
use for anything else.

| | |
|---|---|
| Input | RGB pictures `[N, H, W, 3]`, values 0 to 255, any height and width |
| Output | probabilities `[N, {number}]` of {classes} |
| Layers | rescaling, a nested convolutional `backbone` (stride 8), average pooling, dense softmax |
| Last feature map | `block6_relu` inside `backbone`, `[N, H/8, W/8, 56]` |
| Alignment | feature `[i, j]` is centred on pixels `8i..8i+7`, `8j..8j+7` of pictures whose sides are multiples of 8 |
| Parameters | {parameters:,} |
| File | `shapes.keras`, {kilobytes:.0f} kB, Keras 3, without the state of its training |
| Licence | Apache-2.0 |

## How it was trained

`python -m xaikit.demo.train`, on pictures that `xaikit.demo.shapes` draws and on nothing else:
{trained}.
{epochs} epochs of AdamW with a cosine schedule, mirrored and turned by right angles at random, seed {seed}. It took
{minutes:.1f} minutes on two processor cores. The seed is fixed, yet rounding differs from machine to machine, and so
may the last decimals of a model trained anew.

## Figures

Measured on pictures drawn from seed {held_out_seed}, which training never uses. Seed {held_out_seed} is also the
default seed of `shapes`, so the pictures of a demonstration are new to the model.

| Side in pixels | Pictures | Accuracy |
|---:|---:|---:|
{accuracies}

## Limits

- It knows one shape at a time, drawn as `shapes` draws it: photographs and sketches are beyond it.
- It has no class for "none of these": on any other picture its probabilities mean nothing.
- Shapes below some 9 pixels or above some 70 pixels across are outside what it was trained on.
- Its probabilities are not calibrated.
"""


class Figures(NamedTuple):
    """What training and measuring brought to light."""

    accuracies: dict[int, float]
    """By side in pixels, the share 0..1 of held-out pictures named rightly."""
    held_out: dict[int, int]
    """By side in pixels, how many pictures were held out."""
    held_out_seed: int
    trained: dict[int, int]
    """By side in pixels, how many pictures were trained on."""
    epochs: int
    seed: int
    minutes: float
    parameters: int
    kilobytes: float
    """Size of the file in thousands of bytes."""


def card(figures: Figures) -> str:
    """The card in Markdown."""
    trained = ", ".join(f"{count} of {side} x {side} pixels" for side, count in figures.trained.items())
    rows = [f"| {side} | {figures.held_out[side]} | {share:.1%} |" for side, share in figures.accuracies.items()]
    texts = {"trained": trained, "accuracies": "\n".join(rows), "classes": ", ".join(CLASSES)}
    return _CARD.format_map({**figures._asdict(), **texts, "number": len(CLASSES)})
