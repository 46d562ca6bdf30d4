"""Where the parts of a model lie: each in its own folder, all in one checkpoint file, or as a family's other layouts
have it."""

from collections.abc import Mapping
from pathlib import Path

from studio.families.family import Family, Part

Places = Mapping[str, Path]
"""Part name to its folder, or to one weight file."""


def places_of(family: Family, model_dir: Path) -> dict[str, Path]:
    """Where each part of a model is looked for; what isn't anywhere is looked for in the folder of its name."""
    return {part.name: _place(part, model_dir, checkpoint_of(family, model_dir)) for part in family.parts}


def checkpoint_of(family: Family, model_dir: Path) -> Path | None:
    """The one file that holds the networks of a model; None where each has its own folder."""
    if not any(part.from_checkpoint for part in family.parts):
        return None
    if model_dir.suffix == ".safetensors":
        return model_dir
    files = sorted(model_dir.glob("*.safetensors"))
    return files[0] if len(files) == 1 and not (model_dir / "model_index.json").is_file() else None


def _place(part: Part, model_dir: Path, checkpoint: Path | None) -> Path:
    own = model_dir / part.name
    if checkpoint is not None:
        beside = checkpoint.parent / part.name
        return checkpoint if part.from_checkpoint and not beside.is_dir() else beside
    return next(
        (
            place
            for place in (own, *(model_dir / other for other in part.elsewhere))
            if place.is_dir() and all((place / file).is_file() for file in part.needed(model_dir))
        ),
        own,
    )
