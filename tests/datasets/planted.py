"""A planted set: pictures of which every fault is known, each file with the checks that must find it.

    python -m tests.datasets.planted FOLDER [COUNT]

The clean ones are no drawings but textures (noise at several scales, gradients, shapes), so that sharpness, entropy and
detail are like those of photographs. The same count and seed give the same files."""

import csv
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageEnhance, ImageOps

from studio.dataset_requests import CheckRequest, Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import New, Provenance

SIZES = ((192, 192), (216, 144), (144, 216))
TRIGGER = "zvelq"
NEED = Need(resolution=160, use="public", trigger_word=TRIGGER, train_count=500)
ASKED = CheckRequest(batch_size=4, random_flip=True, steps=4000)
_THINGS = (
    "pebbles",
    "bark",
    "moss",
    "cloth",
    "clouds",
    "rust",
    "sand",
    "leaves",
    "foam",
    "marble",
    "wool",
    "smoke",
)
_SHAPES = ("circle", "triangle", "band", "patch", "arc", "square", "ring", "spot")
_PLACES = (
    "in the harbour",
    "on a hill",
    "under trees",
    "by the river",
    "near a wall",
    "in the snow",
    "at noon",
)
_MOODS = ("quiet", "stormy", "bright", "hazy", "crisp", "gentle", "wild", "late", "early", "distant")
GRAIN = np.random.default_rng(7).standard_normal((768, 1024)).astype(np.float32) * 0.5
"""Fine noise, of which each picture gets a piece."""
OPT_OUT = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" plus:DataMining='
    b'"http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING"/></rdf:RDF></x:xmpmeta>'
)
GBK_NAMES = ("猫咪.jpg", "小红船.jpg", "夜晚的城堡.jpg")


@dataclass(frozen=True)
class Picture:
    """A file of the set and the checks that must name it; none for a clean one."""

    file: Path
    name: str
    caption: str
    kind: str = "clean"
    checks: tuple[str, ...] = ()
    license: str = "CC0-1.0"
    tags: tuple[str, ...] = ()
    like: str = ""
    """The clean picture's file that a near-duplicate was made from."""


@dataclass
class Planter:
    """Makes the files of a set in `folder`."""

    folder: Path
    dice: np.random.Generator
    made: list[Picture] = field(default_factory=list)

    def caption(self) -> str:
        """A caption of a clean picture; hardly two are the same."""
        told = [self.dice.choice(words) for words in (_MOODS, _THINGS, _SHAPES, _PLACES, _MOODS, _THINGS)]
        return "{}, {} {} with a {} {}, {} {}".format(TRIGGER, *told)

    def texture(self, width: int = 0, height: int = 0) -> Image.Image:
        """A picture of noise at several scales and shapes, in colours of its own."""
        if not width:
            width, height = SIZES[int(self.dice.integers(len(SIZES)))]
        rough = np.zeros((64, 64, 3), np.float32)
        for cells, strength in ((3, 1.2), (5, 1.1), (9, 0.8), (24, 0.6), (64, 0.4)):
            noise = self.dice.standard_normal((cells, cells, 3), np.float32) * np.float32(strength * 0.5)
            noise += self.dice.standard_normal((cells, cells, 1), np.float32) * np.float32(strength)
            rough += noise if cells == 64 else cv2.resize(noise, (64, 64), interpolation=cv2.INTER_CUBIC)
        rgb = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(int(self.dice.integers(2, 6))):
            self._shape(rgb)
        top, left = self.dice.integers(0, (GRAIN.shape[0] - height, GRAIN.shape[1] - width))
        rgb += GRAIN[top : top + height, left : left + width, None]
        mean, deviation = (float(told[0, 0]) for told in cv2.meanStdDev(rgb.reshape(-1)))
        return Image.fromarray(((rgb - mean) * (48 / deviation) + 127).clip(6, 249).astype(np.uint8))

    def _shape(self, rgb: Any) -> None:
        """A polygon that is brighter, darker or of another hue, with a hard edge."""
        height, width = rgb.shape[:2]
        corners = self.dice.integers(0, (width, height), (int(self.dice.integers(3, 6)), 2)).astype(np.int32)
        layer = np.zeros((height, width, 3), np.float32)
        colour = self.dice.standard_normal(3) * 1.2
        cv2.fillConvexPoly(layer, cv2.convexHull(corners), [float(value) for value in colour])
        rgb += layer

    def put(
        self, picture: Image.Image | bytes, kind: str, *checks: str, ending: str = "jpg", **told: Any
    ) -> Picture:
        """Keep a picture, or the bytes of a file."""
        number = len(self.made)
        save = told.pop("save", {})
        file = self.folder / f"{number:05d}.{ending}"
        if isinstance(picture, bytes):
            file.write_bytes(picture)
        elif ending == "jpg":
            picture.save(file, quality=92, **save)
        else:
            picture.save(file, **save)
        told.setdefault("name", file.name)
        told.setdefault("caption", self.caption())
        made = Picture(file, kind=kind, checks=checks, **told)
        self.made.append(made)
        return made

    def clean(self) -> Picture:
        """A picture without fault."""
        return self.put(self.texture(), "clean", ending="png" if self.dice.random() < 0.1 else "jpg")


