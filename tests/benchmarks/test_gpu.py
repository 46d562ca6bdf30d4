"""The benchmark for a GPU takes its whole way on a tiny model, too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parent / "gpu.py"


@pytest.mark.long
def test_every_line_is_printed():
    asked = ["--tiny", "--steps", "2", "--side", "64", "--cap-gb", "8", "--json"]
    told = subprocess.run([sys.executable, BENCHMARK, *asked], capture_output=True, text=True, check=True)
    lines = {line["what"]: line for line in map(json.loads, told.stdout.splitlines())}
    modes = {"whole", "encoder_away", "encoder_8bit", "encoder_4bit", "offload", "cap 8 GB"}
    assert modes | {"lora, switched back", "KolorsPipeline with model offload"} <= lines.keys()
    for mode in modes:
        assert lines[mode]["picture"] == 64 * 64 * 3
        assert {"load", "encode", "sample", "decode", "plan"} <= lines[mode].keys()
    assert lines["KolorsPipeline with model offload"]["x_whole"] > 0


def test_real_size_is_written_from_shapes(tmp_path):
    from studio.headers import read_header
    from tests.kolors_sized import NETWORKS, write_network

    folder = tmp_path / "vae"
    folder.mkdir()
    write_network("vae", folder / NETWORKS["vae"], "cpu")
    told = read_header(folder / NETWORKS["vae"]).tensors
    assert sum(tensor.end - tensor.start for tensor in told.values()) == 2 * 83_653_863
