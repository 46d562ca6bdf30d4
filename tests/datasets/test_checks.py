"""Each check speaks up about what it is for and holds its tongue otherwise; each fix makes its finding go away and is
undone."""

import random
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studio.dataset_requests import CheckRequest, ImportRequest, Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.checks import checks
from studio.datasets.checks.check import LEVELS, Check, Finding, Inspection
from studio.datasets.checks.mojibake import is_garbled, repaired
from studio.datasets.entry import Entry, Measures, New, Provenance
from studio.datasets.imports import begin, keep, left_off
from studio.shelf.limits import Limit
from studio.words import Text

NEED = Need(goal="style", resolution=256, train_count=30, use="public", trigger_word="zvelq")
ASKED = CheckRequest(batch_size=1, random_flip=True, steps=1000)
WORDS = Limit(
    40, lambda text: len(text.split()) + text.count("zvelq"), lambda text: " ".join(text.split()[40:])
)
COUNT, KEPT = 44, 4
SEEN = Measures(
    width=256, height=256, format="JPEG", mode="RGB", bytes=40_000, sharpness=400.0, brightness=120.0, entropy=7.2,
    detail=0.08, saturation=0.3,
)  # fmt: skip

Change = dict[str, Any]


def good(number: int) -> New:
    """A picture that nothing is wrong with, like no other."""
    dice = random.Random(number)
    colours = "".join(dice.choice("0123456789ab") for _ in range(28))
    measures = replace(
        SEEN, phash=dice.getrandbits(64), mirror_phash=dice.getrandbits(64), pixels_digest=f"{number:064x}",
        colours=colours,
    )  # fmt: skip
    return New(
        file=f"pictures/{number}.jpg", name=f"{number}.jpg", sha256=f"{number:064x}",
        caption=f"zvelq, a {dice.choice(['quiet', 'late'])} harbour with {number} boats in the rain",
        split="validation" if number < KEPT else "train", measures=measures,
        provenance=Provenance(source="folder", license="CC0-1.0"),
    )  # fmt: skip


def changed(new: New, change: Change) -> New:
    """The picture with some fields of its own, of its measures (m_…) or provenance (p_…) changed."""
    assert new.measures is not None
    measures = replace(new.measures, **{k[2:]: v for k, v in change.items() if k.startswith("m_")})
    provenance = replace(new.provenance, **{k[2:]: v for k, v in change.items() if k.startswith("p_")})
    own = {k: v for k, v in change.items() if k[:2] not in ("m_", "p_")}
    return replace(new, measures=measures, provenance=provenance, **own)


@dataclass(frozen=True)
class Case:
    """What is changed of the good set: pictures by number, need and request; and what the check then says of which
    level, and of which pictures (numbers; none means the set as a whole)."""

    check: str
    level: str
    changes: dict[int, Change]
    about: tuple[int, ...] | None = None
    need: Change | None = None
    asked: Change | None = None
    kept: int = COUNT
    fixes: bool = True
    must_acknowledge: bool = False
    left_off: bool = False

    @property
    def pictures(self) -> set[int]:
        return set(self.changes) if self.about is None else set(self.about)


def like(number: int, *bits: int, **more: Any) -> Change:
    """Hashes and colours of another picture, some bits off."""
    measures = good(number).measures
    assert measures is not None
    mask = sum(1 << bit for bit in bits)
    return {
        "m_phash": measures.phash ^ mask, "m_mirror_phash": measures.mirror_phash ^ mask, "m_colours": measures.colours,
        **more,
    }  # fmt: skip


