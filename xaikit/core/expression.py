"""Expressions: read by a small walk over Python's own syntax tree, never evaluated.

    smooth(tta(gradcam(layer="conv5")), repetitions=50)

Names, calls and literals, and nothing else. A name may carry the distribution that it comes from, as in
`xaikit-contrast:contrast`.
"""

import ast
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..errors import ExpressionError
from .declaration import Declared

_QUALIFIED = re.compile(r"[A-Za-z0-9][\w.-]*:[A-Za-z_]\w*")
_STRING = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_LONGEST = 10_000


def read(text: str, look_up: Callable[[str], Any]) -> Any:
    """Read an expression.

    Args:
        text: Such as `smooth(gradcam, repetitions=50)`.
        look_up: From a name to an explainer; it raises UnknownName.

    Raises:
        ExpressionError: The text is none; the message points at the place.
        UsageError: What is written does not fit together, such as a method around an explainer.
    """
    if len(text) > _LONGEST:
        raise ExpressionError(f"The expression has {len(text)} characters, and {_LONGEST} are the most.")
    try:
        tree, names = _parsed(text.strip())
        explainer = _Reader(text.strip(), names, look_up).explainer(tree)
    except (SyntaxError, ValueError) as error:
        column = getattr(error, "offset", None) or 1
        reason = getattr(error, "msg", str(error))
        raise ExpressionError(_pointed(text.strip(), column - 1, reason)) from None
    except (RecursionError, MemoryError):
        raise ExpressionError("The expression is nested too deeply to be read.") from None
    return explainer


@lru_cache
def _parsed(text: str) -> tuple[ast.expr, dict[str, str]]:
    """Give the tree of an expression, and which qualified names its plain ones stand for; neither is to be changed."""
    source, names = _without_qualifiers(text)
    return ast.parse(source, mode="eval").body, names


def _without_qualifiers(text: str) -> tuple[str, dict[str, str]]:
    """Put a plain name of the same length in the place of each `distribution:name`, outside of strings."""
    names: dict[str, str] = {}

    def replaced(match: re.Match[str]) -> str:
        plain = f"q{len(names)}".ljust(len(match[0]), "_")
        names[plain] = match[0]
        return plain

    pieces, end = [], 0
    for string in _STRING.finditer(text):
        pieces += [_QUALIFIED.sub(replaced, text[end : string.start()]), string[0]]
        end = string.end()
    return "".join([*pieces, _QUALIFIED.sub(replaced, text[end:])]), names


class _Reader:
    """A walk over the tree of one expression."""

    def __init__(self, text: str, names: dict[str, str], look_up: Callable[[str], Any]) -> None:
        self.text = text
        self.names = names
        self.look_up = look_up

    def explainer(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return self.look_up(self.names.get(node.id, node.id))
        if isinstance(node, ast.Call):
            return self.call(node)
        raise self.error(node, "here belongs a name or a call, such as smooth(gradcam)")

    def call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name):
            raise self.error(node.func, "only a name can be called")
        callee = self.explainer(node.func)
        operands = [self.operand(argument, callee) for argument in node.args]
        parameters: dict[str, Any] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self.error(keyword.value, "parameters are written out as name=value")
            parameters[keyword.arg] = self.literal(keyword.value)
        measures = isinstance(callee, Declared) and callee.declaration.kind == "metric"
        if isinstance(callee, Declared) and not (measures and operands):
            return callee(*operands, **parameters)
        if operands or parameters:
            raise self.error(node, f"{node.func.id!r} takes no {'' if measures else 'parameters, and no '}explainers")
        return callee

    def operand(self, node: ast.expr, callee: Any) -> Any:
        if isinstance(node, ast.Constant):
            names = ", ".join(getattr(callee, "parameters", {})) or "none"
            raise self.error(node, f"a parameter needs its name (there are: {names})")
        return self.explainer(node)

    def literal(self, node: ast.expr) -> Any:
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError):
            raise self.error(node, "here belongs a value: a number, a text in quotes, a tuple, True or False") from None

    def error(self, node: ast.expr, reason: str) -> ExpressionError:
        return ExpressionError(_pointed(self.text, node.col_offset, reason))


def _pointed(text: str, column: int, reason: str) -> str:
    """Point at the place, in one line."""
    found = text.encode()[column:].decode(errors="ignore") if column < len(text.encode()) else ""
    place = f"at {found[:20]!r}, column {column + 1}" if found else "at its end"
    return f"Cannot read {text[:200]!r} {place}: {reason}."
