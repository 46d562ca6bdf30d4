"""The report of all checks: its order, its score, its ticks, where it is kept, and that it holds for many pictures."""

import json
import resource
import time
from dataclasses import replace
from pathlib import Path

import pytest

from studio.dataset_requests import CheckRequest, ImportRequest, Need
from studio.datasets.catalogue import Catalogue
from studio.datasets.checks import checks
from studio.datasets.imports import begin, end, keep
from studio.datasets.inspect import REPORT_FILE, acknowledge, fix, inspect, inspect_stepwise, last_report
from studio.datasets.query import Query
from studio.datasets.report import Report, Row, score_of
from studio.errors import UnknownChoice
from studio.words import Text
from tests.datasets.test_checks import ASKED, NEED, WORDS, changed, good

TITLE = Text("t", "题")


def a_set(root: Path, **changes: dict) -> Catalogue:
    """44 good pictures, some changed: p9={…} changes number 9."""
    catalogue = Catalogue.create(root, NEED)
    news = [changed(good(k), changes.get(f"p{k}", {})) for k in range(44)]
    for new in news:
        (root / new.file).parent.mkdir(parents=True, exist_ok=True)
        (root / new.file).touch()
    catalogue.add(news)
    return catalogue


def test_a_good_set_has_a_hundred_points_and_no_row(tmp_path):
    with a_set(tmp_path) as catalogue:
        report = inspect(catalogue, ASKED, WORDS)
        assert (report.rows, report.score, report.is_blocked, report.needs_tick) == ((), 100, False, False)
        assert report.counts == {"error": 0, "warning": 0, "note": 0}


def test_rows_come_worst_first_and_name_their_pictures(tmp_path):
    with a_set(
        tmp_path, p9={"m_entropy": 0.0}, p12={"m_sharpness": 5.0}, p13={"m_has_location": True}
    ) as catalogue:
        report = inspect(catalogue, ASKED, WORDS)
        assert [(row.level, row.name, row.ids) for row in report.rows] == [
            ("error", "blank", (10,)), ("warning", "blur", (13,)), ("note", "privacy", (14,)),
        ]  # fmt: skip
        assert report.rows[0].fix == checks()["blank"].fix.label
        assert report.is_blocked
        assert report.score == 49
        assert catalogue.troubled() == {"blank": 1, "blur": 1, "privacy": 1}
        assert catalogue.ids(Query(check="blur")) == [13]
        assert catalogue.findings(10) == {"blank": "error"}


def test_an_import_that_is_not_finished_wants_a_tick(tmp_path):
    with a_set(tmp_path) as catalogue:
        record = begin(catalogue, ImportRequest(where="/boats.zip"))
        keep(catalogue, replace(record, taken=44))
        (row,) = inspect(catalogue, ASKED, WORDS).rows
        assert (row.name, row.level, row.waits) == ("unfinished", "warning", True)
        assert "folder /boats.zip" in row.sentences[0].en
        end(catalogue, replace(record, taken=44), True, None)
        assert inspect(catalogue, ASKED, WORDS).rows == ()


def test_against_another_need_nothing_is_kept(tmp_path):
    with a_set(tmp_path) as catalogue:
        inspect(catalogue, ASKED, WORDS)
        before = last_report(catalogue), catalogue.stamp, catalogue.troubled()
        report = returned(inspect_stepwise(catalogue, ASKED, WORDS, need=NEED.with_(resolution=1024)))
        assert (report.need["resolution"], report.row("small").count) == (1024, 40)
        assert (last_report(catalogue), catalogue.stamp, catalogue.troubled()) == before


def returned(steps):
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def test_the_report_is_kept_in_the_catalogue_and_beside_it(tmp_path):
    with a_set(tmp_path, p9={"m_entropy": 0.0}) as catalogue:
        report = inspect(catalogue, ASKED, WORDS)
        told = json.loads((tmp_path / REPORT_FILE).read_text(encoding="utf-8"))
        assert Report.from_dict(told) == last_report(catalogue) == report
        assert told["version"] == 1
        assert told["thresholds"]["blur"] == {"soft": 30.0, "blurred": 10.0}
        assert told["need"]["trigger_word"] == "zvelq"
        assert told["request"]["steps"] == 1000
        assert told["rows"][0]["sentences"][0]["zh"].startswith("1 张")
        assert report.stamp == catalogue.stamp
        catalogue.delete([1])
        assert report.stamp != catalogue.stamp


def test_a_folder_that_is_only_looked_at_gets_no_file(tmp_path):
    catalogue = Catalogue.over(tmp_path, NEED)
    catalogue.add([replace(good(1), measures=replace(good(1).measures, fault="missing"))])
    assert inspect(catalogue, ASKED).is_blocked
    assert list(tmp_path.iterdir()) == []


