"""The history survives what happens to files: restarts, a lost or damaged index, broken pictures, a second process."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from PIL import Image, PngImagePlugin

from studio import disk
from studio.errors import DiskFull, NotWritable, StorageError
from studio.exchange.picture import read_settings
from studio.history import History
from studio.requests import GenerateRequest, LoraUse
from studio.settings import ROOT, Settings

WIDTH, HEIGHT = 12, 8
RGB = bytes(range(WIDTH * HEIGHT * 3 % 256)) + bytes(WIDTH * HEIGHT * 3 - WIDTH * HEIGHT * 3 % 256)


@pytest.fixture
def settings(tmp_path):
    return Settings.from_environment(root=tmp_path, output_dir=tmp_path / "outputs")


@pytest.fixture
def history(settings):
    return History(settings)


def add(history, prompt="a red boat", seed=7, **fields):
    return history.add(
        RGB, WIDTH, HEIGHT, GenerateRequest(prompt=prompt, **fields), {"seed": seed, "seconds": 1.25}
    )


def prompts(history, words="", **page):
    return [entry.request.prompt for entry in history.search(words, **page)]


def test_a_picture_is_kept_with_its_settings_and_a_thumbnail(history, settings):
    entry = add(history, count=4)
    assert read_settings(entry.file).request == GenerateRequest(prompt="a red boat", seed=7)
    with Image.open(entry.file) as picture:
        assert picture.tobytes() == RGB
    with Image.open(entry.thumbnail) as picture:
        assert picture.size == (WIDTH, HEIGHT)
    assert entry.file.parent.parent == settings.output_dir
    assert (entry.seed, entry.seconds, entry.model) == (7, 1.25, "storybook")


def test_pictures_come_back_newest_first_after_a_restart(history, settings):
    made = [add(history, f"boat {n}") for n in range(3)]
    assert History(settings).search() == made[::-1]
    assert History(settings).get(made[1].id) == made[1]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("boat", ["a Red boat 100%"]), ("BOAT red", ["a Red boat 100%"]), ("船 红", ["一艘红色的小船"]), ("green", []),
        ("100%", ["a Red boat 100%"]), ("_", ["snake_case"]), ("night", ["一艘红色的小船"]), ("ink", ["snake_case"]),
        ("blur", ["snake_case"]), ("\\", []), ("storybook", ["snake_case", "一艘红色的小船", "a Red boat 100%"]),
    ],
)  # fmt: skip
def test_words_are_searched_in_prompts_models_styles_and_loras(history, words, found):
    add(history, "a Red boat 100%")
    add(history, "一艘红色的小船", styles=("night",))
    add(history, "snake_case", negative_prompt="blur", loras=(LoraUse("ink"),))
    assert prompts(history, words) == found


def test_pages_follow_each_other_even_when_pictures_come_and_go(history):
    made = [add(history, str(n)) for n in range(7)]
    first = history.search(limit=3)
    assert [entry.request.prompt for entry in first] == ["6", "5", "4"]
    add(history, "new")
    history.delete(first[-1].id)
    made[2].file.unlink()
    assert prompts(history, limit=3, before=first[-1].id) == ["3", "1", "0"]
    assert prompts(history, limit=3, before="never was") == []


def test_a_deleted_picture_is_gone_with_all_that_belongs_to_it(history):
    entry = add(history)
    history.delete(entry.id)
    history.delete(entry.id)
    assert not entry.file.exists()
    assert not entry.thumbnail.exists()
    assert history.get(entry.id) is None
    assert history.search() == []


def test_an_id_is_looked_up_and_never_made_into_a_path(history, tmp_path):
    (tmp_path / "private.png").write_bytes(b"")
    for id in ("../private", "../../private", str(tmp_path / "private"), "%", ""):
        assert history.get(id) is None
        history.delete(id)
    assert (tmp_path / "private.png").exists()


def test_a_lost_index_is_built_again_while_running(history, settings):
    made = [add(history, f"boat {n}") for n in range(3)]
    (settings.output_dir / "history.sqlite3").unlink()
    assert history.search("boat") == made[::-1]
    assert History(settings).search() == made[::-1]


@pytest.mark.parametrize("rubbish", [b"", b"not a database at all" * 100])
def test_a_damaged_index_is_built_again(history, settings, rubbish):
    made = [add(history, f"boat {n}") for n in range(3)]
    for ending in ("-wal", "-shm"):
        (settings.output_dir / f"history.sqlite3{ending}").unlink(missing_ok=True)
    (settings.output_dir / "history.sqlite3").write_bytes(rubbish)
    assert history.search() == made[::-1]


def test_broken_pictures_are_passed_over(history, settings):
    entry = add(history, "whole")
    cut = add(history, "cut")
    cut.file.write_bytes(cut.file.read_bytes()[:40])
    cut.thumbnail.unlink()
    (entry.file.parent / "empty.png").write_bytes(b"")
    (entry.file.parent / "notes.png").write_text("no picture")
    assert prompts(history) == ["whole"]
    (settings.output_dir / "history.sqlite3").unlink()
    assert prompts(History(settings)) == ["whole"]


def test_pictures_copied_in_or_moved_by_hand_are_found(history, settings):
    entry = add(history)
    folder = settings.output_dir / "2020-01-01"
    folder.mkdir()
    shutil.copy(entry.file, folder / "mine.png")
    moved = entry.file.rename(folder / entry.file.name)
    found = {each.id: each.file for each in History(settings).search()}
    assert found == {"mine": folder / "mine.png", entry.id: moved}


def test_a_lost_thumbnail_is_made_again(history):
    entry = add(history)
    entry.thumbnail.unlink()
    assert history.search()[0].thumbnail.is_file()


def test_a_full_disk_is_told_and_leaves_nothing(history, settings, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk.os, "fsync", full)
    with pytest.raises(DiskFull):
        add(history)
    assert [file for file in settings.output_dir.rglob("*") if file.is_file()] == []


def test_a_folder_that_cannot_be_written_is_told(settings):
    settings.output_dir.write_text("in the way")
    for ask in (add, lambda history: history.search(), lambda history: history.check()):
        with pytest.raises(NotWritable):
            ask(History(settings))


def test_a_picture_is_kept_even_if_the_index_fails(history, settings, monkeypatch):
    add(history, "first")
    with monkeypatch.context() as patch:

        def fail(work):
            raise NotWritable(None, folder="", reason="")

        patch.setattr(history, "_with_index", fail)
        add(history, "second")
        with pytest.raises(StorageError):
            history.search()
    assert prompts(History(settings)) == ["second", "first"]


WRITER = """
import sys
from studio.history import History
from studio.requests import GenerateRequest
from studio.settings import Settings
history = History(Settings.from_environment(output_dir=sys.argv[1]))
for n in range(25):
    history.add(bytes(192), 8, 8, GenerateRequest(prompt=f"{sys.argv[2]} {n}"), {"seed": n})
    history.search("boat", limit=5)
