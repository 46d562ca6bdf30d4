"""One tiny model of each family, opened as the engine opens it, and as diffusers does."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from studio.families import families
from tests.tinies import build


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's model. Shared: copy it before changing it."""
    return cache(lambda name: build(name, tmp_path_factory.mktemp("tinies") / name))


@pytest.fixture(scope="session")
def opened(tiny: Callable[[str], Path]) -> Callable[..., Any]:
    """A family with its parts and a pipeline of the very same parts, in float32 or another number format."""

    @cache
    def made(name: str, dtype: str = "float32") -> Any:
        import torch
        from diffusers import DiffusionPipeline

        from studio.engine.load import open_part
        from studio.schedulers.build import build as scheduler

        family, folder = families()[name], tiny(name)
        parts = {part.name: open_part(part, folder, "cpu", getattr(torch, dtype)) for part in family.parts}
        networks = {key: part for key, part in parts.items() if key != "scheduler"}
        pipeline = DiffusionPipeline.from_pretrained(folder, **networks)
        if not family.is_flow:
            pipeline.scheduler = scheduler(parts["scheduler"], "euler", "auto", 3).inner
        pipeline.set_progress_bar_config(disable=True)
        return SimpleNamespace(family=family, folder=folder, parts=parts, pipeline=pipeline)

    return made