def test_a_tick_counts_until_the_check_has_more_to_say(tmp_path):
    with a_set(tmp_path, p12={"m_sharpness": 5.0}) as catalogue:
        report = inspect(catalogue, ASKED, WORDS)
        assert report.needs_tick
        assert not report.is_blocked
        assert report.score == 99
        acknowledge(catalogue, ["blur"])
        ticked = last_report(catalogue)
        assert ticked is not None
        assert not ticked.needs_tick
        assert ticked.score == 100
        assert ticked.stamp == catalogue.stamp
        assert not inspect(catalogue, ASKED, WORDS).needs_tick
        assert json.loads((tmp_path / REPORT_FILE).read_text(encoding="utf-8"))["rows"][0]["is_acknowledged"]
        catalogue.measure({20: replace(good(19).measures, sharpness=3.0)})
        assert inspect(catalogue, ASKED, WORDS).needs_tick


def test_an_opt_out_blocks_until_it_is_ticked(tmp_path):
    with a_set(tmp_path, p9={"m_opt_out": "DMI-PROHIBITED"}) as catalogue:
        report = inspect(catalogue, ASKED, WORDS)
        assert report.is_blocked
        assert report.row("licence").must_tick
        acknowledge(catalogue, ["licence"])
        assert not inspect(catalogue, ASKED, WORDS).is_blocked


def test_a_plain_error_can_not_be_ticked_away(tmp_path):
    with a_set(tmp_path, p9={"m_entropy": 0.0}) as catalogue:
        inspect(catalogue, ASKED, WORDS)
        acknowledge(catalogue, ["blank", "blur"])
        assert inspect(catalogue, ASKED, WORDS).is_blocked


def test_the_button_of_a_row_changes_the_set(tmp_path):
    with a_set(tmp_path, p9={"caption": "NA"}) as catalogue:
        inspect(catalogue, ASKED, WORDS)
        assert fix(catalogue, "caption_mangled") == 1
        assert catalogue.get(10).caption == "a picture of NA"
        assert catalogue.undo() is not None
        assert catalogue.get(10).caption == "NA"
        for name in ("tone", "nonsense"):
            with pytest.raises(UnknownChoice, match="caption_mangled"):
                fix(catalogue, name)


def test_a_button_that_needs_a_trigger_word_is_not_offered_without(tmp_path):
    with a_set(tmp_path, p9={"caption": ""}) as catalogue:
        assert inspect(catalogue, ASKED).row("caption_missing").fix is not None
        catalogue.need = NEED.with_(trigger_word="")
        assert inspect(catalogue, ASKED).row("caption_missing").fix is None


def test_each_check_is_a_step(tmp_path):
    with a_set(tmp_path) as catalogue:
        steps = list(inspect_stepwise(catalogue, ASKED))
        assert [(step.done, step.total) for step in steps] == [(k, 34) for k in range(34)]
        assert steps[0].doing.say("zh") == "正在检查：文件可以打开"


def row(level: str, **told: object) -> Row:
    plain = {"name": "x", "number": 1, "title": TITLE, "why": TITLE, "sentences": (TITLE,)}
    return Row(**plain | {"level": level} | told)


def test_the_score_is_what_its_sentence_says():
    warning = row("warning", ids=(1, 2, 3, 4), warnings=2)
    assert score_of([], 10) == 100
    assert score_of([], 0) == 0
    assert score_of([warning], 10) == 90
    assert score_of([replace(warning, is_acknowledged=True)], 10) == 100
    assert score_of([row("warning", is_of_the_set=True)], 10) == 95
    assert score_of([row("note", ids=(1, 2))], 10) == 100
    assert score_of([row("error", ids=(1,), errors=1, blocks=True)], 100) == 49
    assert score_of([row("error", ids=(1, 2, 3), errors=2, warnings=1, blocks=True), warning], 4) == 38
    assert score_of([row("error", ids=tuple(range(9)), errors=9, blocks=True, is_of_the_set=True)], 9) == 0


@pytest.mark.long
def test_many_pictures_take_their_time_but_no_more(tmp_path):
    """Ten times as many pictures take far less than a hundred times as long, and 100 MB at most."""
    took = {}
    for number in (1000, 10_000):
        catalogue = Catalogue.over(tmp_path, Need(trigger_word="zvelq", use="public"))
        catalogue.add(good(k) for k in range(number))
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        inspect(catalogue, CheckRequest(batch_size=4, random_flip=True, steps=100), WORDS)
        took[number] = time.process_time() - start
    assert took[10_000] < 30 * took[1000]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
