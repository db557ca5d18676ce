"""The plugins, each imported in a child process of its own."""

from collections.abc import Iterator

from ..errors import PluginError, XaikitError
from ..registry import Plugin, Registry, registry
from .children import Outcome, in_child
from .finding import Finding, fine, problem, warning


def plugins(seconds: float) -> Iterator[Finding]:
    """Look at xaikit's own methods, and then at each plugin, which has so many seconds."""
    builtin = Registry(only=[])
    yield own(builtin)
    taken = dict.fromkeys(builtin.catalogue, "xaikit")
    for plugin in registry().found:
        if plugin.builtin:
            continue
        if plugin.status == "blocked":
            yield fine(f"plugin {plugin.label}", "switched off")
            continue
        outcome = in_child("plugin", plugin.distribution, plugin.name, seconds=seconds)
        yield judged(plugin, outcome, taken)
        taken |= dict.fromkeys((outcome.report or {}).get("offers", ()), plugin.label)


def own(builtin: Registry) -> Finding:
    """Judge what xaikit brings itself."""
    failed = [f"{plugin.name} ({plugin.problem})" for plugin in builtin.plugins if plugin.status == "failed"]
    if failed:
        advice = "Install xaikit again: pip install --force-reinstall --no-deps xaikit."
        return problem("xaikit", f"its own {' and '.join(failed)} cannot be imported", advice, XaikitError.exit_code)
    kinds = [entry.kind for entry in builtin.catalogue.values()]
    return fine("xaikit", ", ".join(f"{kinds.count(kind)} {kind}s" for kind in ("method", "transformer", "metric")))


def judged(plugin: Plugin, outcome: Outcome, taken: dict[str, str]) -> Finding:
    """Judge what came of importing a plugin.

    Args:
        plugin: Which.
        outcome: Of the child.
        taken: Whose the names are that others offer.
    """
    subject, report = f"plugin {plugin.label}", outcome.report
    update = (
        f"Update it, pip install -U {plugin.distribution}, or do without it: pip uninstall {plugin.distribution}, "
        f"or --block {plugin.distribution}."
    )
    if report is None:
        return problem(subject, f"importing it fails: {outcome.ended}", update, PluginError.exit_code)
    if report["status"] != "ready":
        return problem(subject, report["problem"], update, PluginError.exit_code)
    found = f"{plugin.version}, {report['seconds']:.2f} s: {', '.join(report['offers']) or 'nothing'}"
    clashes = [name for name in report["offers"] if name in taken]
    if clashes:
        whose = ", ".join(f"{name} of {taken[name]}" for name in clashes)
        written = ", ".join(f"{plugin.distribution}:{name}" for name in clashes)
        return warning(subject, f"{found}; there is also {whose}", f"Write {written}.")
    if report["heavy"]:
        advice = "Its author should take tf from xaikit.core, which waits until it is used."
        return warning(subject, f"{found}; importing it imports TensorFlow, so that every command waits", advice)
    return fine(subject, found)
