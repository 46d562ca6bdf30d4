"""The benchmark of datasets runs and prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parent / "dataset.py"


@pytest.mark.long
def test_benchmark_prints_speed_memory_and_growth_and_finds_what_was_planted():
    words = ["--pictures", "40", "--alone", "20", "--others", "20", "--rows", "50", "200", "--json"]
    told = subprocess.run(
        [sys.executable, BENCHMARK, *words], capture_output=True, text=True, check=True
    )  # fmt: skip
    result = json.loads(told.stdout)
    assert 40 < result["mean_kb"] < 160
    assert result["one_process"]["checks_per_cpu_s"] > 20
    many = result["many_processes"]
    assert (many["faults"], many["found"], many["planted"], many["other_groups"]) == (0, 4, 4, 0)
    assert many["peak_mb"] < 1000
    assert result["others"]["ours"]["groups"] == 2
    assert list(result["growth"]) == ["50", "200"]
    assert set(result["growth"]["200"]) == {
        "clustering",
        "add",
        "page",
        "sorted_page",
        "filter",
        "edit",
        "split",
    }
