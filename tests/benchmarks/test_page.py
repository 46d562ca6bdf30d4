"""The benchmark of the page runs and prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parent / "page.py"


@pytest.mark.long
def test_benchmark_tells_what_a_visitor_waits_for():
    words = [
        sys.executable,
        BENCHMARK,
        "--steps",
        "2",
        "--pictures",
        "2",
        "--json",
    ]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert 0 < told["fastest_s"] <= told["later_s"] <= told["slowest_s"]
    assert told["ratio"] == pytest.approx(told["later_s"] / told["pipeline_s"])
    assert 0.2 < told["peak_gb"] < 2
    assert set(told["processor_s"]) == {"server", "engine", "browser"}
    assert all(spent > 0 for spent in told["processor_s"].values())
