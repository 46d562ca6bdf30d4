"""A picture of a set and all that is known of it: words, where it came from, what its pixels are like."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Split = Literal["", "train", "validation"]
Crop = tuple[float, float, float, float]
"""Left, top, right, bottom as shares (0 to 1) of the picture as it is seen, after its turn."""

NO_LICENCE = "NOASSERTION"
"""SPDX's word for a licence that nobody has stated."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a picture came from, as far as anybody said. Licences are SPDX identifiers, times ISO 8601 in UTC."""

    source: str = ""
    source_id: str = ""
    source_url: str = ""
    author: str = ""
    license: str = NO_LICENCE
    license_url: str = ""
    attribution: str = ""
    retrieved_at: str = ""
    ai_generated: bool = False
    parent: str = ""
    """SHA-256 of the picture that this one was made from."""
    series: str = ""
    """Pictures of one series (a burst, a source's set) stay on one side of a split."""
    recipe: str = ""
    """JSON from which the picture can be made again: a scene, or a request."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What one look at a file told. Sizes are in pixels as the picture is seen; shares lie between 0 and 1. A `fault`
    names what keeps the file from being used (`studio.datasets.measure`); the pixels are then not measured."""

    width: int = 0
    height: int = 0
    format: str = ""
    mode: str = ""
    bytes: int = 0
    frames: int = 1
    orientation: int = 1
    has_alpha: bool = False
    bit_depth: int = 8
    has_profile: bool = False
    """An ICC profile that isn't sRGB."""
    has_location: bool = False
    has_thumbnail: bool = False
    camera: str = ""
    maker: str = ""
    """The program that made it, where the file says so."""
    creator: str = ""
    """Artist or copyright holder, where the file says so."""
    opt_out: str = ""
    """The statement in the file that it is not for training."""
    pixels_digest: str = ""
    """XXH3 (128 bits) of the upright RGB pixels; tells equal pictures in different files."""
    phash: int = 0
    mirror_phash: int = 0
    """64-bit perceptual hashes of the picture and of its mirror image, 0 to 2**64 - 1."""
    colours: str = ""
    """A coarse colour histogram, as hexadecimal digits."""
    sharpness: float = 0.0
    """Variance of the Laplacian of the grey picture at 512 pixels."""
    dark_share: float = 0.0
    light_share: float = 0.0
    brightness: float = 0.0
    """Mean grey, 0 to 255."""
    entropy: float = 0.0
    """Bits of the grey histogram, 0 to 8."""
    detail: float = 0.0
    """Share of the spectrum's energy above half of the Nyquist frequency; low means scaled up."""
    saturation: float = 0.0
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class New:
    """A picture that enters a set. `file` is its path inside the set's folder, or an absolute one that is only read."""

    file: str
    name: str
    sha256: str
    caption: str = ""
    caption_source: str = ""
    split: Split = ""
    tags: tuple[str, ...] = ()
    repeats: int = 1
    provenance: Provenance = field(default_factory=Provenance)
    measures: Measures | None = None


@dataclass(frozen=True, kw_only=True)
class Entry(New):
    """A picture of a set. `version` counts its changes; `turn` counts quarter turns clockwise."""

    id: int
    version: int = 0
    added_at: float = 0.0
    turn: int = 0
    crop: Crop | None = None
    is_deleted: bool = False

    def path(self, root: Path) -> Path:
        """The file, for a set in folder `root`."""
        return root / self.file

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as it will be exported: turned, then cut; (0, 0) when nobody has looked yet."""
        if self.measures is None:
            return 0, 0
        width, height = self.measures.width, self.measures.height
        if self.turn % 2:
            width, height = height, width
        if self.crop is None:
            return width, height
        left, top, right, bottom = self.crop
        return max(1, round((right - left) * width)), max(1, round((bottom - top) * height))
