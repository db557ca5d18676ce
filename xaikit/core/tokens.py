"""Tokens laid out as a grid: which positions of the input the tokens of a layer stand for."""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Annotated, Any, NamedTuple, TypeAlias

from pydantic import Field

from ..errors import ModelError, ParameterError
from .copies import dims
from .explanation import Tensor
from .lazy import tf

# the positions of tokens, one number for each axis; none, (), has them found
Sides: TypeAlias = tuple[Annotated[int, Field(ge=1)], ...]

# class tokens that models have: one, one and one for distillation; four or eight registers, after a class token or not
_SPECIAL = (0, 1, 2, 4, 5, 8, 9)


class Grid(NamedTuple):
    """Where the tokens [B, N, K] of a layer stand.

    Attributes:
        sides: Positions along each axis, (14, 14): the tokens' order is the first axis by the first.
        special: How many class and register tokens come before them.
    """

    sides: tuple[int, ...]
    special: int = 0

    def lay(self, tokens: Tensor) -> Tensor:
        """Lay tokens [B, N, K] on their positions: [B, *sides, K], without those of no position.

        Raises:
            ModelError: There are other tokens than the grid was made for, and they fit no such grid.
        """
        rows, count, channels = dims(tokens)
        sides = self._fitting(count).sides
        return tf.reshape(tokens[:, self.special :], [rows, *sides, channels])

    def put(self, laid: Tensor, tokens: Tensor) -> Tensor:
        """Put what was laid out, [B, *sides, K], back in its place among `tokens` [B, N, K]."""
        rows, count, channels = dims(tokens)
        flat = tf.reshape(laid, [rows, count - self.special, channels])
        return tf.concat([tokens[:, : self.special], flat], axis=1) if self.special else flat

    def _fitting(self, count: Any) -> "Grid":
        """Give the grid of the same shape for another number of tokens, of a view of another size."""
        if not isinstance(count, int) or count == self.special + prod(self.sides):
            return self
        found = _laid(count - self.special, self.sides)
        if found is None:
            raise ModelError(f"{count} tokens do not fit a grid of the shape {self}, which those of the input have.")
        return Grid(found, self.special)

    def __str__(self) -> str:
        words = {0: "", 1: " after 1 class token"}
        return " x ".join(map(str, self.sides)) + words.get(self.special, f" after {self.special} class tokens")


def grid_of(count: int | None, inputs: Sequence[Any], given: Sides = (), *, subject: str, least: int = 0) -> Grid:
    """Find the positions that `count` tokens stand for.

    The grid is that of the input's aspect ratio, or of square patches of it with what is left over at the border cut
    or filled up, after the fewest class and register tokens (0, 1, 2, 4, 5, 8 or 9) for which there is such a grid.
    Along one axis of positions, as of a text, tokens beyond the input's own length are such tokens.

    Args:
        count: How many tokens there are.
        inputs: The inputs' shapes [B, *positions, C] or [B, features]; those with most axes count first.
        given: The grid's sides, where they are known; the tokens that are left over come first.
        subject: What has the tokens, for messages.
        least: How many class tokens are expected at least.

    Raises:
        ParameterError: A given grid has not as many sides as an input has axes of positions.
        ModelError: There is no such grid; the message says how to give it.
    """
    if count is None:
        raise ModelError(f"{subject} does not say how many tokens it has: trace the step with the inputs' whole shape.")
    if given:
        axes = sorted({max(1, len(shape) - 2) for shape in inputs})
        if len(given) not in axes:
            text = " or ".join(map(str, axes))
            raise ParameterError(
                f"grid must have one side for each axis of the input's positions ({text}), not {given}."
            )
        if count < prod(given):
            text = " x ".join(map(str, given))
            raise ModelError(f"{subject} has {count} tokens, fewer than the {prod(given)} of a grid of {text}.")
        return Grid(given, count - prod(given))
    for shape in sorted((shape for shape in inputs if len(shape) > 1), key=len, reverse=True):
        found = _found(count, tuple(shape[1:-1]) or tuple(shape[1:]), least, dense=len(shape) > 2)
        if found is not None:
            return found
    raise ModelError(
        f"{subject} has {count} tokens, which fit no grid of the input's shape after 0, 1, 2, 4, 5, 8 or 9 "
        "class tokens: give it, like grid=(14, 14)."
    )


def _found(count: int, sides: tuple[Any, ...], least: int, *, dense: bool) -> Grid | None:
    if None in sides:
        return None
    if len(sides) == 1:
        special = 0 if count == sides[0] else max(least, count - sides[0])
        # fewer tokens than positions are patches of a series; those of a text or a table are something else
        return Grid((count - special,), special) if special in _SPECIAL and (dense or count >= sides[0]) else None
    order = sorted(_SPECIAL, key=lambda special: special < least)  # what is not expected comes last
    grids = ((_laid(count - special, sides), special) for special in order)
    return next((Grid(laid, special) for laid, special in grids if laid is not None), None)


def _laid(count: int, sides: tuple[int, ...]) -> tuple[int, ...] | None:
    """Lay `count` positions as the sides are: in their own ratio, or by square patches, cut or filled up."""
    if count < 2:
        return None
    whole = round((count / prod(sides)) ** (1 / len(sides)) * sides[0])
    exact = [(first, *(first * side // sides[0] for side in sides[1:])) for first in (whole,)]
    exact = [grid for grid in exact if all(n * sides[0] == grid[0] * side for n, side in zip(grid, sides, strict=True))]
    patches = (
        tuple(-(-side // patch) if up else side // patch for side in sides)
        for patch, up in product(range(1, max(sides) + 1), (False, True))
    )
    return next((grid for grid in (*exact, *patches) if prod(grid) == count), None)
