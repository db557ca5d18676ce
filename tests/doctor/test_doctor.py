"""The doctor names what is wrong and what to do, and survives whatever it looks at."""

import json
import sys
import time
from importlib import metadata

import pytest

from tests.registry.sources import good
from xaikit.cli import main
from xaikit.doctor import Finding, exit_code
from xaikit.doctor.children import Outcome, in_child
from xaikit.doctor.environment import devices, owning, versions
from xaikit.doctor.environment import installed as installed_files
from xaikit.doctor.machine import machine, memory
from xaikit.doctor.offers import plugins
from xaikit.doctor.selfcheck import compared, selfcheck
from xaikit.doctor.selftest import checks
from xaikit.registry import configure

GIB = 2**30


@pytest.fixture
def fresh():
    yield
    configure()


def looked_at(installed, seconds=30, **sources):
    """Install plugins, look at them, and give the findings by distribution."""
    installed(**sources)
    configure()
    return {finding.subject.split()[1]: finding for finding in plugins(seconds) if finding.subject != "xaikit"}


# what a plugin does when it is imported, and what is said of it
DEADLY = {
    "os._exit": ("import os; os._exit(0)", "importing it fails: it ended Python with exit code 0"),
    "os._exit with a code": ("import os; os._exit(3)", "importing it fails: it ended Python with exit code 3"),
    "a crash": ("import ctypes; ctypes.string_at(0)", "importing it fails: it crashed (SIGSEGV)"),
    "an abort": ("import os; os.abort()", "importing it fails: it crashed (SIGABRT)"),
    "exit": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "import error": ("import a_module_that_nobody_has", "ModuleNotFoundError: No module named"),
    "a report of its own": ("import os; os.write(1, b'{}'); raise ValueError('no')", "ValueError: no"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="signals have other names there")
def test_a_plugin_that_kills_the_interpreter_is_named_and_the_others_are_looked_at(fresh, installed, capfd):
    names = {f"m_{i}": source for i, (source, _) in enumerate(DEADLY.values())}

    found = looked_at(installed, a_good=good("first"), **names, z_good=good("last"))

    for name, (_, words) in zip(names, DEADLY.values(), strict=True):
        finding = found[name.replace("_", "-")]
        assert (finding.status, finding.code) == ("problem", 6), words
        assert finding.found.startswith(words)
        assert f"pip uninstall {name.replace('_', '-')}" in finding.advice
    for name in ("a-good", "z-good"):
        assert (found[name].status, found[name].advice) == ("ok", "")
    assert found["z-good"].found.startswith("1.0, ")
    assert found["z-good"].found.endswith(" s: last")
    assert capfd.readouterr().out == ""


def test_one_that_hangs_is_ended_with_all_that_it_started(fresh, installed, tmp_path):
    beat = tmp_path / "beat"
    child = f"import time\nwhile True:\n    open({str(beat)!r}, 'a').write('.')\n    time.sleep(0.05)"
    source = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])"

    found = looked_at(installed, 8, m_hangs=source)

    assert found["m-hangs"].found == "importing it fails: it was not done after 8 s"
    assert found["m-hangs"].code == 6
    before = beat.stat().st_size
    time.sleep(0.5)
    assert beat.stat().st_size == before > 0


def test_what_works_and_was_not_meant_is_a_warning(fresh, installed, tmp_path):
    (tmp_path / "tensorflow.py").write_text("")  # found before the real one
    found = looked_at(
        installed,
        a_heavy="import tensorflow\n" + good("heavy"),
        m_rival=good("gradcam"),
        n_one=good("shared"),
        o_two=good("shared"),
    )

    assert {name: finding.status for name, finding in found.items() if name[1] == "-"} == {
        "a-heavy": "warning",
        "m-rival": "warning",
        "n-one": "ok",
        "o-two": "warning",
    }
    assert "importing it imports TensorFlow" in found["a-heavy"].found
    assert found["m-rival"].found.endswith("there is also gradcam of xaikit")
    assert found["m-rival"].advice == "Write m-rival:gradcam."
    assert found["o-two"].found.endswith("there is also shared of n-one (main)")


def test_a_plugin_that_is_switched_off_is_not_looked_at(fresh, installed):
    installed(m_deadly="import os; os._exit(1)")
    configure(block=["m-deadly"])

    (finding,) = [finding for finding in plugins(30) if "m-deadly" in finding.subject]

    assert (finding.status, finding.found) == ("ok", "switched off")


