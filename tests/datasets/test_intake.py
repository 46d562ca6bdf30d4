"""Pictures come into a set whole or not at all, whatever they are and whatever happens meanwhile."""

import errno
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.dataset_requests import ImportRequest, Need
from studio.datasets import intake
from studio.datasets.catalogue import Catalogue
from studio.datasets.entry import Provenance
from studio.datasets.errors import ImportBroken, SourceFailed, SourceRefused, TableBroken
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.imports import imports, left_off, unfinished
from studio.datasets.intake import Taken, take_in
from studio.errors import DiskFull, StudioError
from studio.settings import ROOT, Settings
from studio.sources.importing import import_from
from studio.sources.source import Place
from studio.words import Said, Text

REQUEST = ImportRequest(source="test", count=0)


def picture(seed: int, kind: str = "PNG", size: tuple[int, int] = (80, 72), **others) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1] // 8, size[0] // 8, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize(size).save(stream, kind, **others)
    return stream.getvalue()


def offered(name: str, content: bytes, **others) -> Found:
    return Found(name=name, open=lambda: io.BytesIO(content), **others)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue.create(tmp_path / "set", Need()) as made:
        yield made


def take(catalogue: Catalogue, *found: Found | Skipped | Step, request: ImportRequest = REQUEST):
    told = list(take_in(catalogue, iter(found), request))
    skipped = {one.name: one.reason.say() for one in told if isinstance(one, Skipped)}
    return [one.name for one in told if isinstance(one, Taken)], skipped


def check_whole(catalogue: Catalogue, is_exact: bool = True) -> None:
    """Every picture's file is there with its bytes; with `is_exact` nothing else is."""
    files = set()
    for entry in catalogue.entries():
        file = entry.path(catalogue.root)
        files.add(file)
        assert hashlib.sha256(file.read_bytes()).hexdigest() == entry.sha256
        with Image.open(file) as opened:
            opened.load()
    lying = {file for file in (catalogue.root / "pictures").rglob("*") if file.is_file()}
    assert not is_exact or lying == files


def test_a_picture_is_kept_as_it_came_and_measured(catalogue):
    content = picture(1, "JPEG")
    told = Provenance(author="Ada", license="CC BY 4.0", source_url="https://x.example/a")
    taken, skipped = take(
        catalogue, offered("a/猫.jpg", content, caption="一只猫", caption_source="file", provenance=told)
    )
    assert (taken, skipped) == (["猫.jpg"], {})
    entry = catalogue.get(1)
    sha256 = hashlib.sha256(content).hexdigest()
    assert entry.file == f"pictures/{sha256[:2]}/{sha256[:16]}.jpg"
    assert entry.path(catalogue.root).read_bytes() == content
    assert (entry.caption, entry.caption_source) == ("一只猫", "file")
    assert (entry.measures.width, entry.measures.format) == (80, "JPEG")
    assert (entry.provenance.source, entry.provenance.license) == ("test", "CC-BY-4.0")
    assert entry.provenance.retrieved_at.endswith("+00:00")


def test_the_request_gives_captions_to_those_without(catalogue):
    request = REQUEST.with_(caption=" a toy ")
    take(
        catalogue,
        offered("a.png", picture(1), caption=" \n"),
        offered("b.png", picture(2), caption="own"),
        request=request,
    )
    assert [(e.caption, e.caption_source) for e in catalogue.entries()] == [("a toy", "shared"), ("own", "")]


def test_the_same_bytes_come_in_once_also_when_they_were_deleted(catalogue):
    taken, skipped = take(
        catalogue, offered("a.png", picture(1)), offered("b.png", picture(1)), offered("c.png", picture(2))
    )
    assert (taken, skipped) == (["a.png", "c.png"], {"b.png": "it is in the dataset already, as 'a.png'"})
    catalogue.delete([1])
    taken, skipped = take(catalogue, offered("d.png", picture(1)), offered("e.png", picture(2)))
    assert taken == []
    assert skipped["d.png"].startswith("it was deleted from this dataset before ('a.png')")
    assert skipped["e.png"] == "it is in the dataset already, as 'c.png'"


def test_what_a_source_has_given_before_is_not_opened_again(catalogue):
    def refuse():
        raise AssertionError("opened")

    told = Provenance(source="test", source_id="7")
    take(catalogue, offered("a.png", picture(1), provenance=told))
    taken, skipped = take(catalogue, Found(name="b.png", open=refuse, provenance=told))
    assert (taken, skipped) == ([], {"b.png": "it came in with an earlier import"})