"""


def test_processes_and_threads_write_at_once(settings, history):
    words = [sys.executable, "-c", WRITER, str(settings.output_dir)]
    others = [subprocess.Popen([*words, f"boat {name}"], cwd=ROOT, stderr=subprocess.PIPE) for name in "ab"]
    threads = [threading.Thread(target=lambda: [add(history, "boat c") for _ in range(10)]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        _, complaint = other.communicate(timeout=60)
        assert other.returncode == 0, complaint.decode()[-1000:]
    assert len(history.search("boat", limit=200)) == 70
    assert len(list(settings.output_dir.glob("*/*.png"))) == 70


def test_thousands_of_pictures_are_searched_at_once(history):
    entry = add(history, "needle 针")
    rows = [
        (f"20200101-{n:06}", "gone/x.png", n, n, 1.0, "storybook", "{}", f"hay {n}") for n in range(30_000)
    ]
    history._with_index(lambda index: index.executemany(f"INSERT INTO pictures VALUES ({'?, ' * 7}?)", rows))
    started = os.times().elapsed
    assert history.search("针 needle") == [entry]
    assert os.times().elapsed - started < 0.5


HUGE = "9" * 400
STRANGE = [
    f'{{"version": 1, "request": {{"guidance": {HUGE}}}}}',
    f'{{"version": 1, "request": {{}}, "facts": {{"seconds": {HUGE}}}}}',
    '{"version": 1, "request": {}, "facts": {"seconds": NaN}}',
    f'{{"version": 1, "request": {{"loras": [{{"name": "a", "weight": {HUGE}}}]}}}}',
    '{"version": 1, "request": {"model": "\\ud800", "prompt": "\\ud800"}}',
]


def strange_png(file, text):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("inkstone", text)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        Image.new("RGB", (8, 8)).save(stream, "PNG", pnginfo=texts)


@pytest.mark.parametrize("text", STRANGE)
def test_no_strange_picture_keeps_the_others_from_being_found(history, settings, text):
    strange_png(settings.output_dir / "2026-01-01" / "strange.png", text)
    entry = add(history)
    assert [found.id for found in history.search()] == [entry.id, "strange"]
    assert history.get("strange").seconds == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are always text")
def test_a_name_that_is_no_text_is_passed_over_and_logged(history, settings, caplog):
    strange_png(settings.output_dir / "2026-01-01" / os.fsdecode(b"\xff.png"), STRANGE[0])
    entry = add(history)
    assert history.search() == [entry]
    assert r"passes over '\udcff.png'" in caplog.text


def test_half_characters_find_nothing_and_break_nothing(history):
    add(history)
    assert history.search("\ud800") == []
    assert history.get("\ud800") is None


def test_a_saved_picture_is_told_whatever_the_index_does(history, monkeypatch, caplog):
    monkeypatch.setattr("studio.history._row", lambda entry: 1 / 0)
    assert add(history).file.is_file()
    assert "is not in the index yet" in caplog.text


def test_a_row_that_no_request_can_hold_any_more_is_passed_over(history, settings, caplog):
    kept, refused = add(history, "kept"), add(history, "refused")
    with closing(sqlite3.connect(settings.output_dir / "history.sqlite3")) as index, index:
        index.execute("UPDATE pictures SET request = ? WHERE id = ?", ('{"steps": 999}', refused.id))
    assert history.search() == [kept]
    assert refused.id in caplog.text