def test_the_command_survives_a_deadly_plugin_and_exits_with_six(fresh, installed, capsys, tmp_path):
    """The whole examination, once, with TensorFlow."""
    installed(a_good=good("first"), m_deadly="import os; os._exit(0)")
    configure()

    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json"])

    out, err = capsys.readouterr()
    told = json.loads(out)
    found = {finding["subject"]: finding for finding in told["findings"]}
    assert ended.value.code == told["exit_code"] == 6
    assert [name for name, finding in found.items() if finding["status"] == "problem"] == ["plugin m-deadly (main)"]
    assert {"Python", "memory", "TensorFlow", "Keras", "devices", "xaikit", "plugin a-good (main)"} <= set(found)
    assert found["self-test"]["found"].startswith("6 pictures explained as they should be")
    assert set(found["Keras"]) == {"subject", "status", "found", "advice", "code"}
    assert "a minute" in err


def test_a_wrong_setup_exits_with_two_and_says_what_to_do(fresh, monkeypatch, capsys):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    monkeypatch.setenv("XAIKIT_PLUGINS", "")
    configure()

    with pytest.raises(SystemExit) as ended:
        main(["doctor"])

    lines = capsys.readouterr().out.splitlines()
    problem = next(i for i, line in enumerate(lines) if line.startswith("problem"))
    assert ended.value.code == 2
    assert lines[problem : problem + 2] == [
        "problem  TensorFlow: TF_USE_LEGACY_KERAS asks for Keras 2, and xaikit explains Keras 3 models",
        "         -> Unset it.",
    ]
    assert "warning  self-test: not done, since TensorFlow cannot be used" in lines


def test_explanations_that_are_known_beforehand_are_as_they_should_be():
    assert checks()["wrong"] == []


@pytest.mark.parametrize(
    ("outcome", "status", "code", "words"),
    [
        (
            Outcome({"seconds": 7.6, "pictures": 6, "wrong": []}),
            "ok",
            0,
            "6 pictures explained as they should be, in 8",
        ),
        (Outcome({"seconds": 7.6, "pictures": 6, "wrong": ["a", "b"]}), "problem", 1, "a; b"),
        (Outcome(None, "it crashed (SIGILL)"), "problem", 1, "it fails: it crashed (SIGILL)"),
    ],
)
def test_the_self_test_is_judged(outcome, status, code, words):
    finding = compared(outcome)

    assert (finding.status, finding.code) == (status, code)
    assert finding.found.startswith(words)
    assert bool(finding.advice) == (status == "problem")
    assert selfcheck(False).status == "warning"


RUNS = {"tensorflow": "2.21.0", "keras": "3.15.1", "backend": "tensorflow"}


@pytest.mark.parametrize(
    ("outcome", "owners", "expected"),
    [
        (
            Outcome(RUNS),
            ["tensorflow-cpu 2.21.0"],
            ["ok: 2.21.0, of tensorflow-cpu 2.21.0", "ok: 3.15.1 on t"],
        ),
        (Outcome(RUNS), [], ["ok: 2.21.0", "ok: 3.15.1 on tensorflow"]),  # built from its sources
        (
            Outcome(RUNS),
            ["tensorflow 2.20.0"],
            ["problem: 2.21.0 runs, and tensorflow 2.20.0 is what is installed: files are mixed", "ok: 3.15.1 on t"],
        ),
        (Outcome(None, "it crashed (SIGILL)"), [], ["problem: importing it fails: it crashed (SIGILL)"]),
        (
            Outcome({"problem": "xaikit needs keras >= 3.15.1, not 3.0.0 (for a reason): pip install -U keras."}),
            [],
            ["problem: xaikit needs keras >= 3.15.1, not 3.0.0 (for a reason)"],
        ),
    ],
    ids=["right", "of no distribution", "mixed", "a crash", "refused"],
)
def test_what_importing_tensorflow_gives_is_judged(outcome, owners, expected):
    found = list(versions(outcome, owners))

    assert len(found) == len(expected)
    for finding, words in zip(found, expected, strict=True):
        assert f"{finding.status}: {finding.found}".startswith(words)
        assert (finding.status == "problem") == bool(finding.advice) == (finding.code == 2)
    if "problem" in (outcome.report or {}):
        assert found[0].advice == "Pip install -U keras."


