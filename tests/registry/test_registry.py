"""Plugins are found, isolated, and told apart; built-ins go on working whatever a plugin does."""

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import xaikit
from tests.registry.sources import HEAD, HOOK, METHOD, entry_points, good
from xaikit.core import Recipe
from xaikit.errors import ExpressionError, PluginError, UnknownName, UsageError
from xaikit.registry import SELECT, Registry, configure, registry

# what a plugin's module says, and what is recorded of it
FAULTS = {
    "a module that it needs is missing": ("import a_module_that_nobody_has", "ModuleNotFoundError: No module named"),
    "import fails": ("raise ImportError('broken build')", "ImportError: broken build"),
    "syntax error": ("def (:", "SyntaxError: "),
    "exit": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "an exception that is no Exception": ("raise BaseException('odd')", "BaseException: odd"),
    "endless recursion": ("def f():\n    f()\nf()", "RecursionError: "),
    "wrong type returned": (HEAD + HOOK + "return 7", "must return a list of explainers, not int"),
    "nothing returned": (HEAD + HOOK + "return None", "must return a list of explainers, not NoneType"),
    "no explainer in the list": (HEAD + HOOK + "return [len]", "returned <built-in function len>, which is no method"),
    "a class in place of an explainer": (
        HEAD + "class Thing:\n    name = 'thing'\n    def bind(self, model): ...\n" + HOOK + "return [Thing]",
        "which is no method or transformer",
    ),
    "a name that cannot be written": (
        HEAD + "class Thing:\n    name = 'not a name'\n    def bind(self, model): ...\n" + HOOK + "return [Thing()]",
        "the name 'not a name' cannot be written in an expression",
    ),
    "no hook": ("contrast = 1", "it has none of xaikit's hooks"),
    "a hook without its mark": ("def xaikit_explainers():\n    return []", "it has none of xaikit's hooks"),
    "unknown hook": (HEAD + "@hookimpl\ndef xaikit_explainer():\n    return []", "unknown hook 'xaikit_explainer'"),
    "wrong hook signature": (HEAD + "@hookimpl\ndef xaikit_explainers(model):\n    return []", "PluginValidationError"),
    "raising hook": (HEAD + HOOK + "raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "exiting hook": (HEAD + HOOK + "raise SystemExit('bye')", "SystemExit: bye"),
    "duplicate name": (HEAD + METHOD + HOOK + "return [twin, twin]", "it offers two explainers named 'twin'"),
    "parameter without default": (
        HEAD + "@method\ndef lacking(model, *, strength: float):\n    ...\n" + HOOK + "return [lacking]",
        "PluginError: Parameter 'strength' of lacking has no default: give it one.",
    ),
    "parameters of any name": (
        HEAD + "@method\ndef lax(model, **anything):\n    ...\n" + HOOK + "return [lax]",
        "PluginError: lax takes **anything",
    ),
    "default against its own type": (
        HEAD + "@method\ndef wrong(model, *, count: int = 'two'):\n    ...\n" + HOOK + "return [wrong]",
        "PluginError: The default of wrong is against its own type",
    ),
    "parameter of a type that nobody can check": (
        HEAD + "@method\ndef odd(model, *, where: object() = None):\n    ...\n" + HOOK + "return [odd]",
        "PluginError: Parameter 'where' of odd has a type that cannot be checked",
    ),
    "parameter of a type that is not there": (
        HEAD + "@method\ndef odd(model, *, where: 'Somewhere' = None):\n    ...\n" + HOOK + "return [odd]",
        "PluginError: The parameters of odd have types that are not there: name 'Somewhere' is not defined",
    ),
    "newer interface": (
        "xaikit_api = 2\n" + HEAD + "@hookimpl\ndef xaikit_wonders():\n    ...",
        "it was written for version 2 of the plugin interface, and this xaikit has version 1: update xaikit",
    ),
    "older interface": ("xaikit_api = 0", "this xaikit has version 1: update the plugin"),
    "no version": ("xaikit_api = '1'", "PluginError: xaikit_api must be a whole number, such as 1, not '1'"),
    "a name that only another version of xaikit has": (
        "from xaikit.core import wonders",
        "cannot import name 'wonders' from 'xaikit.core'",
    ),
    "transformer without a step": (
        HEAD + "@transformer\ndef alone(*, strength: float = 1.0):\n    ...\n" + HOOK + "return [alone]",
        "PluginError: Transformer alone must take a step or more",
    ),
}


@pytest.fixture
def fresh():
    """The registry of this process is made anew at the end, when everything that was installed is gone."""
    yield
    configure()


def plugin_of(made, distribution):
    return next(plugin for plugin in made.plugins if plugin.distribution == distribution)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_plugin_is_recorded_and_the_others_go_on_working(installed, fault):
    source, problem = FAULTS[fault]
    made = Registry(installed(a_good=good("first"), m_faulty=source, z_good=good("last")))

    assert {"first", "last", "gradcam", "smooth"} <= set(made.catalogue)
    assert repr(made.find("smooth(first(sharpness=2.0))")) == "smooth(first(sharpness=2.0))"
    faulty = plugin_of(made, "m-faulty")
    assert faulty.status == "failed"
    assert problem in faulty.problem
    assert "\n" not in faulty.problem
    assert faulty.explainers == {}
    assert [plugin.status for plugin in made.plugins if plugin is not faulty] == ["ready"] * 5
    assert not [entry for entry in made.catalogue.values() if entry.origin == "m-faulty"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("a_module_that_nobody_has", "ModuleNotFoundError"),
        ("a_good:nothing", "AttributeError: module 'a_good' has no attribute 'nothing'"),
        ("json", "it has none of xaikit's hooks"),
        ("not a module!", "Error"),  # which one, depends on whether the backport of importlib.metadata was imported
        ("a_good", "already registered"),
    ],
    ids=["missing module", "missing attribute", "a module of something else", "no value", "the same module twice"],
)
def test_an_entry_point_that_leads_nowhere_is_recorded(installed, value, problem):
    made = Registry(installed(a_good=good("first"), z_lost={"main": value}))

    assert "first" in made.catalogue
    assert plugin_of(made, "z-lost").status == "failed"
    assert problem in plugin_of(made, "z-lost").problem


