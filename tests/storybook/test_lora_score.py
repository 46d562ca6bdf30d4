"""What a LoRA does to Storybook is told by the same prompts without it and at two weights; afterwards it is gone."""

import json
from pathlib import Path

import pytest
import torch

from studio.storybook import judge, score
from studio.storybook.lora_score import lora_score
from tests.tiny import build_lora

COUNT, STEPS, GUIDANCE = 2, 1, 3.0


@pytest.mark.long
@pytest.mark.parametrize("has_trigger", [False, True])
def test_a_lora_is_weighed_and_leaves_nothing_behind(tmp_path: Path, has_trigger: bool) -> None:
    file = build_lora(tmp_path / "wild.safetensors", score.MODEL_DIR)
    if has_trigger:
        file.with_suffix(".json").write_text(json.dumps({"trigger_words": ["shuimo"]}), encoding="utf-8")
    eye = judge.load(score.MODEL_DIR / "judge" / "judge.safetensors")
    pipe = score.load_pipeline(score.MODEL_DIR, "cpu")
    said: list[str] = []

    def painted() -> list[score.Painted]:
        return list(score.generated(pipe, list(score.ask(COUNT)), STEPS, GUIDANCE, said.append))

    bare = painted()
    told = lora_score(pipe, eye, file, "ink-wash", COUNT, STEPS, GUIDANCE, said.append, bare)
    assert told.zero_is_base
    passes = {words.split(":")[0] for words in said if ":" in words}
    assert passes == {"base", "weight 0.5", "weight 1", "weight 0"} | ({"off"} if has_trigger else set())
    report = told.report()
    if not has_trigger:
        assert report["object_off"] == score.tally(bare, eye).share("object")
        assert report["style_off"] == score.tally(bare, eye, "ink-wash").share("style")
    assert "weight 0 equals the base to the bit: yes" in told.table()
    assert all(torch.equal(a[2], b[2]) for a, b in zip(bare, painted(), strict=True))