PIXELS = {"m_pixels_digest": "f" * 64}
CASES = (
    Case("decodes", "error", {9: {"m_fault": "truncated"}, 12: {"m_fault": "not-a-picture"}}),
    Case("decodes", "error", {9: {"m_fault": "too-large"}, 12: {"m_fault": "too-small"}}),
    Case("formats", "error", {9: {"m_fault": "format"}}),
    Case("formats", "warning", {9: {"m_format": "GIF", "m_frames": 4}}, fixes=False),
    Case("formats", "warning", {9: {"m_format": "GIF"}}, fixes=False),
    Case("formats", "note", {9: {"m_format": "TIFF"}}, fixes=False),
    Case("caption_missing", "warning", {9: {"caption": ""}, 12: {"caption": " \n"}}),
    Case("caption_missing", "error", {9: {"caption": ""}}, fixes=False, need={"trigger_word": ""}),
    Case("caption_mangled", "error", {9: {"caption": "NA"}, 12: {"caption": " null "}, 13: {"caption": "-7.5e3"}}),
    Case("caption_mangled", "error", {9: {"caption": "True"}, 12: {"caption": "12"}}),
    Case("file_names", "error", {9: {"name": "../9.jpg"}, 12: {"name": "/etc/9.jpg"}, 13: {"name": "aux.jpg"}}),
    Case("file_names", "error", {9: {"name": "a\u202egpj.9"}, 12: {"name": "x" * 300}, 13: {"name": "a?b.jpg"}}),
    Case("file_names", "error", {9: {"name": "Ä/Boat.jpg"}, 12: {"name": "A\u0308/BOAT.jpg"}}),
    Case("leak", "error", {2: like(9, 1, 2, 3)}, about=(2,)),
    Case("exact_duplicates", "warning", {9: PIXELS, 12: {**PIXELS, "m_bytes": 90_000}, 13: PIXELS}),
    Case("near_duplicates", "warning", {9: like(12, 5), 13: like(12, 7, 8)}, about=(9, 12, 13)),
    Case("near_duplicates", "note", {9: like(12, *range(9))}, about=(9, 12), fixes=False),
    Case("near_duplicates", "error", {k: like(20, k) for k in range(21, 33)}, about=tuple(range(20, 33))),
    Case("repeated_pairs", "warning", {9: like(12, 5, caption=good(12).caption)}, about=(9, 12)),
    Case("small", "warning", {9: {"m_width": 200, "m_height": 200}}, fixes=False),
    Case("small", "error", {9: {"m_width": 100, "m_height": 100}}),
    Case("scaled_up", "note", {9: {"m_detail": 0.01}}),
    Case("scaled_up", "warning", {9: {"m_detail": 0.001}}),
    Case("blur", "warning", {9: {"m_sharpness": 20.0}}, fixes=False),
    Case("blur", "warning", {9: {"m_sharpness": 4.0}}),
    Case("exposure", "warning", {9: {"m_dark_share": 0.3}, 12: {"m_brightness": 20.0}}),
    Case("exposure", "warning", {9: {"m_light_share": 0.3}, 12: {"m_brightness": 240.0}}),
    Case("exposure", "note", {9: {"m_light_share": 0.3}}, need={"goal": "product"}),
    Case("blank", "error", {9: {"m_entropy": 0.0}}),
    Case("blank", "warning", {9: {"m_entropy": 2.0}}, fixes=False),
    Case("blank", "note", {9: {"m_entropy": 2.0}}, need={"kind": "drawing"}, fixes=False),
    Case("crop_loss", "warning", {9: {"m_width": 1600}}),
    Case("crop_loss", "warning", {9: {"m_width": 410}}, asked={"uses_buckets": False}),
    Case("crop_loss", "note", {9: {"m_width": 330}}, asked={"uses_buckets": False}),
    Case("buckets", "note", {}, asked={"batch_size": 3}),
    Case("buckets", "warning", {}, about=tuple(range(KEPT, COUNT)), asked={"batch_size": 64}),
    Case("baked", "note", {9: {"m_orientation": 6}, 12: {"m_has_alpha": True}, 13: {"m_mode": "CMYK"},
                           14: {"m_bit_depth": 16}, 15: {"m_has_profile": True}}),
    Case("count", "error", {}, kept=KEPT + 3),
    Case("count", "warning", {}, kept=KEPT + 20),
    Case("count", "note", {}, kept=KEPT + 35, need={"train_count": 36}),
    Case("count", "note", {}, kept=KEPT + 24, need={"train_count": 24}),
    Case("validation_size", "note", {k: {"split": "train"} for k in range(KEPT)}, about=(), fixes=False),
    Case("validation_size", "warning", {k: {"split": "train"} for k in range(KEPT)}, about=(),
         need={"validation_count": 5}),
    Case("validation_size", "warning", {1: {"p_source": "augmented", "p_parent": "0" * 64}, 5: {"split": "validation"}},
         about=(1,)),
    Case("validation_size", "warning", {1: {"repeats": 3}}),
    Case("steps", "note", {}, asked={"steps": 100}),
    Case("steps", "note", {}, asked={"steps": 40 * 150}),
    Case("steps", "warning", {}, asked={"steps": 30}),
    Case("trigger_word", "warning", {9: {"caption": "a quiet harbour in the rain"}}),
    Case("trigger_word", "note", {9: {"caption": "a quiet harbour in zvelq style"}}),
    Case("trigger_word", "warning", {}, about=None, need={"trigger_word": "harbour"}, fixes=False),
    Case("caption_length", "warning", {9: {"caption": "zvelq " + "boat " * 60}}),
    Case("caption_variety", "warning", {9: {"caption": "zvelq, red boat"}, 12: {"caption": "zvelq，红船"}}),
    Case("caption_variety", "warning", {k: {"caption": "zvelq, one and the same"} for k in range(KEPT, COUNT)}),
    Case("caption_language", "warning", {9: {"caption": "zvelq, 猫在草地上".encode().decode("latin-1")}}),
    Case("caption_language", "warning", {9: {"caption": "\ufeffzvelq, a boat in the rain"}}),
    Case("caption_language", "warning", {9: {"caption": "zvelq，boat，rain，sea"}}),
    Case("caption_language", "warning", {k: {"caption": f"zvelq，雨中的港口，{k}条船"} for k in range(9, 15)}, fixes=False),
    Case("tone", "note", {9: {"m_saturation": 0.0, "caption": "zvelq, a red boat in the rain"}}),
    Case("tone", "note", {9: {"caption": "zvelq, black and white photo of a boat"}}),
    Case("tone", "warning", {9: {"m_saturation": 0.01}}, need={"tone": "colour"}),
    Case("tone", "note", {k: {"m_saturation": 0.01} for k in range(9, 20)}),
    Case("diversity", "warning", {k: like(8, k) for k in range(9, 30)}, about=tuple(range(8, 30))),
    Case("watermark", "note", {9: {"caption": "zvelq, a harbour with the words www.example.com below"}}),
    Case("synthetic_mix", "note", {9: {"m_maker": "AI: ComfyUI"}, **{k: {"m_camera": "X100"} for k in (12, 13)}},
         about=(9,)),
    Case("synthetic_mix", "warning", {9: {"p_source": "synthetic"}}, need={"kind": "photo"}),
    Case("synthetic_mix", "warning", {9: {"m_camera": "X100"}}, need={"kind": "drawing"}),
    Case("licence", "error", {9: {"m_opt_out": "DMI-PROHIBITED"}}, must_acknowledge=True),
    Case("licence", "warning", {9: {"p_license": "NOASSERTION"}}, fixes=False),
    Case("licence", "note", {9: {"p_license": "NOASSERTION"}}, need={"use": "private"}, fixes=False),
    Case("licence", "warning", {9: {"p_license": "CC-BY-NC-SA-4.0"}}, need={"use": "commercial"}, fixes=False),
    Case("licence", "warning", {9: {"p_license": "CC-BY-ND-4.0"}}, fixes=False),
    Case("licence", "warning", {9: {"p_license": "LicenseRef-Unsplash"}}, need={"use": "private"}, fixes=False),
    Case("licence", "note", {9: {"p_license": "CC-BY-4.0"}}, fixes=False),
    Case("privacy", "note", {9: {"m_has_location": True}, 12: {"m_has_thumbnail": True}}),
    Case("flip", "warning", {9: {"caption": "zvelq, a boat to the left of a pier"}, 12: {"caption": "zvelq, 右边有一条船"}}),
    Case("regularisation", "error", {9: {"tags": ("regularisation",)}}),
    Case("regularisation", "error", {9: like(12, 3, tags=("regularisation",), caption="a harbour in the rain")},
         about=(9,)),
    Case("unfinished", "warning", {}, left_off=True),
    Case("room", "warning", {9: {"file": "pictures/" + "d" * 200 + "/" + "e" * 100 + "/9.jpg"}}),
)  # fmt: skip