def test_a_distribution_without_metadata_is_no_reason_to_stop(installed, tmp_path):
    installed(a_good=good("first"), z_bare=good("bare"))
    (tmp_path / "z_bare-1.0.dist-info" / "METADATA").unlink()

    made = Registry(entry_points(tmp_path))

    assert {"first", "gradcam"} <= set(made.catalogue)


def test_a_plugin_may_be_an_object_of_a_module(installed, tmp_path):
    (tmp_path / "objects.py").write_text(
        HEAD
        + METHOD
        + "class Offer:\n    @hookimpl\n    def xaikit_explainers(self):\n        return (twin,)\noffer = Offer()\n"
    )
    made = Registry(installed(x_objects={"main": "objects:offer"}))

    assert made.find("twin").name == "twin"


def test_a_plugin_says_for_which_interface_it_was_written(installed, tmp_path):
    (tmp_path / "objects.py").write_text(
        "xaikit_api = 2\n" + HEAD + METHOD + "class Offer:\n    @hookimpl\n    def xaikit_explainers(self):\n"
        "        return (twin,)\noffer = Offer()\nmine = Offer()\nmine.xaikit_api = 1\n"
    )
    made = Registry(
        installed(
            a_right="xaikit_api = 1\n" + good("right"), x_objects={"its": "objects:mine", "none": "objects:offer"}
        )
    )

    assert {plugin.name: plugin.status for plugin in made.plugins if not plugin.builtin} == {
        "main": "ready",
        "its": "ready",  # an object may say it itself, or its module for it
        "none": "failed",
    }


def test_a_name_that_another_version_has_is_explained(installed):
    made = Registry(installed(x_later="from xaikit.core import wonders"))

    assert plugin_of(made, "x-later").problem.endswith(
        "(it was written for another version of xaikit: update one of the two)"
    )


def test_a_parameter_without_a_type_takes_any_value(installed):
    made = Registry(installed(x_lax=good("lax").replace("sharpness: float = 1.0", "sharpness=1.0")))

    assert repr(made.find("lax(sharpness='much')")) == "lax(sharpness='much')"
    assert made.entry("lax").value.declaration.parameters["sharpness"].rule == "anything"


