"""The benchmark of the chain runs and prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parent / "chain.py"


@pytest.mark.long
def test_benchmark_prints_both_and_their_latents_are_equal(tiny_kolors):
    told = subprocess.run(
        [
            sys.executable,
            BENCHMARK,
            "--model",
            tiny_kolors,
            "--steps",
            "3",
            "--size",
            "64",
            "--rounds",
            "1",
            "--json",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(told.stdout)
    assert set(result["seconds"]) == {"pipeline", "chain", "chain_with_previews"}
    assert result["latents_max_abs_diff"] < 1e-4