@pytest.mark.parametrize(
    ("report", "nvidia", "visible", "status", "words"),
    [
        ({}, [], None, "ok", "CPU with"),
        ({"gpus": ["H200"]}, ["NVIDIA H200, 139 GiB free"], None, "ok", "NVIDIA H200, 139 GiB free; CPU"),
        ({"gpus": ["H200"]}, ["a", "b"], "0", "ok", "H200; CPU with"),
        ({"tpus": 8}, [], None, "ok", "8 TPU cores; CPU with"),
        ({"cuda": False}, ["a"], None, "warning", "This TensorFlow is built for CPU. Make a new environment"),
        ({"cuda": True}, ["a"], "-1", "warning", "CUDA_VISIBLE_DEVICES=-1 hides them"),
        ({"cuda": True}, ["a"], "", "warning", "CUDA_VISIBLE_DEVICES= hides them"),
        ({"cuda": True}, ["a"], "0", "warning", "Its CUDA libraries are missing"),
    ],
)  # fmt: skip
def test_devices_are_judged(report, nvidia, visible, status, words):
    finding = devices({"gpus": [], "tpus": 0, "cuda": False} | report, nvidia, visible)

    assert finding.status == status
    assert (finding.advice or finding.found).startswith(words)


@pytest.mark.parametrize(
    ("free", "total", "status", "found"),
    [
        (6 * GIB, 8 * GIB, "ok", "6.0 GiB free of 8.0 GiB"),
        (1 * GIB, 8 * GIB, "warning", "1.0 GiB free of 8.0 GiB"),
        (None, 8 * GIB, "ok", "8.0 GiB"),
        (None, None, "ok", "unknown here"),
    ],
)
def test_memory_is_judged(free, total, status, found):
    finding = memory(free, total)

    assert (finding.status, finding.found) == (status, found)


def test_this_machine_is_looked_at():
    python, sizes = machine()

    assert python.found.startswith(".".join(map(str, sys.version_info[:3])))
    assert sizes.subject == "memory"


def distributions(folder, *names):
    """Distributions that bring TensorFlow's files, or others where their name begins with an underscore."""
    for name in names:
        info = folder / f"{name.strip('_').replace('-', '_').replace('@', '-')}.dist-info"
        info.mkdir(parents=True)
        distribution, version = name.strip("_").split("@")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        file = "other/__init__.py" if name.startswith("_") else "tensorflow/__init__.py"
        (info / "RECORD").write_text(f"a/b.py,,\n{file},sha256=x,1\n")
    return metadata.distributions(path=[str(folder)])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), []),
        (("tensorflow@2.21.0", "keras@3.15.1", "_tensorflow-datasets@4.9.0"), ["tensorflow 2.21.0"]),
        (("tensorflow@2.21.0", "tensorflow-cpu@2.20.0"), ["tensorflow 2.21.0", "tensorflow-cpu 2.20.0"]),
        (("tensorflow_cpu@2.21.0", "tf-nightly@2.22.0"), ["tensorflow-cpu 2.21.0", "tf-nightly 2.22.0"]),
        (("_tensorflow@2.15.0", "tensorflow-intel@2.15.0"), ["tensorflow-intel 2.15.0"]),  # the first is an empty shell
    ],
    ids=["none", "one", "two", "nightly", "shell"],
)
def test_distributions_of_tensorflow_that_overwrite_each_other_are_found(tmp_path, names, expected):
    assert owning(distributions(tmp_path, *names)) == expected
    findings = list(installed_files(metadata.distributions(path=[str(tmp_path)])))
    assert len(findings) == (len(expected) > 1)
    for finding in findings:
        assert (finding.status, finding.code) == ("problem", 2)
        assert finding.found.startswith(" and ".join(expected))


def test_the_exit_code_is_that_of_the_gravest_problem():
    fine, plugin, fault, setup = (Finding("", "ok", "", code=code) for code in (0, 6, 1, 2))

    assert exit_code([]) == exit_code([fine]) == 0
    assert exit_code([fine, plugin]) == 6
    assert exit_code([plugin, fault]) == 1
    assert exit_code([plugin, fault, setup, fine]) == 2


def test_a_child_that_fails_tells_the_last_line_of_its_errors():
    outcome = in_child("no_such_task", seconds=30)

    assert outcome == Outcome(None, "it ended Python with exit code 1: KeyError: 'no_such_task'")