def test_a_plugin_that_imports_tensorflow_when_it_is_listed_is_told_from_one_that_does_not(installed, tmp_path):
    installed(a_light=good("light"), m_heavy="import tensorflow\n" + good("heavy"), z_late=good("late"))
    (tmp_path / "tensorflow.py").write_text("")  # found before the real one
    code = (
        "from xaikit.registry import registry\n"
        "print({p.distribution: p.heavy for p in registry().plugins if p.distribution[1:2] == '-'})"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(xaikit.__file__).parents[1]}"}

    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    # of the last it is not known any more
    assert done.stdout.strip() == "{'a-light': False, 'm-heavy': True, 'z-late': None}"


def test_a_keyboard_interrupt_passes(installed):
    made = Registry(installed(a_slow="raise KeyboardInterrupt"))

    with pytest.raises(KeyboardInterrupt):
        made.find("slow")


def test_what_a_plugin_prints_goes_to_stderr(installed, capsys):
    made = Registry(
        installed(a_loud="print('import')\n" + good("loud").replace("return [", "print('hook')\n    return ["))
    )

    assert made.find("loud").name == "loud"
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.split() == ["import", "hook"]


def test_no_plugin_is_imported_when_a_built_in_name_is_looked_up(installed):
    made = Registry(installed(a_good=good("first"), z_bad="raise RuntimeError('imported')"))

    made.find("smooth(tta(gradcam(layer='conv5')), repetitions=3)")

    assert "a_good" not in sys.modules
    assert [plugin.status for plugin, _ in made._points.values()] == ["ready"] * 3 + ["waiting"] * 2


def test_nothing_is_imported_until_a_name_is_looked_up(installed):
    made = Registry(installed(a_good=good("first")))

    assert {plugin.status for plugin, _ in made._points.values()} == {"waiting"}


def test_a_plugin_is_imported_once(installed, capsys):
    made = Registry(installed(a_good=good("first") + "print('imported')"))

    made.find("first")
    made.find("first")

    assert [plugin.status for plugin in made.plugins] == ["ready"] * 4
    assert capsys.readouterr().err.count("imported") == 1


def test_a_built_in_wins_over_a_plugin_whose_own_has_a_longer_name(installed):
    made = Registry(installed(x_rival=good("gradcam")))

    entry = made.entry("x-rival:gradcam")

    assert made.entry("gradcam").origin == "xaikit"
    assert made.find("gradcam") == xaikit.find("gradcam")
    assert (entry.name, entry.origin) == ("x-rival:gradcam", "x-rival")
    assert entry.value != made.find("gradcam")
    assert "'gradcam' is offered by xaikit too: write x-rival:gradcam" in plugin_of(made, "x-rival").problem
    assert plugin_of(made, "x-rival").status == "ready"


@pytest.mark.parametrize(
    "text",
    [
        "x-rival:gradcam",
        "x-rival:gradcam(sharpness=2.0)",
        "smooth(x-rival:gradcam(sharpness=2.0), repetitions=3)",
        "smooth(tta(x-rival:gradcam))",
        "xaikit:gradcam",
        "x-rival:other",
        "other",
    ],
)
def test_a_qualified_name_reads_back_as_it_is_written(installed, text):
    made = Registry(installed(x_rival=two("gradcam", "other")))

    explainer = made.find(text)

    assert made.find(repr(explainer)) == explainer
    assert ("x-rival:gradcam" in text) == ("x-rival:gradcam" in repr(explainer))


def two(first, second):
    """The source of a plugin that offers two methods."""
    return good(first) + good(second).replace(f"return [{second}]", f"return [{first}, {second}]")


def test_of_two_plugins_with_one_name_neither_wins(installed):
    made = Registry(installed(x_one=good("shared"), x_two=good("shared")))

    with pytest.raises(PluginError, match=r"Several plugins offer 'shared': write x-one:shared or x-two:shared\."):
        made.find("smooth(shared)")
    one, other = made.find("x-one:shared"), made.find("x-two:shared")
    assert one != other
    assert (repr(one), repr(other)) == ("x-one:shared", "x-two:shared")
    assert made.find(repr(one)) == one
    assert "shared" not in made.catalogue
    assert "x-two" in plugin_of(made, "x-one").problem
    assert "x-one" in plugin_of(made, "x-two").problem


