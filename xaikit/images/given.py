"""What drawings are given, as one thing for each example."""

from collections.abc import Sequence
from typing import Any

from ..errors import InputError, ParameterError


def each_title(titles: str | Sequence[str | None] | None, count: int, subject: str) -> list[str]:
    """Give one title for each of `count` examples.

    Raises:
        ParameterError: There are more or fewer.
    """
    each = [titles] if isinstance(titles, str) else list(titles or [None] * count)
    return ["" if title is None else str(title) for title in one_each("titles", each, count, subject)]


def one_each(name: str, each: list[Any], count: int, subject: str) -> list[Any]:
    """Refuse a list of another length than there are examples.

    Raises:
        ParameterError: It has.
    """
    if len(each) != count:
        several = subject if subject.endswith("s") else f"{subject}s"
        raise ParameterError(
            f"{name} must be one for each {subject}: there are {count} {several} and {len(each)} {name}."
        )
    return each


def some(each: list[Any], subject: str) -> list[Any]:
    """Refuse an empty list.

    Raises:
        InputError: There is nothing to draw.
    """
    if not each:
        raise InputError(f"There is no {subject} to draw.")
    return each


def check_columns(cols: int, size: float) -> None:
    """Refuse a page that cannot be laid out.

    Raises:
        ParameterError: `cols` is below 1, or `size` no width for a cell.
    """
    if cols < 1:
        raise ParameterError(f"cols must be at least 1, not {cols}.")
    if not 1 <= size <= 40:
        raise ParameterError(f"size must be from 1 to 40 inches, not {size}.")


def examples(values: Any, one: int, subject: str) -> list[Any]:
    """Give the examples of a batch, a list, or one array with at most `one` axes.

    Raises:
        InputError: There are none.
    """
    if isinstance(values, list | tuple):
        return some(list(values), subject)
    return some([values] if getattr(values, "ndim", 0) <= one else list(values), subject)
