"""Test-time augmentation: the average over views of other sizes, and mirrored ones."""

from collections.abc import Sequence
from typing import Any

from ..core import (
    Explainer,
    Explanation,
    Model,
    Positive,
    ResizeMethod,
    Step,
    Tensor,
    map_maps,
    mirrored,
    over_copies,
    resized,
    sides,
    tf,
    to_positions,
    transformer,
)
from ..core.goals import aims
from ..core.tracing import current, without_details
from ..errors import ModelError, UnfitInput


def _takes_views(model: Model, *, scales: Sequence[float], **_: Any) -> None:
    """Refuse a model that has no positions, or that does not take other sizes.

    Within a trace sizes are looked at when the model refuses one: a look takes as long as tracing a view.
    """
    leaves = tf.nest.flatten(model.spec)
    if len(leaves) != 1 or leaves[0].shape.rank not in (3, 4, 5):
        raise ModelError(
            f"tta makes views of inputs with positions, such as images, and {model.name} takes others: leave tta out."
        )
    if current().graph is None:
        _check_sizes(model, scales)


def _check_sizes(model: Model, scales: Sequence[float]) -> None:
    """Refuse a model that does not take the smallest or the largest view."""
    shape = tf.nest.flatten(model.spec)[0].shape
    for scale in sorted({min(scales, default=1.0), max(scales, default=1.0)} - {1.0}):
        try:
            model.probe(tf.nest.map_structure(lambda leaf, s=scale: _scaled_spec(leaf, s), model.spec))
        except UnfitInput as error:
            if _fixed(model):
                raise UnfitInput(
                    f"tta makes views of other sizes, and {model.name} takes {_size(shape)} alone: write "
                    f"tta(..., scales=()){_mirrors(shape)}, or build the model for inputs of any size."
                ) from error
            raise UnfitInput(_too_small(model, shape, scale)) from error


@transformer(requires=_takes_views)
def tta(
    explainer: Explainer,
    model: Model,
    *,
    scales: tuple[Positive, ...] = (0.5, 1.5, 2.0),
    hflip: bool = True,
    resize_method: ResizeMethod = "bilinear",
) -> Step:
    """Average the maps of several views of each input, brought back to its positions; the scores stay the clean ones.

    The input itself is always one of the views, once: a scale of 1 adds none. Raw Grad-CAM maps grow as the number of
    positions falls, so small views would dominate: write `tta(normalize(positive(gradcam)))` to weigh the views alike.

    Views are made of inputs with positions: pictures, volumes, videos, series. Mirroring turns left and right around; a
    series has neither, and time is never turned around. Tables and tokens have no views.

    Maps: [B, *input positions, T]; of input-shaped ones [B, *input, T].
    Cost: its explainer's for each view, 8 by default, 4 of series.

    Args:
        scales: Sizes of the views, as shares of the input's.
        hflip: Take each view of pictures, volumes and videos mirrored along the width too.
        resize_method: How views, and their maps, are resized.

    Raises:
        ModelError: The inputs are tables or tokens, or several.
        UnfitInput: The model does not take inputs of these sizes.

    Source:
        Simonyan and Zisserman, "Very Deep Convolutional Networks", 2014. arXiv:1409.1556, section 3.2, for scores.
    """
    step = explainer.bind(model)
    sizes = [scale for scale in dict.fromkeys(scales) if scale != 1.0]

    def averaged(inputs: Tensor, targets: Tensor) -> Explanation:
        count = 2 if hflip and tf.nest.flatten(inputs)[0].shape.rank > 3 else 1
        with without_details():
            first = step(inputs, targets)  # the input itself is a view, and its pass gives the clean scores

        def back(maps: Tensor) -> Tensor:
            return map_maps(lambda one, of: to_positions(one, of, resize_method), maps, inputs)

        there = Explanation(first.scores, back(first.maps))  # every view's maps come to have this shape

        def of_scale(scale: float, begin: int) -> Tensor:
            """The mean over a scale's plain and mirrored view, at the input's positions, or over the mirrored alone."""
            scaled = tf.nest.map_structure(lambda leaf: _scaled(leaf, scale, resize_method), inputs)
            mirrors = (lambda i: tf.equal(i + begin, 1)) if hflip else None
            try:
                return over_copies(
                    step,
                    scaled,
                    targets,
                    count - begin,
                    lambda i: tf.nest.map_structure(lambda leaf: _mirrored_copy(leaf, leaf, i + begin), scaled),
                    like=there,
                    # a coarse map is mirrored on its own grid before it is resized
                    undo=lambda i, maps: back(map_maps(lambda m, of: _mirrored_copy(m, of, i + begin), maps, inputs)),
                    aims=aims(targets, mirrored=mirrors, resized=scale != 1.0),
                )
            except UnfitInput:
                _check_sizes(model, scales)  # it says which sizes do
                raise

        def plain() -> Tensor:
            """The mean over the views of the input's own size."""
            if count == 1:
                return there.maps
            return tf.nest.map_structure(lambda one, other: (one + other) / 2, there.maps, of_scale(1.0, begin=1))

        views = [plain(), *(of_scale(scale, begin=0) for scale in sizes)]
        return Explanation(first.scores, tf.nest.map_structure(lambda *each: tf.add_n(each) / len(each), *views))

    return averaged


def _mirrored_copy(values: Tensor, inputs: Tensor, number: Any) -> Tensor:
    """Mirror inputs or their maps in copy 1, and leave copy 0."""
    return tf.where(tf.equal(number, 1), mirrored(values, axis=inputs.shape.rank - 2), values)


def _scaled(inputs: Tensor, scale: float, method: ResizeMethod) -> Tensor:
    return inputs if scale == 1.0 else resized(inputs, [_side(side, scale) for side in sides(inputs)], method)


def _side(side: Any, scale: float) -> Any:
    if isinstance(side, int):
        return max(1, round(side * scale))
    return tf.maximum(1, tf.cast(tf.round(tf.cast(side, tf.float32) * scale), tf.int32))


def _scaled_spec(spec: Any, scale: float) -> Any:
    shape = [None if side is None else _side(side, scale) for side in spec.shape[1:-1]]
    return tf.TensorSpec([None, *shape, spec.shape[-1]], spec.dtype)


def _fixed(model: Model) -> bool:
    """Whether the model declares sizes that are known, all of them."""
    return any(None not in leaf.shape[1:-1] for leaf in tf.nest.flatten(model.declared) if leaf is not None)


def _too_small(model: Model, shape: Any, scale: float) -> str:
    """Say how small a view may be: the smallest scale that works, found by halving."""
    low, high = min(scale, 1.0), 1.0
    for _ in range(6):
        middle = (low + high) / 2
        try:
            model.probe(tf.nest.map_structure(lambda leaf: _scaled_spec(leaf, middle), model.spec))  # noqa: B023
            high = middle
        except UnfitInput:
            low = middle
    least = " x ".join(str(_side(side, high)) for side in shape[1:-1])
    return (
        f"tta's scale {scale} makes views that {model.name} does not take: the smallest that work are {least}; choose "
        f"scales of at least {high:.2f}."
    )


def _mirrors(shape: Any) -> str:
    return ", which mirrors only" if shape.rank > 3 else ""


def _size(shape: Any) -> str:
    return " x ".join(str(side) for side in shape[1:-1])