def test_two_entry_points_of_one_distribution_with_one_name_are_a_fault(installed, tmp_path):
    (tmp_path / "module_a.py").write_text(good("shared"))
    (tmp_path / "module_b.py").write_text(good("shared"))
    made = Registry(installed(x_both={"a": "module_a", "b": "module_b"}))

    problems = [plugin.problem for plugin in made.plugins if plugin.distribution == "x-both"]

    assert "gradcam" in made.catalogue
    assert any("'shared'" in problem for problem in problems)
    # one spelling cannot reach two explainers: no advice leads to it, unless it reaches the one that stays
    statuses = sorted(plugin.status for plugin in made.plugins if plugin.distribution == "x-both")
    assert statuses == ["failed", "ready"]
    assert made.find("shared").declaration.function.__module__ == "module_a"


def test_a_failed_plugin_is_no_error_until_it_is_asked_for(installed):
    made = Registry(installed(x_broken="raise RuntimeError('no licence')"))

    assert made.find("gradcam").name == "gradcam"
    with pytest.raises(PluginError, match=r"Plugin x-broken \(main\) is failed: RuntimeError: no licence\.") as caught:
        made.find("x-broken:contrast")
    assert caught.value.exit_code == 6
    with pytest.raises(UnknownName, match=r"These plugins failed, see `xaikit plugins`: x-broken \(main\)"):
        made.find("contrast_")


def test_an_unknown_name_suggests_the_nearest_one_of_a_plugin_too(installed):
    made = Registry(installed(x_good=good("remarkable")))

    with pytest.raises(
        UnknownName, match=r"There is no method, transformer or metric named 'remarkabel'\. Did you mean 'rema"
    ):
        made.find("remarkabel")
    with pytest.raises(UnknownName, match="named 'x-good:other'"):
        made.find("x-good:other")
    with pytest.raises(UnknownName, match="named 'x-nobody:remarkable'"):
        made.find("x-nobody:remarkable")


@pytest.mark.parametrize(
    ("only", "names"),
    [
        (None, {"first", "second"}),
        ([], set()),
        (["x-one"], {"first"}),
        (["point"], {"second"}),
        (["x-one", "point", "nobody"], {"first", "second"}),
    ],
    ids=["all", "none", "by distribution", "by entry point", "several"],
)
def test_only_the_plugins_that_are_chosen_are_used(installed, tmp_path, only, names):
    (tmp_path / "module_two.py").write_text(good("second"))
    made = Registry(installed(x_one=good("first"), x_two={"point": "module_two"}), only=only)

    assert {"first", "second"} & set(made.catalogue) == names
    assert "gradcam" in made.catalogue


@pytest.mark.parametrize("name", ["x-one", "main"])
def test_a_blocked_plugin_is_not_imported_and_says_so(installed, name):
    made = Registry(installed(x_one=good("first")), block=[name])

    assert "first" not in made.catalogue
    assert "x_one" not in sys.modules
    assert plugin_of(made, "x-one").status == "blocked"
    with pytest.raises(PluginError, match=r"Plugin x-one \(main\) is blocked: it was switched off\."):
        made.find("x-one:first")


def test_built_ins_cannot_be_blocked():
    made = Registry(only=[], block=["xaikit", "methods", "transformers"])

    assert {"gradcam", "smooth"} <= set(made.catalogue)


@pytest.mark.parametrize(
    ("value", "statuses"),
    [
        (None, {"x-one": "ready", "x-two": "ready"}),
        ("", {"x-one": "blocked", "x-two": "blocked"}),
        ("x-two", {"x-one": "blocked", "x-two": "ready"}),
        (" x-two , x-one,", {"x-one": "ready", "x-two": "ready"}),
    ],
    ids=["unset", "empty", "one name", "two names"],
)
def test_the_environment_says_which_plugins_are_used(fresh, installed, monkeypatch, value, statuses):
    installed(x_one=good("first"), x_two=good("second"))
    monkeypatch.delenv(SELECT, raising=False)
    if value is not None:
        monkeypatch.setenv(SELECT, value)
    configure()  # the distributions are on sys.path: nothing is given by hand

    found = {plugin.distribution: plugin.status for plugin in registry().plugins}

    assert {name: found[name] for name in statuses} == statuses
    assert found["xaikit"] == "ready"


