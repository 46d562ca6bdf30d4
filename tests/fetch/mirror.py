"""Two hubs on 127.0.0.1 with a model each, which answer as Hugging Face and ModelScope do, and a studio beside them."""

import hashlib
import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from studio.fetch.fetching import fetch
from studio.fetch.progress import Progress
from studio.fetch.record import Download, Records
from studio.settings import Settings
from studio.shelf import ModelCard, Shelf
from studio.sources.addresses import TRUSTED
from tests.sources.site import MISSING, Asked, Reply, Site, as_json, served

ID = "ada/toy-diffusers"
SHA = "0123456789abcdef0123456789abcdef01234567"
API = f"/api/v1/models/{ID}/repo"
CARD = f"""
family = "kolors"
folder = "weights/Toy"
sizes = [[64, 64]]
licence = "Apache-2.0"
source_url = "https://hub.example/{ID}"
huggingface = "{ID}"
modelscope = "{ID}"
files_gb = 0.001
[title]
en = "Toy"
zh = "玩具"
[about]
en = "Small."
zh = "很小。"
[defaults]
width = 64
height = 64
"""
INDEX = {
    "_class_name": "KolorsPipeline",
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "tokenizer": ["transformers", "ChatGLMTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    "image_encoder": [None, None],
}


def weights(count: int, seed: int = 0) -> bytes:
    """A safetensors file of so many bytes of one tensor."""
    header = json.dumps({f"w{seed}": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes((seed + n) % 251 for n in range(count))


UNET, VAE = "unet/diffusion_pytorch_model.fp16.safetensors", "vae/diffusion_pytorch_model.safetensors"
NEEDED = {
    "model_index.json": json.dumps(INDEX).encode(),
    "scheduler/scheduler_config.json": b"{}",
    "tokenizer/tokenizer_config.json": b'{"tokenizer_class": "ChatGLMTokenizer"}',
    "tokenizer/tokenizer.model": b"pieces",
    "unet/config.json": b"{}",
    UNET: weights(300_000, 1),
    "vae/config.json": b'{"a": 1}',
    VAE: weights(90_000, 2),
}
LEFT = {
    "README.md": b"# Toy", ".gitattributes": b"", "toy.safetensors": weights(9), "unet/model.onnx": b"o",
    "unet/diffusion_pytorch_model.safetensors": weights(600_000, 3), "unet/diffusion_pytorch_model.bin": b"p",
    "unet/diffusion_flax_model.msgpack": b"f", "vae/openvino_model.bin": b"v", "vae/openvino_config.json": b"{}",
    "vae/onnx/model.onnx": b"o", "safety_checker/model.safetensors": weights(5), "unet/code.py": b"import os",
}  # fmt: skip


@dataclass
class Toy:
    """The model at both hubs. Large files of Hugging Face lie on another server; `troubles` come before the first
    answers for a file ("" for the list of files)."""

    files: dict[str, bytes] = field(default_factory=lambda: {**NEEDED, **LEFT})
    troubles: dict[str, list[Reply]] = field(default_factory=dict)
    lies: dict[str, bytes] = field(default_factory=dict)
    cdn: str = ""
    before: Callable[[str], None] = lambda path: None
    held: dict[str, threading.Event] = field(default_factory=dict)

    def hub(self, asked: Asked) -> Reply:
        """The endpoint of either."""
        if asked.path == f"/api/models/{ID}":
            return self._trouble("") or self._listed()
        if asked.path == f"{API}/files":
            return self._trouble("") or self._listed_by_modelscope()
        if asked.path == API:
            return self._content(asked.query["FilePath"], asked)
        path = asked.path.partition(f"/{ID}/resolve/{SHA}/")[2]
        if path.endswith(".safetensors"):
            return Reply(status=302, headers={"Location": f"{self.cdn}/store/{path}"})
        return self._content(path, asked) if path in self.files else MISSING

    def store(self, asked: Asked) -> Reply:
        """Where large files lie."""
        return self._content(asked.path.removeprefix("/store/"), asked)

    def _trouble(self, path: str) -> Reply | None:
        waiting = self.troubles.get(path)
        return waiting.pop(0) if waiting else None

    def _content(self, path: str, asked: Asked) -> Reply:
        self.before(path)
        if trouble := self._trouble(path):
            return trouble
        content = self.lies.get(path, self.files[path])
        start = int(asked.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if start >= len(content) > 0:
            return Reply(status=416)
        told = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        return Reply(content[start:], 206 if start else 200, told, held=self.held.get(path))

    def _listed(self) -> Reply:
        listed = []
        for name, content in self.files.items():
            one = {"rfilename": name, "size": len(content)}
            if name.endswith((".safetensors", ".bin")):
                digest = hashlib.sha256(content).hexdigest()
                one["lfs"] = {"size": len(content), "sha256": digest, "pointerSize": 130}
            one["blobId"] = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            listed.append(one)
        return as_json({"id": ID, "sha": SHA, "private": False, "tags": [], "siblings": listed})

    def _listed_by_modelscope(self) -> Reply:
        listed = [
            {
                "Path": name,
                "Type": "blob",
                "Size": len(content),
                "Sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, content in self.files.items()
        ]
        folder = {"Path": "unet", "Type": "tree", "Size": 0, "Sha256": ""}
        return as_json({"Code": 200, "Success": True, "Data": {"Files": [folder, *listed]}})


@dataclass
class House:
    """A studio with a card for the toy, and an environment that names the hubs."""

    settings: Settings
    toy: Toy
    site: Site
    cdn: Site
    environment: dict[str, str]

    @property
    def card(self) -> ModelCard:
        """The toy's card."""
        return next(card for card in Shelf(self.settings).models() if card.name == "toy")

    @property
    def folder(self) -> Path:
        """Where the toy goes."""
        return self.settings.weights_dir / "Toy"

    @property
    def record(self) -> Download | None:
        """What is known of its download."""
        return Records(self.settings).of("toy")

    def get(self, hub: str = "huggingface") -> list[Progress]:
        """Fetch it to the end."""
        return list(fetch(self.card, hub, self.settings, self.environment))

    def here(self) -> dict[str, bytes]:
        """The files in its folder."""
        files = [file for file in self.folder.rglob("*") if file.is_file()]
        return {file.relative_to(self.folder).as_posix(): file.read_bytes() for file in files}

    def ranges(self, path: str) -> list[str | None]:
        """How a file was asked for, time by time."""
        asked = [*self.site.asked, *self.cdn.asked]
        is_it = [one for one in asked if one.path.endswith(path) or one.query.get("FilePath") == path]
        return [one.headers.get("Range") for one in is_it if "/resolve/" not in one.path]


@contextmanager
def mirrored(root: Path, toy: Toy | None = None) -> Iterator[House]:
    """Both hubs, until the block ends."""
    toy = toy or Toy()
    (root / "models" / "cards").mkdir(parents=True, exist_ok=True)
    (root / "models" / "cards" / "toy.toml").write_text(CARD, encoding="utf-8")
    with ExitStack() as stack:
        site, cdn = (stack.enter_context(served(answers)) for answers in (toy.hub, toy.store))
        toy.cdn = cdn.url
        environment = {"HF_ENDPOINT": site.url, "MODELSCOPE_ENDPOINT": site.url, TRUSTED: cdn.url,
                       "HF_TOKEN": "hf_secret", "MODELSCOPE_API_TOKEN": "ms_secret"}  # fmt: skip
        settings = Settings.from_environment(
            root=root, models_dir=root / "models", output_dir=root / "outputs", host="local", language="en"
        )
        yield House(settings, toy, site, cdn, environment)
