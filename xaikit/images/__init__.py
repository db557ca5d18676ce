"""Pictures: read them, lay heat over them, set them side by side."""

from .grids import picture_card, visualize
from .overlays import colour, overlay
from .reading import ENDINGS, Picture, find_pictures, grey, read, to_size
from .shown import shown

__all__ = [
    "ENDINGS",
    "Picture",
    "colour",
    "find_pictures",
    "grey",
    "overlay",
    "picture_card",
    "read",
    "shown",
    "to_size",
    "visualize",
]
