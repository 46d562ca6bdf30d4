"""ModelScope, against a server that answers as its three addresses do."""

import pytest

from studio.datasets.errors import SourceFailed, SourceRefused
from tests.sources.site import MISSING, Reply, as_json, png, served

API = "/api/v1/datasets/ada/boats"
FILES = {
    "README.md": b"# boats", ".gitattributes": b"", "train/metadata.csv": "file_name,text\n0.png,一只猫\n1.png,一只狗\n".encode(),
    "train/0.png": png(0), "train/1.png": png(1), "validation/metadata.csv": b"file_name,text\n2.png,a boat\n",
    "validation/2.png": png(2),
}  # fmt: skip


class Scope:
    """A dataset of files; `troubles` come before the first answers to a path."""

    def __init__(self, files=FILES, page: int = 200) -> None:
        self.files = files
        self.troubles: dict[str, list[Reply]] = {}

    def __call__(self, asked) -> Reply:
        if waiting := self.troubles.get(asked.query.get("FilePath", asked.path)):
            return waiting.pop()
        if asked.path == API:
            return as_json({"Code": 200, "Success": True, "Data": {"Name": "boats", "License": "cc-by-4.0"}})
        if asked.path == f"{API}/repo/tree":
            size, start = int(asked.query["PageSize"]), int(asked.query["PageNumber"]) - 1
            names = sorted(self.files)[start * size : (start + 1) * size]
            listed = [
                {"Path": name, "Type": "blob", "Size": len(self.files[name]), "Sha256": ""} for name in names
            ]
            if not start:
                listed = [*listed[:-1], {"Path": "train", "Type": "tree", "Size": 0}, *listed[-1:]]
            return as_json({"Code": 200, "Success": True, "Data": {"Files": listed}})
        if asked.path == f"{API}/repo":
            content = self.files[asked.query["FilePath"]]
            start = int(asked.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
            if start:
                return Reply(
                    content[start:],
                    206,
                    {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"},
                )
            return Reply(content, headers={"ETag": '"1"'})
        return MISSING


def test_a_picture_folder_keeps_captions_splits_and_licence(house):
    with served(Scope()) as site:
        house.environment |= {"MODELSCOPE_ENDPOINT": site.url, "MODELSCOPE_API_TOKEN": "t0k"}
        brought = house.bring("modelscope", where="ada/boats", count=0)
    assert house.captions() == {"0.png": "一只猫", "1.png": "一只狗", "2.png": "a boat"}, brought.skipped
    assert house.catalogue.tally("split") == {"train": 2, "validation": 1}
    facts = house.catalogue.get(1).provenance
    assert (facts.license, facts.source, facts.source_id) == (
        "CC-BY-4.0",
        "modelscope",
        "ada/boats/train/0.png",
    )
    assert facts.source_url.startswith(site.url)
    assert site.asked[0].headers["Authorization"] == "Bearer t0k"
    assert not list((house.folder / "work").rglob("*.png"))
    house.check_whole()


def test_only_what_is_asked_for_is_fetched(house):
    with served(Scope()) as site:
        house.environment["MODELSCOPE_ENDPOINT"] = site.url
        house.bring("modelscope", where=f"{site.url}/datasets/ada/boats@v1", query="validation/*", count=1)
    assert house.captions() == {"2.png": "a boat"}
    fetched = [asked.query["FilePath"] for asked in site.asked if "FilePath" in asked.query]
    assert not [name for name in fetched if name.startswith("train/") and name.endswith(".png")]
    assert {asked.query.get("Revision") for asked in site.asked[1:]} == {"v1"}


def test_long_lists_are_paged(house):
    files = {f"{number:03d}.txt": b"x" for number in range(395)} | {"a.png": png(7), "a.txt": b"last"}
    with served(Scope(files)) as site:
        house.environment["MODELSCOPE_ENDPOINT"] = site.url
        house.bring("modelscope", where="ada/boats", count=0)
    assert house.captions() == {"a.png": "last"}
    assert [asked.query["PageNumber"] for asked in site.asked if asked.path.endswith("tree")] == ["1", "2"]


def test_a_broken_transfer_goes_on_and_a_second_import_loads_nothing_again(house):
    scope = Scope()
    scope.troubles["train/1.png"] = [Reply(status=503), Reply(png(1), headers={"ETag": '"1"'}, cut=100)]
    with served(scope) as site:
        house.environment["MODELSCOPE_ENDPOINT"] = site.url
        assert len(house.bring("modelscope", where="ada/boats", count=0).taken) == 3
        asked = [one for one in site.asked if one.query.get("FilePath") == "train/1.png"]
        assert [one.headers.get("Range") for one in asked] == [None, "bytes=100-", "bytes=100-"]
        before = len(site.asked)
        assert house.bring("modelscope", where="ada/boats", count=0).taken == []
        assert not [one for one in site.asked[before:] if one.query.get("FilePath", "").endswith(".png")]


def test_an_import_that_fails_goes_on_with_what_was_fetched(house):
    scope = Scope()
    scope.troubles["train/1.png"] = [Reply(status=500)] * 4
    with served(scope) as site:
        house.environment["MODELSCOPE_ENDPOINT"] = site.url
        with pytest.raises(SourceFailed, match="500"):
            house.bring("modelscope", where="ada/boats", count=0)
        before = len(site.asked)
        assert len(house.bring("modelscope", where="ada/boats", count=0).taken) == 3
        assert "train/0.png" not in [one.query.get("FilePath") for one in site.asked[before:]]


def test_missing_sets_wrong_names_and_failures_in_the_body_are_told(house):
    with served(lambda asked: MISSING) as site:
        house.environment["MODELSCOPE_ENDPOINT"] = site.url
        with pytest.raises(SourceRefused, match="MODELSCOPE_API_TOKEN"):
            house.bring("modelscope", where="ada/boats")
        with pytest.raises(SourceRefused, match="owner/name"):
            house.bring("modelscope", where="../../etc")
    failure = as_json(
        {"Code": 10010205001, "Success": False, "Message": "dataset is being checked", "Data": None}
    )
    with served(lambda asked: failure) as site:
        house.environment["MODELSCOPE_ENDPOINT"] = site.url
        with pytest.raises(SourceFailed, match="being checked"):
            house.bring("modelscope", where="ada/boats")


def test_a_set_without_pictures_is_told(house):
    with served(Scope({"README.md": b"words"})) as site:
        house.environment["MODELSCOPE_ENDPOINT"] = site.url
        with pytest.raises(SourceRefused, match="no pictures"):
            house.bring("modelscope", where="ada/boats")


def test_paths_that_climb_out_are_not_fetched(house):
    files = {"../evil.png": png(1), "/etc/evil.png": png(2), "a/../../evil.png": png(3), "good.png": png(4)}
    with served(Scope(files)) as site:
        house.environment["MODELSCOPE_ENDPOINT"] = site.url
        assert house.bring("modelscope", where="ada/boats").taken == ["good.png"]
    assert not list(house.folder.parent.glob("*evil*"))
