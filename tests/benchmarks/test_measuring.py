"""The harness works; how fast anything is, is nothing that a test can hold."""

import json
import math
import platform
import sys

import pytest

from benchmarks import machine, overhead, replicas, report, startup
from benchmarks.cases import CASES, COPIES
from benchmarks.measuring import Plan, counted, measured
from benchmarks.peers.environments import CannotInstall, _do
from benchmarks.peers.listed import PEERS
from benchmarks.peers.running import _in_its_own
from benchmarks.rates import fastest, rates
from benchmarks.running import all_counted, attempted, pairs
from benchmarks.timing import interleaved, ratio

PLAN = Plan(side=16, batches=(1, 2), runs=1, limit=1.0, rows={("tiny", "forward"): 4})


@pytest.fixture(scope="module")
def rows():
    return measured("gradcam", "tiny", PLAN) + measured("lime", "tiny", PLAN)


def test_a_method_is_measured_at_each_batch(rows):
    assert [(row["method"], row["batch"]) for row in rows] == [("gradcam", 1), ("gradcam", 2), ("lime", 1), ("lime", 2)]
    for row in rows:
        assert row["traces"] == 1
        assert all(math.isfinite(row[name]) and row[name] > 0 for name in ("ratio", "xaikit_ms", "floor_ms", "first_s"))
        assert row["peak_mib"] is None or row["peak_mib"] >= 0


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [("gradients", 1, 1), ("gradcam", 1, 0), ("smooth", 1 + COPIES, COPIES), ("occlusion", 5, 0)],
)
def test_what_is_executed_is_counted(name, forward, backward):
    found = counted(name)

    assert (found["floor_forward"], found["floor_backward"]) == (forward, backward)
    assert (found["xaikit_forward"], found["xaikit_backward"]) == (forward, backward)


def test_programs_are_called_in_turn_in_alternating_order():
    said = []
    taken = interleaved([lambda: said.append("a"), lambda: said.append("b")], runs=3)

    assert "".join(said) == "abbaab"
    assert [len(each) for each in taken] == [3, 3]
    assert len(interleaved([lambda: None], runs=9, limit=0.0, least=2)[0]) == 2


def test_a_ratio_is_the_median_of_the_ratios_of_pairs():
    assert ratio([2.0, 30.0, 20.0], [1.0, 10.0, 2.0]) == 3.0


def test_the_fastest_number_of_rows_is_the_largest_of_equals():
    assert fastest({1: 50.0, 8: 100.0, 16: 99.0, 32: 80.0}) == 16


def test_rates_are_rows_per_second(rows):
    from benchmarks.networks import settled

    found = rates(settled("tiny", 16), sizes=(1, 2), runs=1)

    assert set(found) == {"forward", "backward"}
    assert all(speed > 0 for speeds in found.values() for speed in speeds.values())


def test_the_page_has_a_line_for_each_method_and_says_what_failed(rows, tmp_path):
    failed = {"method": "lrp", "network": "tiny", "failed": "ValueError: no"}
    peers = [{"peer": "captum", "failed": "not installed: no"}]
    found = {
        "machine": machine.described(),
        "options": {"side": 16, "batches": [1, 2], "runs": 1, "limit_s": 1.0},
        "rates": {"tiny": {"forward": {1: 10.0, 2: 20.0}}},
        "rows": [*rows, failed],
        "counts": {"gradcam": {f"{who}_{way}": 1.0 for who in ("xaikit", "floor") for way in ("forward", "backward")}},
        "floors": [{"floor": "gradcam", "network": "tiny", "peak_mib": 3.0}],
        "peers": peers,
    }
    report.write(found, tmp_path)
    date = found["machine"]["date"]
    text = (tmp_path / f"{date}.md").read_text()

    assert "| `gradcam` |" in text
    assert "| `lrp` | failed: ValueError: no |" in text
    assert "not installed: no" in text
    assert "1 + 1 / 1 + 1" in text
    assert json.loads((tmp_path / f"{date}.json").read_text())["rows"][-1] == failed
    assert (tmp_path / f"{date}.png").stat().st_size > 1000
    assert platform.node() not in text


def test_networks_are_paired_with_the_methods_that_are_for_them():
    assert list(pairs(["tiny", "vit"], ["gradcam", "attention_rollout"])) == [
        ("tiny", "gradcam"),
        ("vit", "attention_rollout"),
    ]


def test_what_goes_wrong_is_said_and_does_not_end_the_run():
    assert attempted(lambda: 1 / 0) == "ZeroDivisionError: division by zero"
    assert all_counted([]) == {}


def test_a_library_s_methods_are_ours_and_what_it_cannot_do_is_a_row():
    (row,) = _in_its_own(sys.executable, "captum", "tiny", 16, [1], 1, 1.0)

    assert set(row) == {"peer", "network", "failed"}
    assert row["failed"].startswith("ModuleNotFoundError")
    assert set(PEERS) == {"xplique", "tf_keras_vis", "tf_explain", "captum"}
    with pytest.raises(CannotInstall, match="ERROR: no"):
        _do([sys.executable, "-c", "import sys; sys.exit('ERROR: no')"])


def test_commands_are_timed_as_whole_processes():
    assert startup.timed({"nothing": [sys.executable, "-c", "pass"]}, 1)["nothing"] > 0


def test_what_a_call_costs_beyond_its_floor_is_told_apart():
    found = overhead.measured(2)

    assert math.isfinite(found["beyond_ms"])
    assert {"xaikit", "tensorflow"} <= set(found["tables"]["own time by package"])


def test_two_replicas_are_measured_against_one():
    found = replicas.measured("gradcam", "tiny", 16, rows=2, runs=1)

    assert all(value > 0 for value in found.values())


def test_a_method_takes_few_passes_where_it_takes_many():
    assert max(case.copies for case in CASES.values()) <= 9
