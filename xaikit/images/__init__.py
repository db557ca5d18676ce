"""Explanations drawn: pictures with their heat, series, tables, words and volumes; and pictures read from files."""

from .grids import picture_card, visualize
from .overlays import colour, overlay
from .reading import ENDINGS, Picture, find_pictures, grey, read, to_size
from .series import draw_series
from .shown import shown
from .tables import draw_table
from .tokens import draw_tokens, tokens_html, tokens_text
from .volumes import draw_volumes

__all__ = [
    "ENDINGS",
    "Picture",
    "colour",
    "draw_series",
    "draw_table",
    "draw_tokens",
    "draw_volumes",
    "find_pictures",
    "grey",
    "overlay",
    "picture_card",
    "read",
    "shown",
    "to_size",
    "tokens_html",
    "tokens_text",
    "visualize",
]
