"""Maps of several explainers, brought to one grid so that they can be combined."""

from collections.abc import Sequence

from ..errors import ModelError
from .explanation import Tensor
from .geometry import fitting, is_location, to_positions
from .lazy import tf


def on_one_grid(several: Sequence[Tensor], inputs: Tensor) -> list[Tensor]:
    """Bring maps of the same inputs to shapes that broadcast against each other.

    Maps of one shape stay as they are. Others are resized to the inputs' positions, and where some maps are
    input-shaped, location maps [B, *positions, T] become [B, *positions, 1, T], the same for every channel.

    Raises:
        ModelError: The model has several inputs, and the maps do not lie on the same ones.
    """
    leaves = tf.nest.flatten(inputs)
    bare = [tf.is_tensor(maps) for maps in several]
    if all(bare):
        if _alike(several):
            return list(several)
        places = [fitting(maps, inputs) for maps in several]
        if all(place is places[0] for place in places):
            return _aligned(several, places[0])
    if any(bare) and len(leaves) > 1:
        raise ModelError(
            "The model has several inputs, and these maps do not lie on the same ones: combine maps of one kind."
        )
    columns = zip(*map(tf.nest.flatten, several), strict=True)
    aligned = [_aligned(maps, leaf) for maps, leaf in zip(columns, leaves, strict=True)]
    return [tf.nest.pack_sequence_as(inputs, maps) for maps in zip(*aligned, strict=True)]


def _alike(several: Sequence[Tensor]) -> bool:
    """Whether maps have the same shape, as far as can be known while tracing."""
    shapes = [maps.shape[1:-1] for maps in several]
    return all(shape.is_fully_defined() and shape == shapes[0] for shape in shapes)


def _aligned(several: Sequence[Tensor], inputs: Tensor) -> list[Tensor]:
    """Bring maps of one input to one grid."""
    if _alike(several):
        return list(several)
    there = [to_positions(maps, inputs) for maps in several]
    located = [is_location(maps, inputs) for maps in there]
    if all(located):
        return there
    return [maps[..., tf.newaxis, :] if flat else maps for maps, flat in zip(there, located, strict=True)]
