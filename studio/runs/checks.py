"""What a request is checked for before it becomes a run: what it names must be there, and what it makes must find
room."""

from pathlib import Path

from studio.datasets.errors import FolderEmpty, FolderMissing
from studio.datasets.folder import NONE_AT_ALL
from studio.datasets.pictures import ENDINGS
from studio.disk import check_writable, free_bytes
from studio.runs.costs import read_costs
from studio.settings import Settings
from studio.shelf import Shelf
from studio.train_errors import NoRoomForCheckpoints, PathMissing
from studio.train_request import TrainRequest
from studio.words import Said

PARTS = ("pretrained_unet_path", "pretrained_text_encoder_path", "pretrained_fp16_vae_path")
_PATHS = ("dataset_path", "output_path", *PARTS)
_BYTES_A_NUMBER = 16
"""Of a LoRA in a checkpoint: its value, two moments of the optimizer, and the LoRA file beside."""


def check(request: TrainRequest, settings: Settings) -> None:
    """Raise what would keep a run from beginning: FolderMissing, FolderEmpty, PathMissing, what is wrong with the model,
    DiskFull, NotWritable or NoRoomForCheckpoints."""
    _check_dataset(Path(request.dataset_path), request.dataset_path)
    for name in PARTS:
        path = getattr(request, name)
        if path and not Path(path).exists():
            raise PathMissing(name, label=request.settings()[name].label, path=path)
    shelf = Shelf(settings)
    has_own_parts = all(getattr(request, name) for name in PARTS)
    cards = {card.name: card for card in shelf.models()}
    folder = cards[request.model].folder if has_own_parts and request.model in cards else None
    folder = folder or shelf.model(request.model).folder
    for place in (
        settings.runs_dir,
        settings.loras_dir,
        *([Path(request.output_path)] if request.output_path else []),
    ):
        check_writable(place)
    _check_room(request, folder, settings.runs_dir)


def whole_paths(request: TrainRequest) -> TrainRequest:
    """The request with paths that mean the same from any folder."""
    told = {name: getattr(request, name) for name in _PATHS}
    return request.with_(
        **{name: str(Path(path).expanduser().absolute()) for name, path in told.items() if path}
    )


def _check_dataset(path: Path, told: str) -> None:
    if not told or not path.is_dir():
        raise FolderMissing("dataset_path", path=told or "''")
    if not any(file.suffix.lower() in ENDINGS for file in path.rglob("*")):
        raise FolderEmpty("dataset_path", path=told, found=Said(NONE_AT_ALL, {}))


def _check_room(request: TrainRequest, folder: Path, runs_dir: Path) -> None:
    denoiser = read_costs(folder, denoiser=request.pretrained_unet_path).denoiser
    numbers = denoiser.lora_parameters(request.targets, request.lora_rank)
    needed = numbers * _BYTES_A_NUMBER * (request.checkpoints_kept + 1)
    free = free_bytes(runs_dir)
    if needed > free:
        raise NoRoomForCheckpoints("checkpoints_kept", folder=str(runs_dir), needed_mb=needed // 2**20,
                                   free_mb=free // 2**20)  # fmt: skip
