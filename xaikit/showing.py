"""Explanations drawn, each kind of data in its own way."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .core import Recipe, map_maps, positive_part, tf, to_heat, to_positions
from .core.filters import Show
from .core.layouts import Layout, inputs_inward, maps_inward
from .errors import InputError, ParameterError, UsageError
from .images import draw_series, draw_table, draw_tokens, draw_volumes, tokens_html, visualize
from .images.saving import Target, rendered

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NOTEBOOK = 8  # examples that a notebook shows
_SHOWS = ("auto", "for", "size", "signed")


def heat(maps: Any, inputs: Any, show: Show = "auto") -> Any:
    """Make maps to look at by the convention of `heatmap`.

    Args:
        maps: [N, ..., T], raw.
        inputs: [N, *positions, C], for their shape.
        show: "auto", "for", "size" or "signed".

    Returns:
        [N, *input positions, T], in [0, 1], or in [-1, 1] for "signed".
    """
    inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
    maps = tf.nest.map_structure(tf.convert_to_tensor, maps)
    shown = map_maps(lambda one, of: to_heat(one, of, show), maps, inputs)
    return tf.nest.map_structure(lambda leaf: leaf.numpy(), shown)


def plot(
    explained: Any,
    *,
    target: int,
    most: int,
    show: Show,
    labels: Sequence[str],
    names: Sequence[str],
    words: Any,
    inputs: Any,
    to: Target | None,
) -> "Figure":
    """Draw explanations: see `Explained.plot`."""
    layout, given = _at_hand(explained, inputs)
    _check(explained, target, most, show)
    count = min(most, len(given), len(explained.scores))
    data = inputs_inward(given[:count], layout)
    maps = maps_inward(explained.maps[:count], layout)[..., target : target + 1]
    looked_at = _is_heat(explained.explainer)
    titles = _titles(explained, count, target, labels)
    kind = _kind(layout)
    if kind == "tokens":
        heats = list(maps[..., 0] if looked_at else _part(maps[..., 0], show))
        return draw_tokens(_words(data, words), heats, titles, to=to)
    if kind == "table":
        heats = list(maps[..., 0] if looked_at else _part(maps[..., 0], show))
        return draw_table(list(data), heats, titles, names=names, to=to)
    if kind == "series":
        heats = list((maps if looked_at else _along(maps, data, show))[..., 0])
        return draw_series(list(data), heats, titles, names=names, signed=_signed(heats, show), to=to)
    heats = list((maps if looked_at else heat(maps, data, show))[..., 0])
    if kind == "volume":
        return draw_volumes(list(data), heats, titles, signed=_signed(heats, show), to=to)
    return visualize(list(data), titles, heats, signed=_signed(heats, show), to=to)


def picture(explained: Any) -> bytes | None:
    """Draw the first explanations as PNG; None where the inputs are not at hand, or of no kind that can be drawn."""
    try:
        return rendered(explained.plot(most=_NOTEBOOK))
    except (UsageError, InputError):
        return None


def markup(explained: Any) -> str | None:
    """Write the first explanations as HTML where they are of tokens; else None."""
    if explained.layout is None or explained.inputs is None or tf.nest.is_nested(explained.layout.spec):
        return None
    if tf.nest.is_nested(explained.maps) or _kind(explained.layout) != "tokens":
        return None
    words = _words(explained.inputs[:_NOTEBOOK], None)
    count = min(len(words), len(explained.scores))
    heats = list(explained.maps[:count, :, 0])
    return tokens_html(words[:count], heats, _titles(explained, count, 0, ()))


def _at_hand(explained: Any, inputs: Any) -> tuple[Layout, Any]:
    """Give one input as an array, with how it is to be read."""
    layout = explained.layout
    if layout is None or tf.nest.is_nested(layout.spec) or tf.nest.is_nested(explained.maps):
        raise UsageError(
            "Explanations of several inputs, or several maps of one, are not drawn at once: draw each with visualize, "
            "or with draw_series, draw_table, draw_tokens or draw_volumes of xaikit.images."
        )
    given = explained.inputs if inputs is None else np.asarray(inputs)
    if given is None:
        raise UsageError("The inputs are not at hand, since they did not come as an array: give plot(inputs=...).")
    wanted = layout.spec.shape.rank - (layout.channels == "none" and layout.spec.shape.rank > 2)
    if given.ndim != wanted:
        raise InputError(f"The inputs to draw must have {wanted} axes, as those that were explained, not {given.ndim}.")
    if not _kind(layout):
        raise InputError(f"Inputs with {wanted} axes are not drawn: tables, tokens, series, pictures and volumes are.")
    return layout, given


def _check(explained: Any, target: int, most: int, show: Show) -> None:
    columns = explained.scores.shape[1]
    if not 0 <= target < columns:
        raise ParameterError(f"target must be from 0 to {columns - 1}, a place among those explained, not {target}.")
    if most < 1:
        raise ParameterError(f"most must be at least 1, not {most}.")
    if show not in _SHOWS:
        raise ParameterError(f"show must be {', '.join(_SHOWS)}, not {show!r}.")


def _kind(layout: Layout) -> str:
    """Say what kind of data an input is, by its rank and type; "" for none that is drawn."""
    rank = layout.spec.shape.rank
    if rank == 2:
        return "tokens" if layout.spec.dtype.is_integer else "table"
    kinds = {3: "series", 4: "picture", 5: "volume"}
    return kinds.get(rank, "")


def _part(maps: Any, show: Show) -> Any:
    """Take the part of raw values that is asked for; "auto" is all of them."""
    if show == "size":
        return np.abs(maps)
    return maps.clip(0, None) if show == "for" else maps


def _along(maps: Any, inputs: Any, show: Show) -> Any:
    """Take the part that is asked for of the maps of series, at all their positions, the channels kept apart."""
    tensors = tf.convert_to_tensor(maps), tf.convert_to_tensor(inputs)
    there = to_positions(*tensors)
    located = maps.ndim == inputs.ndim
    if show == "size" or (show == "auto" and not located):
        return tf.abs(there).numpy()
    return (there if show == "signed" else positive_part(there)).numpy()


def _signed(heats: list[Any], show: Show) -> bool:
    return show == "signed" or any((heat < 0).any() for heat in heats)


def _words(tokens: Any, words: Any) -> list[list[str]]:
    """Give the words of each example: those given, or those of its tokens in the vocabulary, or the tokens' numbers."""
    if words is None:
        return [[str(token) for token in example] for example in tokens]
    if len(words) and isinstance(words[0], str):
        largest = int(np.max(tokens))
        if largest >= len(words) or np.min(tokens) < 0:
            raise ParameterError(f"words has {len(words)} entries, and none for token {largest}.")
        return [[words[int(token)] for token in example] for example in tokens]
    if len(words) < len(tokens):
        raise ParameterError(f"words must be those of each example: there are {len(tokens)} and {len(words)} words.")
    return [list(words[i]) for i in range(len(tokens))]


def _is_heat(explainer: Any) -> bool:
    return isinstance(explainer, Recipe) and explainer.name == "heatmap"


def _titles(explained: Any, count: int, target: int, labels: Sequence[str]) -> list[str]:
    scores = explained.scores[:count, target]
    if explained.targets is None:
        return [f"{score:.3g}" for score in scores]
    chosen = [int(index) for index in explained.targets[:count, target]]
    names = [labels[index] if index < len(labels) else f"class {index}" for index in chosen]
    return [f"{name}: {score:.3g}" for name, score in zip(names, scores, strict=True)]