def built(root: Path, case: Case | None = None) -> Catalogue:
    """A set of good pictures with what the case changes; its files are there, but hold nothing."""
    case = case or Case("", "note", {})
    news = [changed(good(k), case.changes.get(k, {})) for k in range(case.kept)]
    catalogue = Catalogue.create(root, NEED.with_(**(case.need or {})))
    for new in news:
        (root / new.file).parent.mkdir(parents=True, exist_ok=True)
        (root / new.file).touch()
    ids = catalogue.add(news)
    assert ids == list(range(1, case.kept + 1))
    if case.left_off:
        record = begin(catalogue, ImportRequest(where="/boats"))
        keep(catalogue, replace(record, taken=case.kept))
    return catalogue


def look(catalogue: Catalogue, name: str, case: Case | None = None) -> list[Finding]:
    asked = ASKED.with_(**(case.asked or {} if case else {}))
    entries = list(catalogue.entries())
    inspection = Inspection(
        entries, catalogue.need, asked, WORDS, catalogue.root, left_off=left_off(catalogue)
    )
    return list(checks()[name].look(inspection))


def contents(catalogue: Catalogue) -> list[Entry]:
    return [replace(entry, version=0) for entry in catalogue.entries()]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    with built(tmp_path_factory.mktemp("clean")) as catalogue:
        yield catalogue