def test_names_are_cleaned_and_do_not_meet(catalogue):
    names = ["../x/a.png", "A.png", "a.png", "CON.png", "\u202egnp.exe", "猫" * 200 + ".png"]
    taken, _ = take(catalogue, *(offered(name, picture(n)) for n, name in enumerate(names)))
    assert taken[:5] == ["a.png", "A-2.png", "a-3.png", "_CON.png", "gnp.exe"]
    assert len(taken[5].encode()) <= 180
    check_whole(catalogue)


def test_the_content_decides_the_ending_and_polyglots_are_only_pictures(catalogue):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("evil.html", "<script>")
    both = picture(1, "JPEG") + archive.getvalue()
    taken, skipped = take(
        catalogue, offered("a.zip", both), offered("b.html", picture(2)), offered("c.png", picture(3, "WEBP")),
        offered("d.png", b"<html><script>alert(1)</script>"), offered("e.jpg", archive.getvalue()), offered("f.png", b""),
    )  # fmt: skip
    assert taken == ["a.zip", "b.html", "c.png"], skipped
    assert [entry.path(catalogue.root).suffix for entry in catalogue.entries()] == [".jpg", ".png", ".webp"]
    assert set(skipped) == {"d.png", "e.jpg", "f.png"}
    check_whole(catalogue)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "format"),
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "format"),
        ("a.jpg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "format"),
        ("a.jpg", picture(1, "JPEG", (400, 400))[:3000], "cut short"),
        ("a.png", picture(1, "PNG", (400, 400))[:3000], "cut short"),
        ("a.webp", picture(1, "WEBP", (400, 400))[:800], "cut short"),
        ("a.png", picture(1)[:-12] + b"\0" * 12, "cut short"),
        ("a.txt", "一只猫".encode(), "opened as a picture"),
    ],
)
def test_what_cannot_be_learnt_from_is_told_and_leaves_nothing(catalogue, name, content, said):
    taken, skipped = take(catalogue, offered(name, content))
    assert taken == []
    assert said in skipped[name]
    check_whole(catalogue)


def test_a_pixel_bomb_is_seen_from_its_header(catalogue):
    stream = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(stream, "PNG")
    assert len(stream.getvalue()) < 100_000
    _, skipped = take(catalogue, offered("bomb.png", stream.getvalue()))
    assert "million pixels" in skipped["bomb.png"]


def test_a_file_without_end_is_cut_off(catalogue, monkeypatch):
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            assert size > 0
            self.given += size
            return bytes(size)

    monkeypatch.setattr(intake, "MOST_BYTES", 2**20)
    stream = Endless()
    _, skipped = take(catalogue, Found(name="a.png", open=lambda: stream))
    assert skipped == {"a.png": "its file has more than 1 MB"}
    assert stream.given == 2**20 + 1
    assert stream.closed


def test_files_that_opt_out_are_left_unless_told_otherwise(catalogue):
    statement = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
        'plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING"/></rdf:RDF></x:xmpmeta>'
    )
    content = picture(1, "JPEG", xmp=statement.encode())
    taken, skipped = take(catalogue, offered("a.jpg", content))
    assert taken == []
    assert "DMI-PROHIBITED-AIMLTRAINING" in skipped["a.jpg"]
    taken, _ = take(catalogue, offered("a.jpg", content), request=REQUEST.with_(honour_opt_outs=False))
    assert taken == ["a.jpg"]
    assert "DMI-PROHIBITED" in catalogue.get(1).measures.opt_out


def test_hostile_words_and_metadata_are_only_words(catalogue):
    bad = "\x00<script>alert(1)</script>\u202e\ud800'; DROP TABLE pictures; --" + "x" * 10**5
    told = Provenance(author=bad, source_id=bad, license=bad, attribution=bad, source_url="javascript:alert(1)",
                      license_url="https://a.example/\n" + bad, series=bad, recipe=bad, parent=bad)  # fmt: skip
    taken, skipped = take(
        catalogue,
        offered(
            bad,
            picture(1),
            caption=bad,
            caption_source=bad,
            tags=(bad,) * 500,
            repeats=10**9,
            provenance=told,
        ),
    )
    assert len(taken) == 1, skipped
    entry = catalogue.get(1)
    for words in (
        entry.name,
        entry.caption,
        entry.provenance.author,
        entry.provenance.attribution,
        *entry.tags,
    ):
        assert "\x00" not in words
        assert "\u202e" not in words
        assert len(words) <= 20_000
    assert entry.provenance.license == "NOASSERTION"
    assert entry.provenance.source_url == ""
    assert entry.repeats == 1000
    assert catalogue.count() == 1


