"""Slow modules, imported when they are first used: TensorFlow takes ten seconds, and a listing needs none of them."""

import os
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module, metadata, util
from typing import Any

from ..errors import SetupError

LEAST_TENSORFLOW = (2, 20)
LEAST_KERAS = (3, 15, 1)


class Lazy:
    """A module that is imported when an attribute of it is first read, after `ready` was called."""

    def __init__(self, name: str, ready: Callable[[], None]) -> None:
        self._name = name
        self._ready = ready

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # tools that look at modules must not cost an import
            raise AttributeError(attribute)
        self._ready()
        found = getattr(import_module(self._name), attribute)
        self.__dict__[attribute] = found  # the next time it is found without us
        return found

    def __repr__(self) -> str:
        return f"<lazy module {self._name}>"


@cache
def check_environment() -> None:
    """Import TensorFlow and Keras, once.

    Raises:
        SetupError: TensorFlow is missing or too old, Keras is too old, or Keras runs on another backend.
    """
    if os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true"):
        raise SetupError("TF_USE_LEGACY_KERAS asks for Keras 2, and xaikit explains Keras 3 models: unset it.")
    _check_backend(os.environ.get("KERAS_BACKEND") or "tensorflow", "KERAS_BACKEND asks for")
    spec = util.find_spec("tensorflow")
    if spec is None or spec.origin is None:  # an origin of None is an empty folder that an uninstall left
        raise SetupError("TensorFlow is not installed: pip install 'xaikit[cpu]', or 'xaikit[gpu]' for NVIDIA devices.")
    _check_version("keras", LEAST_KERAS, "earlier ones load hostile model files")
    try:
        tensorflow = import_module("tensorflow")
        keras = import_module("keras")
    except ImportError as error:
        raise SetupError(f"TensorFlow cannot be imported ({error}): install it again in a new environment.") from error
    if _numbers(tensorflow.__version__) < LEAST_TENSORFLOW:
        raise SetupError(
            f"xaikit needs TensorFlow >= 2.20, not {tensorflow.__version__}: pip install -U 'xaikit[cpu]'."
        )
    _check_backend(keras.config.backend(), "Keras is set to")


def _check_backend(backend: str, says: str) -> None:
    if backend != "tensorflow":
        raise SetupError(
            f"{says} the {backend!r} backend, and xaikit runs on TensorFlow: set KERAS_BACKEND=tensorflow."
        )


def _check_version(distribution: str, least: tuple[int, ...], why: str) -> None:
    try:
        found = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        raise SetupError(f"{distribution} is not installed: pip install -U {distribution}.") from None
    if _numbers(found) < least:
        wanted = ".".join(map(str, least))
        raise SetupError(
            f"xaikit needs {distribution} >= {wanted}, not {found} ({why}): pip install -U {distribution}."
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


tf: Any = Lazy("tensorflow", check_environment)
keras: Any = Lazy("keras", check_environment)
np: Any = Lazy("numpy", lambda: None)