NAMES = list(checks())


def test_the_numbers_are_those_of_the_card():
    assert [check.number for check in checks().values()] == list(range(1, 35))


def test_every_check_is_tried():
    assert {case.check for case in CASES} == set(NAMES)
    fixed = {case.check for case in CASES if case.fixes and checks()[case.check].fix}
    assert fixed == {name for name, check in checks().items() if check.fix}


@pytest.mark.parametrize("name", NAMES)
def test_a_good_set_passes(name, clean):
    assert look(clean, name) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "news", [[], [good(1)], [replace(good(1), measures=None)]], ids=["none", "one", "unmeasured"]
)
@pytest.mark.parametrize("buckets", [True, False])
def test_few_pictures_do_no_harm(name, news, buckets, tmp_path):
    catalogue = Catalogue.over(tmp_path, Need())
    catalogue.add(news)
    asked = CheckRequest(batch_size=4, steps=10, uses_buckets=buckets)
    for finding in checks()[name].look(Inspection(list(catalogue.entries()), Need(), asked)):
        spoken(finding)


def spoken(finding: Finding) -> None:
    """Both languages can be said, with nothing left to fill in."""
    assert finding.level in LEVELS
    for language in ("en", "zh"):
        words = finding.said.say(language)
        assert words
        assert not re.search(r"[{}]", words), words
    assert re.search("[\u4e00-\u9fff]", finding.said.say("zh"))


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_in_both_languages_and_ask_for_the_same(name):
    check: Check = checks()[name]
    module = __import__(f"studio.datasets.checks.{name}", fromlist=["CHECK"])
    texts = [check.title, check.why, *(value for value in vars(module).values() if isinstance(value, Text))]
    texts += [check.fix.label] if check.fix else []
    for text in texts:
        assert text.en.strip()
        assert text.zh.strip()
        assert fields(text.en) == fields(text.zh), text
        assert re.search("[\u4e00-\u9fff]", text.zh) or text.zh == text.en == "{reason}"
    assert not re.search("[\u4e00-\u9fff]", check.title.en + check.why.en)


