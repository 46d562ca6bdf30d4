"""The benchmark of training runs and prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parent / "train.py"


@pytest.mark.long
def test_benchmark_prints_both_and_their_losses_are_equal(tiny_kolors):
    words = ["--model", str(tiny_kolors), "--steps", "4", "--size", "64", "--rounds", "1", "--json"]
    told = subprocess.run([sys.executable, BENCHMARK, *words], capture_output=True, text=True, check=True)
    result = json.loads(told.stdout)
    assert set(result["seconds"]) == set(result["ratio"]) == {"plain", "studio"}
    assert result["losses_max_abs_diff"] < 1e-5