def _bytes(picture: Image.Image, kind: str = "JPEG", **save: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **save)
    return stream.getvalue()


def _other_profile() -> bytes:
    """A profile with primaries far from sRGB's."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entry = profile.index(b"rXYZ")
    at = int.from_bytes(profile[entry + 4 : entry + 8], "big") + 8
    profile[at : at + 12] = b"".join(round(value * 65536).to_bytes(4, "big") for value in (0.61, 0.31, 0.02))
    return bytes(profile)


def _located() -> Image.Exif:
    exif = Image.Exif()
    place = exif.get_ifd(0x8825)
    place.update({1: "N", 2: (31.0, 14.0, 5.0), 3: "E", 4: (121.0, 28.0, 9.0)})
    exif[0x8825] = place
    return exif


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _deep(picture: Image.Image) -> bytes:
    deep = np.asarray(picture)[:, :, ::-1].astype(np.uint16) * 257
    return bytes(cv2.imencode(".png", deep)[1])


def _cropped(planter: Planter, picture: Image.Image) -> Image.Image:
    """Up to 4 % cut off in all, at places drawn by chance."""
    width, height = picture.size
    left, top, right, bottom = (planter.dice.random(4) * (width, height, width, height) * 0.02).astype(int)
    return picture.crop((int(left), int(top), width - int(right), height - int(bottom)))


def _shrunk(_: Planter, picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width * 9 // 10, picture.height * 9 // 10), Image.Resampling.LANCZOS)


VARIANTS: dict[str, Callable[[Planter, Image.Image], Image.Image]] = {
    "resaved": lambda _, picture: Image.open(io.BytesIO(_bytes(picture, quality=40))).convert("RGB"),
    "shrunk": _shrunk,
    "brighter": lambda _, picture: ImageEnhance.Brightness(picture).enhance(1.15),
    "grey": lambda _, picture: picture.convert("L").convert("RGB"),
    "mirrored": lambda _, picture: ImageOps.mirror(picture),
    "cropped": _cropped,
}
"""Near-duplicates: how each is made from a clean picture."""


def _blurred(planter: Planter) -> Image.Image:
    return Image.fromarray(cv2.GaussianBlur(np.asarray(planter.texture()), (0, 0), 4))


def _enlarged(planter: Planter) -> Image.Image:
    return planter.texture(48, 48).resize((192, 192), Image.Resampling.BICUBIC)


def _dark(planter: Planter) -> Image.Image:
    return planter.texture().point(lambda value: max(0, (value - 100) // 8))


def _light(planter: Planter) -> Image.Image:
    return planter.texture().point(lambda value: min(255, value // 6 + 230))


def _see_through(planter: Planter) -> Image.Image:
    picture = planter.texture().convert("RGBA")
    picture.putalpha(planter.texture(*picture.size).convert("L"))
    return picture


def _moving(planter: Planter) -> bytes:
    frames = [planter.texture(192, 192) for _ in range(3)]
    return _bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])


def _plant_one_of_each(p: Planter) -> None:
    """Every fault once, near-duplicates aside."""
    p.put(_bytes(p.texture(), quality=92)[: 4000 + int(p.dice.integers(2000))], "truncated", "decodes")
    p.put(b"<!doctype html><title>404</title>", "not a picture", "decodes")
    p.put(b'<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>', "svg", "formats", ending="svg")
    p.put(_moving(p), "animated", "formats", ending="gif")
    p.put(p.texture(), "no caption", "caption_missing", caption="")
    p.put(p.texture(), "NA", "caption_mangled", caption=str(p.dice.choice(["NA", "null", "None", "nan"])))
    p.put(p.texture(), "number", "caption_mangled", caption=str(int(p.dice.integers(10000))))
    p.put(p.texture(), "unsafe name", "file_names", name=f"../{len(p.made)}.jpg")
    p.put(p.texture(), "same name", "file_names", name=f"Café{len(p.made)}.jpg")
    p.put(p.texture(), "same name", "file_names", name=f"CAFE\u0301{len(p.made) - 1}.JPG")
    p.put(p.texture(), "gone", "file_names").file.unlink()
    whole = p.put(p.texture(), "twice", "exact_duplicates", ending="png")
    p.put(Image.open(whole.file), "twice", "exact_duplicates", ending="png", save={"compress_level": 1})
    p.put(p.texture(100, 100), "small", "small")
    p.put(p.texture(70, 70), "tiny", "small")
    p.put(_enlarged(p), "enlarged", "scaled_up")
    p.put(_blurred(p), "blurred", "blur")
    p.put(_dark(p), "dark", "exposure")
    p.put(_light(p), "light", "exposure")
    p.put(Image.new("RGB", (192, 192), (90, 120, 60)), "blank", "blank", ending="png")
    p.put(p.texture(640, 128), "wide", "crop_loss")
    p.put(p.texture(), "turned", "baked", save={"exif": _turned()})
    p.put(_see_through(p), "alpha", "baked", ending="png")
    p.put(p.texture().convert("CMYK"), "cmyk", "baked")
    p.put(_deep(p.texture()), "16 bit", "baked", ending="png")
    p.put(p.texture(), "profile", "baked", save={"icc_profile": _other_profile()})
    p.put(p.texture(), "without trigger", "trigger_word", caption=p.caption().split(", ", 1)[1])
    p.put(p.texture(), "long", "caption_length", caption=" ".join(p.caption() for _ in range(40)))
    p.put(p.texture(), "short", "caption_variety", caption=f"{TRIGGER} moss")
    p.put(p.texture(), "mojibake", "caption_language", caption="猫在草地上".encode().decode("latin-1"))
    p.put(p.texture(), "mojibake", "caption_language", caption=f"{TRIGGER}, \ufffd\ufffd under tall trees")
    p.put(p.texture(), "BOM", "caption_language", caption=f"\ufeff{p.caption()}")
    p.put(p.texture(), "wide commas", "caption_language", caption=p.caption().replace(", ", "，"))
    p.put(p.texture(), "says grey", "tone", caption=f"{p.caption()}, black-and-white photograph")
    p.put(p.texture(), "opted out", "licence", save={"xmp": OPT_OUT})
    p.put(p.texture(), "no licence", "licence", license="NOASSERTION")
    p.put(p.texture(), "location", "privacy", save={"exif": _located()})
    p.put(p.texture(), "one-sided", "flip", caption=f"{p.caption()}, facing left")
    p.put(p.texture(), "regular", "regularisation", tags=("regularisation",))


def plant(folder: Path, count: int = 2000, seed: int = 0) -> list[Picture]:
    """Make `count` pictures in a folder (200 at least): one in eight a near-duplicate of a clean one, one in six with
    another fault, the rest clean."""
    folder.mkdir(parents=True, exist_ok=True)
    planter = Planter(folder, np.random.default_rng(seed))
    near = count // 8
    while len(planter.made) < count // 6:
        _plant_one_of_each(planter)
    while len(planter.made) < count - near:
        planter.clean()
    originals = iter([picture for picture in planter.made if picture.kind == "clean"])
    for number in range(near):
        _plant_near(planter, next(originals), [*VARIANTS][number % len(VARIANTS)])
    return planter.made


def _plant_near(planter: Planter, original: Picture, kind: str) -> None:
    picture = VARIANTS[kind](planter, Image.open(original.file))
    checks = ["near_duplicates"]
    caption = planter.caption()
    if planter.dice.random() < 0.3:
        checks, caption = [*checks, "repeated_pairs"], original.caption
    planter.put(picture, kind, *checks, caption=caption, like=original.file.name)


def faults(made: list[Picture]) -> dict[str, tuple[str, ...]]:
    """File to the checks that must name it, of all that carry a fault; the originals of near-duplicates carry theirs."""
    found = {picture.file.name: picture.checks for picture in made if picture.checks}
    for picture in made:
        if picture.like:
            found[picture.like] = picture.checks
    return found


def into_catalogue(
    made: list[Picture], root: Path, need: Need = NEED
) -> tuple[Catalogue, dict[int, Picture]]:
    """A set over these files, nothing measured yet; each id's picture."""
    catalogue = Catalogue.create(root, need)
    ids = catalogue.add(_news(made))
    return catalogue, dict(zip(ids, made, strict=True))


