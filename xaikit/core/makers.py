"""Whose an explainer or a metric is, so that what goes wrong in it is said with the plugin's name.

Who brings values claims them; what nobody claimed is built in, or the user's own, and its exceptions pass as they are.
The innermost value that was running answers for an exception.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import PluginError
from .declaration import Declared
from .lazy import tf

_claims: "WeakKeyDictionary[Any, str]" = WeakKeyDictionary()
_named: list[tuple[str, str]] = []  # a value's name and its maker, at the number that its ops bear
_SCOPE = re.compile(r"xaikit-plugin-(\d+)-op|xaikit-nobodys-op")
_MEMORY = re.compile(r"resource ?exhausted|out of memory|OOM when|failed to allocate", re.IGNORECASE)
_NODE = re.compile(r"{{node ([^}]+)}}")


def claim(value: Any, maker: str) -> None:
    """Say whose a method, a transformer or a metric is, such as "xaikit-contrast 0.1.0"; copies of it are too."""
    with suppress(TypeError):  # what cannot be referred to weakly stays anonymous
        _claims[_key(value)] = maker


def maker(value: Any) -> str:
    """Give whose a value is, or "" where nobody claimed it."""
    try:
        return _claims.get(_key(value), "")
    except TypeError:
        return ""


def whose(value: Any) -> str:
    """Name a value in a message, with its plugin if it has one."""
    return f"{_name(value)}, of the plugin {maker(value)}," if maker(value) else repr(value)


@contextmanager
def answering(value: Any) -> Iterator[None]:
    """Run code of a value's: what it raises is the plugin's fault, if the value is a plugin's.

    Raises:
        PluginError: Any exception but xaikit's own, which says what it means. The exception is its cause.
    """
    try:
        with _scope(value):
            yield
    except Exception as error:
        if _settled(error):
            raise
        if not maker(value):
            with suppress(AttributeError):
                error._xaikit_settled = True  # type: ignore[attr-defined]
            raise
        raise PluginError(f"{whose(value)} failed: {_told(error)}") from error


def guarded(value: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function of a value's, for which the value answers when it is called."""

    def call(*arguments: Any) -> Any:
        with answering(value):
            return function(*arguments)

    return call


@contextmanager
def running() -> Iterator[None]:
    """Run what was traced: an op that fails is its plugin's fault, if a plugin made it.

    Raises:
        PluginError: As above. Ops bear the name of the plugin whose code made them.
    """
    try:
        yield
    except Exception as error:
        node = None if _settled(error) else _NODE.search(str(error))
        numbers = _SCOPE.findall(node[1]) if node else []
        if not numbers or not numbers[-1]:
            raise
        name, made_by = _named[int(numbers[-1])]
        raise PluginError(f"{name}, of the plugin {made_by}, failed: {_told(error)}") from error


def _key(value: Any) -> Any:
    return value.declaration if isinstance(value, Declared) else value


def _name(value: Any) -> str:
    return str(value.name) if isinstance(value, Declared) else repr(value)


def _scope(value: Any) -> Any:
    """Mark ops with the plugin's number; what is built in marks its own only inside of a plugin's code."""
    if maker(value):
        named = (_name(value), maker(value))
        if named not in _named:
            _named.append(named)
        return tf.name_scope(f"xaikit-plugin-{_named.index(named)}-op")
    inside = _named and "xaikit-plugin-" in tf.get_current_name_scope()
    return tf.name_scope("xaikit-nobodys-op") if inside else nullcontext()


def _settled(error: Exception) -> bool:
    """Whether an exception is known to be no plugin's fault: xaikit's own, somebody else's, or a lack of memory."""
    if type(error).__module__.partition(".")[0] == "xaikit" or hasattr(error, "_xaikit_settled"):
        return True
    return isinstance(error, MemoryError) or _MEMORY.search(f"{type(error).__name__} {error}") is not None


def _told(error: Exception) -> str:
    """Say what an exception says, in one line: TensorFlow's begin with where they come from."""
    noise = ("Graph execution error", "Detected at node", "Traceback", " ", "\t")
    lines = [line for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(noise)] or lines or ["it does not say why"]
    return f"{type(error).__name__}: {said[0].strip()[:300]}"
