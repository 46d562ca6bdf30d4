"""The catalogue of a set: what goes in comes out, edits are safe from each other, steps can be taken back."""

import multiprocessing
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.dataset_requests import Need
from studio.datasets.catalogue import FILE, Catalogue
from studio.datasets.entry import Entry, Measures, New, Provenance
from studio.datasets.errors import CatalogueBroken, EditedElsewhere, EntryMissing, SetMissing
from studio.datasets.query import Query


def new(number=0, **changes):
    told = {"file": f"pictures/{number}.png", "name": f"{number}.png", "sha256": f"{number:064x}"}
    return New(**{**told, **changes})


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue.create(tmp_path / "set", Need()) as made:
        yield made


def test_a_picture_comes_out_as_it_went_in(catalogue):
    whole = new(
        caption="一只猫, \"quoted\"\nand 🐈", caption_source="human", split="train", tags=("a b", "猫"), repeats=3,
        provenance=Provenance(source="urls", author="O'Brien", license="CC-BY-4.0", ai_generated=True, parent="ff"),
        measures=Measures(width=640, height=480, phash=2**64 - 1, mirror_phash=2**63, has_alpha=True, sharpness=1.5),
    )  # fmt: skip
    (id,) = catalogue.add([whole])
    found = catalogue.get(id)
    assert {name: getattr(found, name) for name in vars(whole)} == vars(whole)
    assert catalogue.with_sha256(whole.sha256) == found
    assert [*catalogue.entries()] == catalogue.page(Query(), 0, 9) == [found]


@given(words=st.text(max_size=200), tags=st.lists(st.text(min_size=1, max_size=20), max_size=4))
def test_any_words_are_kept(words, tags):
    tags = tuple(" ".join(tag.split()) for tag in tags if tag.split())
    words = words.encode("utf-8", "replace").decode()
    tags = tuple(tag.encode("utf-8", "replace").decode() for tag in tags)
    with Catalogue.over("nowhere", Need()) as catalogue:
        (id,) = catalogue.add([new(caption=words, tags=tags)])
        assert catalogue.get(id).caption == words
        assert catalogue.get(id).tags == tags


def test_everything_is_there_when_it_is_opened_again(tmp_path):
    with Catalogue.create(tmp_path, Need(goal="object", trigger_word="mobo")) as made:
        (id,) = made.add([new()])
        made.edit(id, 0, caption="kept")
        made.set_note("imports", [{"done": 3}])
    with Catalogue.open(tmp_path) as again:
        assert again.get(id).caption == "kept"
        assert again.need == Need(goal="object", trigger_word="mobo")
        assert again.note("imports") == [{"done": 3}]


def test_two_windows_never_overwrite_each_other_silently(tmp_path):
    with Catalogue.create(tmp_path, Need()) as one, Catalogue.open(tmp_path) as two:
        (id,) = one.add([new(caption="first")])
        seen = two.get(id).version
        one.edit(id, seen, caption="by one")
        with pytest.raises(EditedElsewhere, match="by one") as told:
            two.edit(id, seen, caption="by two")
        assert told.value.say("zh").count("by one") == 1
        assert two.get(id).caption == "by one"
        assert two.edit(id, two.get(id).version, caption="by two").caption == "by two"


def _write_many(root, first):
    with Catalogue.open(root) as catalogue:
        for number in range(first, first + 40):
            catalogue.add([new(number)])


def test_two_processes_write_at_once(tmp_path):
    Catalogue.create(tmp_path, Need()).close()
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_many, args=(tmp_path, first)) for first in (0, 1000)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    with Catalogue.open(tmp_path) as catalogue:
        assert catalogue.count() == 80


def test_a_batch_goes_in_whole_or_not_at_all(catalogue):
    def broken():
        yield new(1)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        catalogue.add(broken())
    assert catalogue.count() == 0


def test_each_step_is_taken_back_whole(catalogue):
    ids = catalogue.add(new(n, caption=f"c{n}") for n in range(3))
    catalogue.edit_many({id: {"caption": "same", "split": "train"} for id in ids}, "replace")
    catalogue.delete(ids[:2])
    assert catalogue.count() == 1
    assert catalogue.last_step() == ("delete", 2)
    assert catalogue.undo() == ("delete", 2)
    assert catalogue.count() == 3
    assert catalogue.undo() == ("replace", 3)
    assert [e.caption for e in catalogue.entries()] == ["c0", "c1", "c2"]
    assert {e.split for e in catalogue.entries()} == {""}
    assert catalogue.undo() is None


def test_what_changes_nothing_is_no_step(catalogue):
    (id,) = catalogue.add([new(caption="same")])
    assert catalogue.edit_many({id: {"caption": "same"}}, "replace") == 0
    assert catalogue.last_step() is None
    assert catalogue.get(id).version == 0


def test_steps_that_join_are_undone_as_one(catalogue):
    ids = catalogue.add(new(n, caption=f"c{n}") for n in range(3))
    for id in ids[:2]:
        catalogue.edit_many({id: {"caption": "by a model"}}, "captions 1", joins=True)
    catalogue.edit_many({ids[0]: {"caption": "again"}}, "captions 1", joins=True)
    catalogue.edit_many({ids[2]: {"caption": "by another"}}, "captions 2", joins=True)
    assert catalogue.last_step() == ("captions 2", 1)
    catalogue.undo()
    assert catalogue.last_step() == ("captions 1", 2)
    catalogue.undo()
    assert [e.caption for e in catalogue.entries()] == ["c0", "c1", "c2"]


def test_half_a_character_does_not_stop_a_caption(catalogue):
    (id,) = catalogue.add([new()])
    assert catalogue.edit(id, 0, caption="a \ud83d cat").caption == "a ? cat"