def test_metadata_of_a_picture_that_is_an_attack_is_survived(catalogue):
    laughs = (
        '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "'
        + "&a;" * 50
        + '"><!ENTITY c "'
        + "&b;" * 50
        + '">]>'
    )
    content = picture(1, "JPEG", xmp=(laughs + "<x>" + "&c;" * 50 + "</x>").encode())
    started = time.monotonic()
    taken, _ = take(catalogue, offered("a.jpg", content))
    assert taken == ["a.jpg"]
    assert time.monotonic() - started < 5


def test_only_as_many_as_asked_for_are_opened(catalogue):
    opened = []

    def offers() -> Iterator[Found]:
        for number in range(100):
            opened.append(number)
            yield offered(f"{number}.png", picture(number))

    list(take_in(catalogue, offers(), REQUEST.with_(count=3)))
    assert (catalogue.count(), len(opened)) == (3, 3)
    assert imports(catalogue)[-1].is_finished


def test_a_failing_source_keeps_what_came_and_goes_on(catalogue):
    def offers(fails: bool) -> Iterator[Found]:
        for number in range(10):
            if fails and number == 4:
                raise SourceFailed(None, source="X", reason="down")
            yield offered(
                f"{number}.png", picture(number), provenance=Provenance(source="test", source_id=str(number))
            )

    request = REQUEST.with_(count=10)
    with pytest.raises(SourceFailed):
        list(take_in(catalogue, offers(True), request))
    (record,) = unfinished(catalogue)
    assert (record.taken, record.request) == (4, request)
    assert "down" in record.problem.zh
    list(take_in(catalogue, offers(False), request))
    assert catalogue.count() == 10
    assert [(one.taken, one.is_finished) for one in imports(catalogue)] == [(10, True)]


def test_an_error_in_the_middle_says_how_many_came_in(catalogue):
    def offers() -> Iterator[Found]:
        yield offered("0.png", picture(0))
        yield offered("1.png", picture(1))
        raise TableBroken("where", file="metadata.jsonl", reason="row 3")

    with pytest.raises(ImportBroken, match=r"row 3.* 2 pictures had come in.* go on") as raised:
        list(take_in(catalogue, offers(), REQUEST))
    assert raised.value.field == "where"
    assert catalogue.count() == 2


def test_an_import_that_brought_something_is_told_of_until_it_is_finished(catalogue):
    running = take_in(catalogue, (offered(f"{n}.png", picture(n)) for n in range(40)), REQUEST)
    next(running)
    running.close()
    (said,) = left_off(catalogue)
    assert f"so far: {catalogue.count()}" in said.say("en")
    take(catalogue, *(offered(f"{n}.png", picture(n)) for n in range(40)))
    assert left_off(catalogue) == []


def test_a_failed_import_that_brought_nothing_leaves_nothing_to_tell(catalogue):
    def offers() -> Iterator[Found]:
        raise SourceRefused(None, source="X", reason="no")
        yield

    with pytest.raises(SourceRefused):
        list(take_in(catalogue, offers(), REQUEST))
    assert len(unfinished(catalogue)) == 1
    assert left_off(catalogue) == []


def test_closing_keeps_what_waited_and_closes_the_source(catalogue):
    closed = []

    def offers() -> Iterator[Found | Step]:
        try:
            for number in range(10):
                yield offered(f"{number}.png", picture(number))
                if number == 5:
                    yield Step(6, 10, Said(Text("x", "x"), {}))
        finally:
            closed.append(True)

    running = take_in(catalogue, offers(), REQUEST)
    assert isinstance(next(running), Taken)
    running.close()
    assert closed == [True]
    assert catalogue.count() == 6
    assert len(unfinished(catalogue)) == 1
    check_whole(catalogue)


@pytest.mark.parametrize("when", range(0, 12, 3))
def test_a_disk_that_fills_up_leaves_whole_pictures_and_what_was_there(catalogue, monkeypatch, when):
    """The write that finds no room is the system's own, wherever in the import it comes."""
    take(catalogue, offered("old.png", picture(99), caption="old"))
    before = catalogue.get(1)
    real, writes = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        writes[0] += 1
        if writes[0] > when + 1:  # the first one asks if there is room at all
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StudioError, match="is full") as raised:
        take(catalogue, *(offered(f"{n}.png", picture(n)) for n in range(40)))
    monkeypatch.undo()
    assert (f"{when} pictures had come in" in str(raised.value)) == (when > 0)
    assert catalogue.get(1) == before
    assert catalogue.count() == 1 + when
    check_whole(catalogue)
    (record,) = unfinished(catalogue)
    assert "full" in record.problem.en
    take(catalogue, *(offered(f"{n}.png", picture(n)) for n in range(40)))
    assert catalogue.count() == 41


