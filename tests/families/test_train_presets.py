"""Every training preset names layers that its model's family has, and learns in all of its blocks."""

import re

import pytest
import torch

from studio.engine.load import open_part
from studio.families import families
from studio.presets import Presets
from studio.settings import ROOT, Settings
from studio.shelf import Shelf
from studio.train_request import TrainRequest
from studio.training.adapters import add_adapter

SETTINGS = Settings.from_environment(root=ROOT)
FAMILY_OF = {card.name: families()[card.family] for card in Shelf(SETTINGS).models()}
PRESETS = {name: TrainRequest.from_dict(preset.values) for name, preset in Presets(SETTINGS).train().items()}
FLOWS = [name for name, request in PRESETS.items() if FAMILY_OF[request.model].is_flow]


@pytest.mark.parametrize("name", FLOWS)
def test_a_presets_layers_are_found_in_every_block(tiny, name):
    family = FAMILY_OF[PRESETS[name].model]
    denoiser = open_part(family.part(family.denoiser), tiny(family.name), "cpu", torch.float32)
    blocks = {
        found[0]
        for path, _ in denoiser.named_modules()
        if (found := re.match(r"\w*(blocks|layers)\.\d+", path))
    }
    trained = add_adapter(denoiser, PRESETS[name], "tiny")
    assert blocks
    for block in blocks:
        assert any(path.startswith(f"{block}.") for path in trained), block