def _news(made: list[Picture]) -> Iterator[New]:
    for picture in made:
        content = picture.file.read_bytes() if picture.file.is_file() else picture.name.encode()
        yield New(
            file=str(picture.file), name=picture.name, sha256=sha256(content).hexdigest(), caption=picture.caption,
            split="train", tags=picture.tags, provenance=Provenance(source="folder", license=picture.license),
        )  # fmt: skip


def gbk_zip(file: Path, made: list[Picture]) -> Path:
    """A zip as Windows in Chinese writes it: names in GBK, and nothing that says so."""
    stand_ins = {f"~{k}{'#' * 12}"[: len(name.encode("gbk"))]: name for k, name in enumerate(GBK_NAMES)}
    clean = [picture for picture in made if picture.kind == "clean" and picture.file.suffix == ".jpg"]
    with zipfile.ZipFile(file, "w") as archive:
        for stand_in, picture in zip(stand_ins, clean, strict=False):
            archive.write(picture.file, stand_in)
    content = file.read_bytes()
    for stand_in, name in stand_ins.items():
        content = content.replace(stand_in.encode(), name.encode("gbk"))
    file.write_bytes(content)
    return file


def main(folder: str, count: str = "2000") -> None:
    """Plant a set with metadata.csv, faults.json and a zip, to look at or to import."""
    root = Path(folder)
    made = plant(root / "train", int(count))
    with (root / "train" / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(("file_name", "text"))
        writer.writerows((picture.file.name, picture.caption) for picture in made)
    told = {picture.file.name: {"kind": picture.kind, "checks": picture.checks} for picture in made}
    (root / "faults.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    gbk_zip(root / "gbk.zip", made)


if __name__ == "__main__":
    main(*sys.argv[1:])
