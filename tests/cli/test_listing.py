"""The commands that need no TensorFlow."""

import json
import subprocess
import sys

import pytest

from xaikit.cli import main
from xaikit.registry import configure


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    return ended.value.code or 0, out, err


@pytest.fixture(autouse=True)
def _fresh_registry():
    yield
    configure()


def test_every_method_is_listed_with_kind_line_and_origin(capsys):
    code, out, _ = run(capsys, "list-methods", "--json")

    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert {"gradients", "cam", "gradcam", "smooth", "tta", "heatmap", "contrast"} <= rows.keys()
    assert rows["smooth"]["kind"] == "transformer"
    assert rows["gradcam"]["origin"] == "xaikit"
    assert rows["contrast"]["origin"] == "xaikit-contrast"
    assert all(row["summary"] for row in rows.values())


@pytest.mark.parametrize("words", [("--no-plugins", "list-methods"), ("list-methods", "--no-plugins")])
def test_plugins_are_switched_off_wherever_the_option_stands(capsys, words):
    code, out, _ = run(capsys, *words, "--json")

    assert code == 0
    assert {row["origin"] for row in json.loads(out)} == {"xaikit"}


def test_a_blocked_plugin_offers_nothing_and_says_why(capsys):
    code, _, err = run(capsys, "show", "xaikit-contrast:contrast", "--block", "xaikit-contrast")

    assert code == 6
    assert "blocked" in err


def test_plugins_are_listed_with_what_they_offer(capsys):
    code, out, _ = run(capsys, "plugins", "--json")

    rows = {row["distribution"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["xaikit-contrast"]["status"] == "ready"
    assert rows["xaikit-contrast"]["offers"] == ["contrast"]
    assert rows["xaikit-contrast"]["imports_tensorflow"] is not True  # it is not known where a test imported it before


def test_a_method_is_shown_with_its_parameters_rules_and_source(capsys):
    code, out, _ = run(capsys, "show", "smooth")

    assert code == 0
    for words in ("repetitions", "20", "whole number, at least 1", "arXiv:1706.03825", "Maps:", "Cost:"):
        assert words in out


def test_an_unknown_name_is_one_line_that_suggests_the_nearest(capsys):
    code, out, err = run(capsys, "show", "smoth")

    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "error: There is no method, transformer or metric named 'smoth'. Did you mean 'smooth'?"
    ]


@pytest.mark.parametrize("words", [("explain",), ("explain", "gradcam", "--batch-size", "0"), ("no-such-command",)])
def test_a_wrong_call_exits_with_two(capsys, words):
    code, _, _ = run(capsys, *words)

    assert code == 2


def test_listing_showing_and_helping_import_no_tensorflow():
    script = (
        "import sys\n"
        "from xaikit.cli import main\n"
        "for words in (['--help'], ['list-methods'], ['show', 'smooth'], ['plugins'], ['explain', 'smoth(gradcam)'], "
        "['new-plugin', 'json']):\n"
        "    try: main(words)\n"
        "    except SystemExit: pass\n"
        "print(sorted({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)), file=sys.stderr)\n"
    )

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ended.stderr.splitlines()[-1] == "[]"


def test_a_metric_is_shown_with_what_it_is_called_with_and_which_way_is_better(capsys):
    code, out, _ = run(capsys, "show", "deletion")

    assert code == 0
    assert out.startswith("deletion(explainer or maps, model, inputs, targets)    metric, from xaikit\nlower is better")
    assert "steps" in out
    assert "arXiv:1806.07421" in out
    assert json.loads(run(capsys, "show", "deletion", "--json")[1])["better"] == "lower"
