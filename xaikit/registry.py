"""Discovery: the catalogue of explainers, the plugins that brought them, and `find`.

Every explainer comes from an entry point of the group `xaikit`, the built-in ones by the same door. Plugins are
isolated: one that fails is recorded, and the others go on working. Built-ins win over plugins, and of two plugins that
offer one name neither wins: `distribution:name` reaches each.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import metadata
from typing import Any

import pluggy

from . import hookspecs
from .core import Explainer
from .core.declaration import Declared
from .core.expression import read
from .core.makers import claim
from .errors import PluginError, UnknownName, UsageError
from .measuring import Metric

GROUP = "xaikit"
SELECT = "XAIKIT_PLUGINS"


@dataclass
class Plugin:
    """One entry point, and what came of it.

    Attributes:
        name: The entry point's name.
        distribution: The package that it belongs to.
        version: The package's version.
        module: What the entry point names.
        builtin: Whether it is xaikit's own.
        status: "ready", "failed", "blocked", or "waiting" where it was not imported yet.
        problem: What went wrong, in one line.
        seconds: How long importing it took.
        heavy: Whether importing it imported TensorFlow; None where that was there before, or nothing was imported.
        explainers: What it offers, by name.
    """

    name: str
    distribution: str
    version: str
    module: str
    builtin: bool
    status: str = "waiting"
    problem: str = ""
    seconds: float = 0.0
    heavy: bool | None = None
    explainers: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name for messages: the distribution's, with the entry point's where they differ."""
        return self.distribution if self.name == self.distribution else f"{self.distribution} ({self.name})"

    @property
    def maker(self) -> str:
        """Its distribution with the version, for messages about what it offers."""
        return f"{self.distribution} {self.version}".strip()


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue.

    Attributes:
        name: What to write in an expression, qualified where the plain name is another's.
        value: The method, transformer or metric.
        origin: The distribution that it comes from.
    """

    name: str
    value: Any
    origin: str

    @property
    def kind(self) -> str:
        """Either "method", "transformer" or "metric"."""
        return self.value.declaration.kind if isinstance(self.value, Declared) else "method"

    @property
    def summary(self) -> str:
        """Its docstring's first line."""
        if isinstance(self.value, Declared):
            return self.value.declaration.docstring.summary
        return (getattr(self.value, "__doc__", None) or "").strip().split("\n")[0]


