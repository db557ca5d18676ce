"""The built-in metrics, which come in by their entry point like everybody else's."""

from importlib import import_module
from pkgutil import iter_modules

from ..hookspecs import hookimpl


@hookimpl
def xaikit_metrics() -> list[object]:
    """Give the metrics: one file each, which bears the metric's name."""
    return [getattr(import_module(f"{__name__}.{file.name}"), file.name) for file in iter_modules(__path__)]