def test_undo_raises_versions_so_that_open_editors_notice(catalogue):
    (id,) = catalogue.add([new(caption="old")])
    edited = catalogue.edit(id, 0, caption="new")
    catalogue.undo()
    with pytest.raises(EditedElsewhere):
        catalogue.edit(id, edited.version, caption="newer")


def test_rewrite_asks_for_each_picture(catalogue):
    ids = catalogue.add(new(n, caption=f"cat {n}") for n in range(3))
    changed = catalogue.rewrite(ids[1:], lambda entry: {"caption": entry.caption.upper()}, "upper")
    assert changed == 2
    assert [e.caption for e in catalogue.entries()] == ["cat 0", "CAT 1", "CAT 2"]


@pytest.mark.parametrize(("query", "wanted"), [
    (Query(), [1, 2, 3, 4]),
    (Query(words="red CAT"), [1]),
    (Query(words="100%"), [2]),
    (Query(words="_"), [3]),
    (Query(words="猫"), [4]),
    (Query(tag="a b"), [1]),
    (Query(tag="a"), []),
    (Query(split="validation"), [2]),
    (Query(split="none"), [1, 3, 4]),
    (Query(license="CC0-1.0"), [3]),
    (Query(is_uncaptioned=True), []),
    (Query(stretch=("side", 100, 300)), [2]),
    (Query(order="name", is_descending=True), [4, 3, 2, 1]),
    (Query(order="size", is_descending=True), [3, 2, 4, 1]),
    (Query(check="blur"), [3]),
])  # fmt: skip
def test_queries_find_what_they_say(catalogue, query, wanted):
    catalogue.add([
        new(1, caption="a cat, red", tags=("a b",)),
        new(2, caption="100% wool", split="validation", measures=Measures(width=200, height=400)),
        new(3, caption="a_b", provenance=Provenance(license="CC0-1.0"), measures=Measures(width=900, height=900)),
        new(4, caption="一只猫"),
    ])  # fmt: skip
    catalogue.set_findings({"blur": {3: "warning"}})
    assert catalogue.ids(query) == wanted
    assert catalogue.count(query) == len(wanted)
    assert [entry.id for entry in catalogue.page(query, 0, 10)] == wanted
    assert {entry.id for entry in catalogue.entries(query)} == set(wanted)


def test_findings_go_with_their_pictures(catalogue):
    ids = catalogue.add(new(n) for n in range(2))
    catalogue.set_findings({"blur": {ids[0]: "warning", ids[1]: "error"}, "tiny": {ids[0]: "note"}})
    assert catalogue.findings(ids[0]) == {"blur": "warning", "tiny": "note"}
    catalogue.delete([ids[1]])
    assert catalogue.troubled() == {"blur": 1, "tiny": 1}
    catalogue.set_findings({})
    assert catalogue.troubled() == {}


def test_measures_come_later_and_are_no_step(catalogue):
    (id,) = catalogue.add([new()])
    assert catalogue.unmeasured() == [id]
    before = catalogue.stamp
    catalogue.measure({id: Measures(width=3, height=4)})
    assert catalogue.unmeasured() == []
    assert catalogue.get(id).version == 0
    assert catalogue.stamp > before
    assert catalogue.last_step() is None


def test_counts_tags_and_values(catalogue):
    catalogue.add([
        new(1, tags=("cat",), split="train", measures=Measures(width=10, height=20)),
        new(2, tags=("cat", "dog"), measures=Measures(width=30, height=20)),
    ])  # fmt: skip
    assert catalogue.tags() == {"cat": 2, "dog": 1}
    assert catalogue.tally("split") == {"train": 1, "": 1}
    assert sorted(catalogue.values("side")) == [10, 20]
    assert catalogue.columns(["id", "m_width"]) == [(1, 10), (2, 30)]


def test_size_is_that_of_the_export():
    entry = Entry(id=1, file="a", name="a", sha256="", measures=Measures(width=400, height=200), turn=1)
    assert entry.size == (200, 400)
    cut = Entry(id=1, file="a", name="a", sha256="", measures=entry.measures, crop=(0.25, 0, 0.75, 1))
    assert cut.size == (200, 200)
    assert Entry(id=1, file="a", name="a", sha256="").size == (0, 0)


def test_bad_catalogues_are_told_in_a_sentence(tmp_path):
    with pytest.raises(SetMissing):
        Catalogue.open(tmp_path)
    (tmp_path / FILE).write_bytes(b"no database, only words" * 100)
    with pytest.raises(CatalogueBroken, match="Its pictures are untouched"):
        Catalogue.open(tmp_path)
    (tmp_path / FILE).unlink()
    with sqlite3.connect(tmp_path / FILE) as later:
        later.execute("PRAGMA user_version = 99")
    with pytest.raises(CatalogueBroken, match="version 99"):
        Catalogue.open(tmp_path)


def test_a_picture_that_is_not_there_is_named(catalogue):
    with pytest.raises(EntryMissing, match="number 7"):
        catalogue.get(7)
    with pytest.raises(EntryMissing):
        catalogue.edit_many({7: {"caption": "x"}}, "replace")


def test_a_catalogue_of_version_1_is_brought_up_to_date_and_looked_at_again(tmp_path):
    with Catalogue.create(tmp_path, Need()) as made:
        (id,) = made.add(
            [new(caption="a red boat", measures=Measures(width=64, height=64, pixels_digest="a"))]
        )
    with sqlite3.connect(tmp_path / FILE) as earlier:
        earlier.execute("ALTER TABLE pictures RENAME COLUMN m_pixels_digest TO m_pixels_sha256")
        earlier.execute("PRAGMA user_version = 1")
    for _ in range(2):
        with Catalogue.open(tmp_path) as again:
            assert again.unmeasured() == [id]
            assert again.get(id).caption == "a red boat"