def fields(words: str) -> set[str]:
    return {str(name) for _, name, _, _ in string.Formatter().parse(words) if name is not None}


@pytest.mark.parametrize("name", NAMES)
def test_numbers_that_decide_are_recorded(name):
    """Every number in capitals in a check's file is among its thresholds, save those that only say how it looks."""
    module = __import__(f"studio.datasets.checks.{name}", fromlist=["CHECK"])
    numbers = {
        value for key, value in vars(module).items()
        if key.isupper() and not key.startswith("_") and isinstance(value, int | float) and not isinstance(value, bool)
    }  # fmt: skip
    how = {"MOST_SHOWN", "PAIRS", "SIDE_PX", "LONG_ENOUGH"}
    numbers -= {getattr(module, key) for key in how if hasattr(module, key)}
    if name in ("leak",):  # the share that a button keeps aside decides nothing
        return
    assert numbers <= set(checks()[name].thresholds.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.level}")
def test_a_check_finds_what_it_is_for(case, tmp_path):
    with built(tmp_path, case) as catalogue:
        findings = look(catalogue, case.check, case)
        for finding in findings:
            spoken(finding)
        assert findings, "nothing was found"
        worst = min((finding.level for finding in findings), key=LEVELS.index)
        assert worst == case.level
        named = {id - 1 for finding in findings if finding.level == worst for id in finding.pictures}
        assert named == case.pictures
        assert any(finding.must_acknowledge for finding in findings) == case.must_acknowledge


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.fixes and checks()[case.check].fix],
    ids=lambda case: f"{case.check}-{case.level}",
)  # fmt: skip
def test_a_fix_ends_it_and_is_undone_as_one_step(case, tmp_path):
    fix = checks()[case.check].fix
    assert fix is not None
    with built(tmp_path, case) as catalogue:
        assert fix.suits(catalogue.need)
        before = contents(catalogue)
        steps = count()
        findings = look(catalogue, case.check, case)
        found = [id for finding in findings for id in finding.pictures]
        assert fix.apply(catalogue, list(dict.fromkeys(found))) > 0
        left = look(catalogue, case.check, case)
        assert not [finding for finding in left if finding.level == case.level], left
        assert contents(catalogue) != before
        while catalogue.last_step() is not None:
            catalogue.undo()
            next(steps)
        assert next(steps) == 1, "more than one step"
        assert contents(catalogue) == before


def test_flat_scenes_are_sharp_enough(tmp_path):
    flat = {"m_detail": 0.002, "m_sharpness": 60.0, "p_source": "synthetic"}
    soft = {"m_detail": 0.0002, "m_sharpness": 12.0, "p_source": "synthetic"}
    with built(tmp_path, Case("scaled_up", "warning", {9: flat, 12: soft})) as catalogue:
        (finding,) = look(catalogue, "scaled_up")
        assert (finding.level, finding.pictures) == ("warning", (13,))
        assert look(catalogue, "blur") == []


def test_gone_files_are_found_and_taken_out(tmp_path):
    with built(tmp_path) as catalogue:
        (tmp_path / "pictures" / "9.jpg").unlink()
        (finding,) = look(catalogue, "file_names")
        assert finding.pictures == (10,)
        fix = checks()["file_names"].fix
        assert fix is not None
        assert fix.apply(catalogue, finding.pictures) == 1
        assert look(catalogue, "file_names") == []


def test_the_kept_duplicate_has_a_caption_and_the_most_bytes(tmp_path):
    large = {**PIXELS, "m_bytes": 90_000, "caption": ""}
    case = Case("exact_duplicates", "warning", {9: PIXELS, 12: large, 13: {**PIXELS, "m_bytes": 50_000}})
    with built(tmp_path, case) as catalogue:
        fix = checks()["exact_duplicates"].fix
        assert fix is not None
        assert fix.apply(catalogue, [10, 13, 14]) == 2
        assert [id for id in (10, 13, 14) if not catalogue.get(id).is_deleted] == [14]


