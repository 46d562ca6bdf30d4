"""Hugging Face, against a server that answers as the hub does."""

import hashlib
import io
import tarfile
import zipfile

import pytest

from studio.datasets.errors import SourceFailed, SourceRefused
from tests.sources.site import Reply, as_json, png, served


@pytest.fixture(autouse=True)
def online(monkeypatch):
    """The hub's library asks no site where this variable was set when it was imported."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


API = "/api/datasets/ada/boats"
SHA = "0123456789abcdef0123456789abcdef01234567"
TABLE = "file_name,text\n0.png,一只猫\n1.png,NA\n2.png,a dog\n".encode()
LOOSE = {"README.md": b"x", ".gitattributes": b"", "train/metadata.csv": TABLE} | {
    f"train/{number}.png": png(number) for number in range(3)
}


def packed_zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("10_boat/a.png", png(20))
        archive.writestr("10_boat/a.txt", "a red boat")
    return stream.getvalue()


def shard(start: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for number in (start, start + 1):
            for ending, content in (("png", png(number)), ("txt", f"picture {number}".encode())):
                told = tarfile.TarInfo(f"{number:06d}.{ending}")
                told.size = len(content)
                archive.addfile(told, io.BytesIO(content))
    return stream.getvalue()


class Hub:
    """A dataset of files at a hub; `troubles` come before the first answers for a file."""

    def __init__(self, files=LOOSE, tags=("license:cc-by-4.0",)) -> None:
        self.files = files
        self.tags = tags
        self.troubles: dict[str, list[Reply]] = {}

    def __call__(self, asked) -> Reply:
        if asked.path in (API, f"{API}/revision/v1"):
            return as_json(
                {"id": "ada/boats", "sha": SHA, "tags": [*self.tags], "private": False, "siblings": []}
            )
        if asked.path.startswith(f"{API}/tree/"):
            listed = [
                {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
                for name, content in self.files.items()
            ]
            return as_json([{"type": "directory", "path": "train", "oid": "0" * 40, "size": 0}, *listed])
        name = asked.path.partition(f"/resolve/{SHA}/")[2]
        if waiting := self.troubles.get(name):
            return waiting.pop()
        if name not in self.files:
            return Reply(status=404, headers={"X-Error-Code": "EntryNotFound"})
        content = self.files[name]
        told = {
            "X-Repo-Commit": SHA,
            "ETag": f'"{hashlib.sha1(content).hexdigest()}"',
            "Accept-Ranges": "bytes",
        }
        start = int(asked.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0] or 0)
        if start:
            told["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return Reply(content[start:], 206 if start else 200, told)


def fetched(site) -> list[str]:
    return [asked.path.partition(f"/resolve/{SHA}/")[2] for asked in site.asked if "/resolve/" in asked.path]


def test_a_picture_folder_keeps_captions_split_and_licence(house):
    with served(Hub()) as site:
        house.environment["HF_ENDPOINT"] = site.url
        brought = house.bring("hub", where="ada/boats", count=0)
    assert house.captions() == {"0.png": "一只猫", "1.png": "NA", "2.png": "a dog"}, brought.skipped
    facts = house.catalogue.get(1).provenance
    assert (facts.source, facts.source_id, facts.license) == ("hub", "ada/boats/train/0.png", "CC-BY-4.0")
    assert facts.source_url == f"{site.url}/datasets/ada/boats/blob/{SHA}/train/0.png"
    assert house.catalogue.tally("split") == {"train": 3}
    assert not any((house.folder / "work").rglob("*.png"))
    house.check_whole()


def test_only_as_many_pictures_as_asked_for_are_fetched_and_the_next_import_brings_the_next(house):
    with served(Hub()) as site:
        house.environment["HF_ENDPOINT"] = site.url
        house.bring("hub", where="ada/boats@v1", count=1)
        assert {name for name in fetched(site) if name.endswith(".png")} == {"train/0.png"}
        house.bring("hub", where="ada/boats@v1", count=1)
    assert list(house.captions()) == ["0.png", "1.png"]


def test_packed_files_are_read_one_after_the_other_and_not_twice(house):
    files = {"data/train-00.tar": shard(0), "data/val-01.tar": shard(10), "more/extra.zip": packed_zip()}
    hub = Hub(files, tags=("license:other",))
    with served(hub) as site:
        house.environment["HF_ENDPOINT"] = site.url
        house.bring("hub", where="ada/boats", count=2)
        assert set(fetched(site)) == {"data/train-00.tar"}
        hub.troubles["more/extra.zip"] = [Reply(status=403)] * 20
        with pytest.raises(SourceFailed, match="403"):
            house.bring("hub", where="ada/boats", count=0)
        assert house.catalogue.count() == 4
        hub.troubles.clear()
        site.asked.clear()
        house.bring("hub", where="ada/boats", count=0)
        assert set(fetched(site)) == {"more/extra.zip"}
    assert set(house.captions().values()) == {
        "picture 0",
        "picture 1",
        "picture 10",
        "picture 11",
        "a red boat",
    }
    assert house.catalogue.tally("split") == {"train": 3, "validation": 2}
    assert house.catalogue.tally("license") == {"NOASSERTION": 5}


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply(status=403, headers={"X-Error-Code": "GatedRepo"}), SourceRefused, "accept terms"),
        (Reply(status=404, headers={"X-Error-Code": "RepoNotFound"}), SourceRefused, "HF_TOKEN"),
        (Reply(status=404, headers={"X-Error-Code": "RevisionNotFound"}), SourceRefused, "HF_TOKEN"),
        (Reply(status=429), SourceFailed, "429"),
        (Reply(status=500), SourceFailed, "500"),
    ],
)
def test_what_the_hub_refuses_is_explained(house, reply, kind, said, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with served(lambda asked: reply) as site:
        house.environment["HF_ENDPOINT"] = site.url
        with pytest.raises(kind, match=said):
            house.bring("hub", where="ada/boats")


def test_a_hub_that_is_not_there_is_explained(house, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with served(lambda asked: Reply()) as site:
        house.environment["HF_ENDPOINT"] = site.url
    with pytest.raises(SourceFailed, match="connection failed"):
        house.bring("hub", where="ada/boats")


def test_a_transfer_that_breaks_off_goes_on(house, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 2**14)
    content = png(5, 640, 640)
    hub, loads = Hub({"big.png": content}), list[str]()

    def answer(asked) -> Reply:
        reply = hub(asked)
        if asked.path.endswith("big.png") and asked.method == "GET":
            loads.append(asked.headers.get("Range", ""))
            reply.cut = len(content) // 2 if len(loads) == 1 else None
        return reply

    with served(answer) as site:
        house.environment["HF_ENDPOINT"] = site.url
        assert house.bring("hub", where="ada/boats").taken == ["big.png"]
    assert len(loads) == 2
    assert loads[1].startswith("bytes=")
    house.check_whole()