def test_a_catalogue_that_finds_no_room_takes_nothing(catalogue):
    take(catalogue, offered("old.png", picture(99)))
    pages = catalogue._sql.execute("PRAGMA page_count").fetchone()[0]
    catalogue._sql.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DiskFull):
        take(catalogue, *(offered(f"{n}.png", picture(n), caption="x" * 3000) for n in range(64)))
    catalogue._sql.execute("PRAGMA max_page_count = 1000000")
    assert catalogue.count() == 1
    take(catalogue, *(offered(f"{n}.png", picture(n)) for n in range(64)))
    assert catalogue.count() == 65
    check_whole(catalogue)


def test_two_hashes_that_begin_alike_keep_both_pictures(catalogue):
    take(catalogue, offered("a.png", picture(1)))
    first = catalogue.get(1).path(catalogue.root)
    first.write_bytes(picture(2))  # another file has that name already
    catalogue._sql.execute("DELETE FROM pictures")
    take(catalogue, offered("a.png", picture(1)))
    (entry,) = catalogue.entries()
    assert len(Path(entry.file).stem) == 64
    assert first.read_bytes() == picture(2)
    check_whole(catalogue, is_exact=False)


def test_what_a_dead_process_left_is_swept_in_time(catalogue):
    take(catalogue, offered("a.png", picture(1)))
    folder = catalogue.get(1).path(catalogue.root).parent
    old, fresh = folder / ".0000.part", folder / ".1111.part"
    for file in (old, fresh):
        file.write_bytes(b"half")
    os.utime(old, (1, 1))
    take(catalogue, offered("b.png", picture(2)))
    assert (old.exists(), fresh.exists()) == (False, True)


_WORKER = """
import sys, time
from pathlib import Path
from studio.dataset_requests import ImportRequest
from studio.datasets.catalogue import Catalogue
from studio.settings import Settings
from studio.sources.importing import import_from
from studio.sources.source import Place
root, source, where, pause = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
request = ImportRequest(source="folder", where=where, caption=source, count=0)
place = Place(Settings.from_environment(output_dir=root), root / "work")
with Catalogue.open(root / "set") as catalogue:
    for told in import_from(catalogue, request, place):
        print(type(told).__name__, flush=True)
        time.sleep(pause)
"""


def worker(root: Path, name: str, where: Path, pause: float) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", _WORKER, str(root), name, str(where), str(pause)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def heap(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03d}.png").write_bytes(picture(number))
    return folder


def test_two_processes_fill_one_set_without_a_double(catalogue, tmp_path):
    where = heap(tmp_path / "heap", 50)
    running = [worker(tmp_path, name, where, 0) for name in ("one", "two")]
    told = [process.communicate(timeout=60)[0].splitlines() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sum(lines.count("Taken") for lines in told) == 50
    assert sum(lines.count("Skipped") for lines in told) == 50
    assert catalogue.count() == 50
    assert len({entry.sha256 for entry in catalogue.entries()}) == 50
    assert sorted(record.taken + record.skipped for record in imports(catalogue)) == [50, 50]
    check_whole(catalogue)


def test_a_killed_import_leaves_whole_pictures_and_goes_on(catalogue, tmp_path):
    where = heap(tmp_path / "heap", 100)
    process = worker(tmp_path, "one", where, 0.001)
    assert process.stdout is not None
    for _ in range(40):
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    there = catalogue.count()
    assert 32 <= there < 100
    check_whole(catalogue, is_exact=False)
    (record,) = unfinished(catalogue)
    assert record.taken == there
    request = ImportRequest(source="folder", where=str(where), caption="one", count=0)
    place = Place(Settings.from_environment(output_dir=tmp_path), tmp_path / "work")
    told = [type(one).__name__ for one in import_from(catalogue, request, place)]
    assert told.count("Taken") == 100 - there
    assert catalogue.count() == 100
    assert [(one.taken, one.is_finished) for one in imports(catalogue)] == [(100, True)]
    assert json.dumps(imports(catalogue)[0].to_dict())