def test_plugins_are_switched_off_all_together_or_one_by_one(fresh, installed, monkeypatch):
    installed(x_one=good("first"), x_two=good("second"))
    monkeypatch.setenv(SELECT, "x-one,x-two")

    configure(no_plugins=True)
    assert {plugin.status for plugin in registry().plugins if not plugin.builtin} == {"blocked"}
    assert "gradcam" in registry().catalogue

    configure(block=["x-one"])
    assert "first" not in registry().catalogue
    assert xaikit.find("second").name == "second"


def test_a_method_of_a_plugin_is_an_attribute_of_the_package(fresh, installed):
    installed(x_one=good("peculiar"))
    configure()

    assert xaikit.peculiar == xaikit.find("peculiar")
    assert "peculiar" in dir(xaikit)
    with pytest.raises(AttributeError, match=r"'xaikit' has no attribute 'gradcan'\. .*Did you mean 'gradcam'"):
        _ = xaikit.gradcan


def test_an_entry_of_the_catalogue_says_what_it_is(installed):
    made = Registry(installed(x_one=good("first")))
    entry = made.catalogue["first"]

    assert (entry.kind, entry.origin, entry.summary) == ("method", "x-one", "Explain first.")
    assert made.catalogue["smooth"].kind == "transformer"
    assert plugin_of(made, "x-one").version == "1.0"
    assert plugin_of(made, "x-one").module == "x_one"
    assert not plugin_of(made, "x-one").builtin
    assert [plugin.builtin for plugin in made.plugins] == [True, True, True, False]


def test_the_catalogue_is_sorted_and_every_entry_reads_back():
    made = registry()

    assert list(made.catalogue) == sorted(made.catalogue)
    for name, entry in made.catalogue.items():
        assert made.find(name) == entry.value
        assert entry.summary, name
        if isinstance(entry.value, Recipe):
            assert repr(entry.value) == name


def test_an_explainer_that_is_a_plain_object_is_catalogued(installed):
    source = HEAD + (
        "class Plain:\n    '''Do it plainly.'''\n    name = 'plainly'\n"
        "    def bind(self, model): ...\n    def __repr__(self):\n        return 'plainly'\nplain = Plain()\n"
    )
    made = Registry(installed(x_plain=source + HOOK + "return [plain]"))
    entry = made.catalogue["plainly"]

    assert (entry.kind, entry.summary) == ("method", "Do it plainly.")
    assert made.find("plainly") is entry.value
    assert made.find("plainly()") is entry.value
    assert repr(made.find("smooth(plainly)")) == "smooth(plainly)"
    with pytest.raises(UsageError, match=r"plainly.* takes (no|neither) .*parameters"):
        made.find("plainly(strength=2)")


def test_what_is_no_text_is_refused():
    with pytest.raises(UsageError, match="An expression must be a text, not int"):
        xaikit.find(7)
    with pytest.raises(ExpressionError, match="at its end"):
        xaikit.find("")


def test_without_its_methods_the_framework_still_starts(tmp_path):
    package = Path(xaikit.__file__).parent
    shutil.copytree(package, tmp_path / "xaikit", ignore=shutil.ignore_patterns("methods", "__pycache__", "demo"))
    shutil.copytree(Path(metadata.distribution("xaikit")._path), tmp_path / "xaikit-0.1.0.dist-info")
    code = (
        "import xaikit\nfrom xaikit.registry import registry\n"
        f"assert xaikit.__file__.startswith({str(tmp_path)!r}), xaikit.__file__\n"
        "print(*registry().catalogue)\n"
        "print(*(f'{p.name}:{p.status}' for p in registry().plugins))\n"
        "print(repr(xaikit.smooth(repetitions=3)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), SELECT: ""}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    names, plugins, spelled = done.stdout.splitlines()
    assert {"absolute", "normalize", "smooth", "tta"} <= set(names.split())
    assert "gradcam" not in names.split()
    assert re.search(r"methods:failed", plugins)
    assert re.search(r"transformers:ready", plugins)
    assert spelled == "smooth(repetitions=3)"
