"""Where the studio runs, where its folders are, and what it may do there.

Everyone asks a capability (`may_train`), never the environment: the environment is read here, once.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from studio.words import Language

Host = Literal["local", "space", "zerogpu", "modelscope", "colab", "kaggle"]

ROOT = Path(__file__).resolve().parent.parent

_LASTING: dict[Host, str] = {"modelscope": "/mnt/workspace", "kaggle": "/kaggle/working"}
"""Folders that outlive a restart of the host. A Space has none of its own: a mounted bucket is no place for SQLite."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Folders, language and kind of host of this installation; `from_environment` fills all of it in."""

    root: Path
    models_dir: Path
    weights_dir: Path
    loras_dir: Path
    presets_dir: Path
    output_dir: Path
    runs_dir: Path
    language: Language = "en"
    host: Host = "local"
    public: bool = False

    @classmethod
    def from_environment(cls, **overrides: Any) -> Self:
        """Settings for this machine. What is given wins over `INKSTONE_MODELS`, `INKSTONE_OUTPUT`, `INKSTONE_RUNS` and
        `INKSTONE_LANGUAGE`, and those win over what is found; sub-folders follow the folder that holds them."""
        given = {name: value for name, value in overrides.items() if value is not None}
        given |= {name: Path(given[name]) for name in given if name == "root" or name.endswith("_dir")}
        host: Host = given.get("host", host_kind(os.environ))
        root: Path = given.get("root", ROOT)
        models = Path(given.get("models_dir", os.environ.get("INKSTONE_MODELS", root / "models")))
        lasting = os.environ.get("INKSTONE_OUTPUT", _lasting_dir(host, root) / "outputs")
        output = Path(given.get("output_dir", lasting))
        found: dict[str, Any] = {
            "root": root,
            "models_dir": models,
            "weights_dir": models / "weights",
            "loras_dir": models / "loras",
            "presets_dir": root / "presets",
            "output_dir": output,
            "runs_dir": Path(os.environ.get("INKSTONE_RUNS", output / "runs")),
            "language": language_of(os.environ.get("INKSTONE_LANGUAGE") or _locale(os.environ)),
            "host": host,
            "public": host in ("space", "zerogpu", "modelscope"),
        }
        return cls(**found | given)

    @property
    def may_train(self) -> bool:
        """Whether training runs can be started: they need a device for hours and a disk that lasts."""
        return not self.public and self.host != "zerogpu"

    @property
    def may_import_paths(self) -> bool:
        """Whether a folder or file of this machine may be named; visitors may only upload."""
        return not self.public

    @property
    def may_delete(self) -> bool:
        """Whether pictures, LoRAs and runs can be removed from the page."""
        return not self.public

    @property
    def may_fetch_models(self) -> bool:
        """Whether models can be fetched from a hub and removed from the page: visitors find what the host has put there."""
        return not self.public

    @property
    def may_browse_history(self) -> bool:
        """Whether the page shows every picture made here; visitors see only their own."""
        return not self.public

    @property
    def may_share(self) -> bool:
        """Whether a public link can be opened; a hosted studio already has one."""
        return self.host in ("local", "colab", "kaggle")


def host_kind(environment: Mapping[str, str]) -> Host:
    """What sort of host the environment variables name."""
    if environment.get("SPACES_ZERO_GPU", "").lower() in ("1", "true"):
        return "zerogpu"
    if "SPACE_ID" in environment:
        return "space"
    if environment.get("MODELSCOPE_ENVIRONMENT") == "studio":
        return "modelscope"
    if "KAGGLE_KERNEL_RUN_TYPE" in environment:
        return "kaggle"
    if "COLAB_RELEASE_TAG" in environment:
        return "colab"
    return "local"


def language_of(tag: str | None) -> Language:
    """The language nearest to a tag as browsers and locales write it: any Chinese gives "zh", all else "en"."""
    return "zh" if (tag or "").lower().replace("_", "-").split("-")[0].split(".")[0] == "zh" else "en"


def _locale(environment: Mapping[str, str]) -> str | None:
    return next((environment[k] for k in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(k)), None)


def _lasting_dir(host: Host, root: Path) -> Path:
    folder = Path(_LASTING.get(host, str(root)))
    return folder if os.access(folder, os.W_OK) else root