class Registry:
    """What was found, imported when it is needed.

    Args:
        entry_points: The entry points; by default those of the installed packages.
        only: The plugins to use, by distribution or entry point's name; None uses all. Built-ins are always used.
        block: Plugins not to use.
    """

    def __init__(
        self,
        entry_points: Iterable[metadata.EntryPoint] | None = None,
        *,
        only: Sequence[str] | None = None,
        block: Sequence[str] = (),
    ) -> None:
        points = metadata.entry_points(group=GROUP) if entry_points is None else entry_points
        self._points = {(plugin.distribution, plugin.name): (plugin, point) for plugin, point in _plugins(points)}
        for plugin, _ in self._points.values():
            names = {plugin.name, plugin.distribution}
            if not plugin.builtin and ((only is not None and not names & set(only)) or names & set(block)):
                plugin.status = "blocked"
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)

    @property
    def found(self) -> list[Plugin]:
        """Every plugin, the built-in ones first, imported or not."""
        return [plugin for plugin, _ in self._points.values()]

    @property
    def plugins(self) -> list[Plugin]:
        """Every plugin, the built-in ones first, all of them imported."""
        for plugin, point in self._points.values():
            self._load(plugin, point)
        return self.found

    @cached_property
    def _builtin(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for plugin, point in self._points.values():
            if plugin.builtin:
                self._load(plugin, point)
                entries |= {name: Entry(name, e, plugin.distribution) for name, e in plugin.explainers.items()}
        return entries

    @cached_property
    def catalogue(self) -> dict[str, Entry]:
        """Every explainer by the name that reaches it, sorted; names that clash are qualified."""
        entries = dict(self._builtin)
        others = [plugin for plugin in self.plugins if not plugin.builtin]
        for plugin in others:
            for name, explainer in plugin.explainers.items():
                rivals = [p for p in others if p is not plugin and name in p.explainers]
                if name in self._builtin or rivals:
                    whose = "xaikit" if name in self._builtin else rivals[0].label
                    _complain(plugin, f"{name!r} is offered by {whose} too: write {plugin.distribution}:{name}")
                    name = f"{plugin.distribution}:{name}"
                    explainer = _renamed(explainer, name)
                    claim(explainer, plugin.maker)
                entries[name] = Entry(name, explainer, plugin.distribution)
        return dict(sorted(entries.items()))

    def entry(self, name: str) -> Entry:
        """Find one line of the catalogue; a plugin is imported only if no built-in has the name.

        Raises:
            UnknownName: Nobody offers it.
            PluginError: Several plugins offer it, or the one that is asked for by name failed.
        """
        if name in self._builtin:
            return self._builtin[name]
        if name in self.catalogue:
            return self.catalogue[name]
        distribution, _, plain = name.rpartition(":")
        for plugin, _ in self._points.values():
            if distribution == plugin.distribution and plain in plugin.explainers:
                return Entry(plain, plugin.explainers[plain], distribution)
            if distribution == plugin.distribution and plugin.status in ("failed", "blocked"):
                raise PluginError(
                    f"Plugin {plugin.label} is {plugin.status}: {plugin.problem or 'it was switched off'}."
                )
        same = [other for other in self.catalogue if other.endswith(f":{name}")]
        if same:
            raise PluginError(f"Several plugins offer {name!r}: write {' or '.join(same)}.")
        failed = [plugin.label for plugin, _ in self._points.values() if plugin.status == "failed"]
        hint = f"These plugins failed, see `xaikit plugins`: {', '.join(failed)}." if failed else ""
        raise UnknownName("method, transformer or metric", name, self.catalogue, hint=hint)

    def find(self, text: str) -> Any:
        """Read an expression with the names of this registry."""
        if not isinstance(text, str):
            raise UsageError(f"An expression must be a text, not {type(text).__name__}.")
        return read(text, lambda name: self.entry(name).value)

    def _load(self, plugin: Plugin, point: metadata.EntryPoint) -> None:
        """Import a plugin and ask it what it offers; whatever it does wrong is recorded, and it offers nothing."""
        if plugin.status != "waiting":
            return
        start = time.perf_counter()
        light = "tensorflow" not in sys.modules
        name = f"{plugin.distribution}:{plugin.name}"
        try:
            with contextlib.redirect_stdout(sys.stderr):  # results alone belong on stdout
                thing = point.load()
                _check_version(getattr(thing, "xaikit_api", getattr(sys.modules.get(point.module), "xaikit_api", None)))
                self._manager.register(thing, name=name)
                self._manager.check_pending()
                plugin.explainers = self._offered(plugin, thing)
            if not plugin.builtin:
                for value in plugin.explainers.values():
                    claim(value, plugin.maker)
            plugin.status = "ready"
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # also SystemExit: whatever a plugin does, the others go on working
            plugin.status = "failed"
            plugin.problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            missing = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
            if missing == "xaikit" and not plugin.builtin:
                plugin.problem += " (it was written for another version of xaikit: update one of the two)"
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
        plugin.seconds = time.perf_counter() - start
        plugin.heavy = "tensorflow" in sys.modules if light else None

    def _offered(self, plugin: Plugin, thing: Any) -> dict[str, Any]:
        offered: dict[str, Any] = {}
        callers = self._manager.get_hookcallers(thing) or []
        if not callers:
            raise PluginError("it has none of xaikit's hooks, such as xaikit_explainers marked with @hookimpl")
        for caller in callers:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is thing:
                    _collect(caller.name, implementation.function(), offered)
        for other, _ in self._points.values():
            twice = offered.keys() & other.explainers.keys()
            if other.distribution == plugin.distribution and twice:
                raise PluginError(f"{other.name!r} of the same distribution offers {min(twice)!r} already")
        return offered


def _check_version(version: Any) -> None:
    """Refuse a plugin that was written for another version of the hooks."""
    if version is None:
        return
    if not isinstance(version, int) or isinstance(version, bool):
        raise PluginError(f"xaikit_api must be a whole number, such as {hookspecs.API}, not {version!r}")
    if not hookspecs.OLDEST_API <= version <= hookspecs.API:
        update = "xaikit" if version > hookspecs.API else "the plugin"
        raise PluginError(
            f"it was written for version {version} of the plugin interface, and this xaikit has version "
            f"{hookspecs.API}: update {update}"
        )


_WANTED = {
    "xaikit_explainers": ("explainers", "method or transformer", Explainer),
    "xaikit_metrics": ("metrics", "metric", Metric),
}


def _collect(hook: str, given: Any, offered: dict[str, Any]) -> None:
    things, wanted, kind = _WANTED[hook]
    if not isinstance(given, (list, tuple)):
        raise PluginError(f"{hook} must return a list of {things}, not {type(given).__name__}")
    for value in given:
        name = getattr(value, "name", None) or getattr(value, "__name__", None)
        fits = isinstance(value, kind) and isinstance(value, Metric) == (kind is Metric)
        if not fits or isinstance(value, type) or not isinstance(name, str):
            raise PluginError(f"{hook} returned {value!r}, which is no {wanted}")
        if not name.isidentifier():
            raise PluginError(f"the name {name!r} cannot be written in an expression")
        if name in offered:
            raise PluginError(f"it offers two {things} named {name!r}")
        offered[name] = value


def _plugins(points: Iterable[metadata.EntryPoint]) -> list[tuple[Plugin, metadata.EntryPoint]]:
    found = []
    for point in points:
        distribution, version = _package(point)
        builtin = distribution == "xaikit"
        found.append((Plugin(point.name, distribution, version, point.value, builtin), point))
    return sorted(found, key=lambda pair: (not pair[0].builtin, pair[0].distribution, pair[0].name))


def _package(point: metadata.EntryPoint) -> tuple[str, str]:
    """Give the name and version of the package of an entry point; one that was half removed has neither."""
    if point.dist is None:
        return point.value, ""
    try:
        return point.dist.name or point.value, point.dist.metadata["Version"] or ""
    except OSError:  # so says the backport of importlib.metadata, which takes its place where a package imports it
        return point.value, ""


def _renamed(explainer: Any, name: str) -> Any:
    """Give a copy that spells itself by the name that reads back."""
    if not isinstance(explainer, Declared):
        return explainer
    return replace(explainer, declaration=replace(explainer.declaration, name=name))


def _complain(plugin: Plugin, problem: str) -> None:
    plugin.problem = f"{plugin.problem}; {problem}" if plugin.problem else problem


_registry: Registry | None = None


def registry() -> Registry:
    """Give the registry of this process, made when it is first needed: `XAIKIT_PLUGINS` says which plugins it uses."""
    if _registry is None:
        configure()
    assert _registry is not None
    return _registry


def configure(*, no_plugins: bool = False, block: Sequence[str] = ()) -> None:
    """Make the registry anew, with plugins switched off.

    Args:
        no_plugins: Use built-ins alone.
        block: Plugins not to use, by distribution or entry point's name.
    """
    global _registry
    selected = os.environ.get(SELECT)
    only = None if selected is None else [name.strip() for name in selected.split(",") if name.strip()]
    _registry = Registry(only=[] if no_plugins else only, block=block)


def find(text: str) -> Any:
    """Read an expression: the inverse of `repr`.

    Args:
        text: A name, or a composition such as "smooth(tta(gradcam), repetitions=50)".

    Raises:
        ExpressionError: The text is no expression; the message points at the place.
        UnknownName: Nobody offers a name; the nearest one is suggested.
        ParameterError: A parameter's value is refused.
        PluginError: A name belongs to a plugin that failed, or to several.
    """
    return registry().find(text)