def test_varied_copies_are_no_near_duplicates(tmp_path):
    copy = like(12, 3, p_parent=good(12).sha256, p_source="augmented")
    with built(tmp_path, Case("near_duplicates", "note", {20: copy})) as catalogue:
        assert look(catalogue, "near_duplicates") == []


def test_the_buckets_are_those_that_training_makes(tmp_path):
    sizes = ((256, 256), (320, 192), (192, 320))
    changes = {k: {"m_width": 320, "m_height": 192} for k in range(KEPT, KEPT + 7)}
    with built(tmp_path, Case("buckets", "note", changes)) as catalogue:
        asked = ASKED.with_(batch_size=4)
        inspection = Inspection(list(catalogue.entries()), NEED, asked, WORDS, tmp_path, sizes)
        assert {bucket.size: len(bucket.members) for bucket in inspection.plan.buckets} == {
            (256, 256): 33,
            (320, 192): 7,
        }
        (finding,) = checks()["buckets"].look(inspection)
        assert finding.said.values["unused"] == 1 + 3
        assert inspection.plan.pictures == COUNT - KEPT
        shown = [k for _, members in inspection.plan.pass_over(0, 0) for k in members]
        assert sorted(shown) == list(range(COUNT - KEPT))
        assert list(checks()["small"].look(inspection)) == []


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_mark_over_all_pictures_is_seen(is_marked, tmp_path):
    dice = np.random.default_rng(3)
    catalogue = Catalogue.over(tmp_path, NEED)
    news = []
    for k in range(16):
        rough = Image.fromarray(dice.integers(40, 180, (16, 16, 3), np.uint8))
        picture = np.array(rough.resize((256, 256), Image.Resampling.BICUBIC))
        if is_marked:
            for line in range(4):
                picture[206 + 8 * line : 210 + 8 * line, 180:240] = 250
        Image.fromarray(picture).save(tmp_path / f"{k}.png")
        news.append(replace(good(k), file=f"{k}.png"))
    catalogue.add(news)
    findings = look(catalogue, "watermark")
    assert [len(finding.pictures) for finding in findings] == ([16] if is_marked else [])


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    with built(tmp_path) as catalogue:
        monkeypatch.setattr("studio.datasets.checks.room.free_bytes", lambda folder: 2**20)
        (finding,) = look(catalogue, "room")
        assert finding.level == "error"
        spoken(finding)


READ_WRONG: tuple[tuple[str, str], ...] = (
    ("猫在草地上".encode().decode("latin-1"), "猫在草地上"),
    ("une forêt à l'été".encode().decode("cp1252"), "une forêt à l'été"),
    ("一只红船".encode("gbk").decode("latin-1"), "一只红船"),
    ("雨中的红色小船上".encode().decode("gbk"), "雨中的红色小船上"),
    (b"\xc3\xa8".decode("utf-8"), "猫"),
    ("一只猫".encode("gbk").decode("utf-8"), "一只猫"),
)


@pytest.mark.parametrize(("wrong", "right"), READ_WRONG)
def test_wrong_encodings_are_repaired_where_that_is_certain(wrong, right):
    assert is_garbled(wrong)
    assert repaired(wrong) == right


@pytest.mark.parametrize("words", ["\ufffd\ufffd under trees", "锟斤拷锟斤拷"])
def test_what_is_lost_is_told_and_left(words):
    assert is_garbled(words)
    assert repaired(words) == words


@pytest.mark.parametrize(
    "words",
    ["a café in Zürich, naïve façade", "Ångström, señor, garçon", "一只红色的猫，在草地上", "深海里的鲸鱼与珊瑚", "crème brûlée à la carte",
     "Москва зимой", "日本の城と桜", "a boat – “red” … €5", "龘靐齉齾"],
)  # fmt: skip
def test_real_words_are_left_alone(words):
    assert not is_garbled(words)
    assert repaired(words) == words
