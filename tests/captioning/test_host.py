"""Captions from the page's side, through the real worker process: whole, stopped, taken up again, killed."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from studio.captioning.host import Captioned, caption
from studio.dataset_requests import CaptionRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.errors import CaptionerDied, CaptionerMissing, CaptioningFailed, NothingSelected
from studio.datasets.query import Query
from studio.settings import ROOT, Settings

BLIP = CaptionRequest(captioner="blip", most_tokens=8)
QWEN = CaptionRequest(captioner="qwen_vl", caption_language="zh", most_tokens=8)
FLORENCE = CaptionRequest(captioner="florence2", which="selected", most_tokens=8)


def run(*asked) -> tuple[list, Captioned]:
    """All steps, and the summary."""

    def whole():
        done.append((yield from caption(*asked)))

    done: list[Captioned] = []
    return list(whole()), done[0]


def workers() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if "studio.captioning.worker" in child.cmdline()]


def missing(root: Path) -> int:
    with Catalogue.open(root) as catalogue:
        return catalogue.count(Query(is_uncaptioned=True))


@pytest.mark.long
def test_a_stopped_run_keeps_what_it_wrote_and_another_goes_on_in_chinese(root, settings):
    with closing(caption(root, BLIP, None, settings)) as steps:
        for step in steps:
            if step.done:
                break
        assert len(workers()) == 1
    assert workers() == []
    left = missing(root)
    assert 0 < left < 7
    told, summary = run(root, QWEN, None, settings)
    assert summary == Captioned("qwen_vl:qwen-tiny", written=left)
    assert told[-1].doing == summary.said
    assert [step.done for step in told] == sorted(step.done for step in told)
    assert {step.total for step in told} == {left}
    assert (missing(root), workers()) == (0, [])
    with Catalogue.open(root) as catalogue:
        tally = catalogue.tally("caption_source")
        assert catalogue.get(2).caption == "mine"
    assert tally == {"blip:blip-tiny": 7 - left, "qwen_vl:qwen-tiny": left, "": 1}


@pytest.mark.long
def test_a_killed_worker_is_one_sentence_and_what_it_wrote_stays(root, settings):
    chosen = [2, 3, 4, 5, 6, 999]
    steps = caption(root, FLORENCE, chosen, settings)
    with pytest.raises(CaptionerDied) as died:
        for step in steps:
            assert step.total == 5
            if step.done:
                workers()[0].kill()
    assert "SIGKILL" in died.value.say("en")
    assert "SIGKILL" in died.value.say("zh")
    with Catalogue.open(root) as catalogue:
        written = {entry.id for entry in catalogue.entries() if entry.caption_source}
        assert catalogue.get(2).caption_source == "florence2:florence-tiny"
    assert written < {2, 3, 4, 5, 6}
    assert len(written) >= died.value.values["count"] > 0
    assert workers() == []


def test_what_the_worker_finds_wrong_is_told_in_both_languages(root, settings):
    steps = caption(root, BLIP, None, settings)
    next(steps)
    root.rename(root.with_name("gone"))  # the worker has not got as far as to look
    with pytest.raises(CaptioningFailed) as failed:
        list(steps)
    assert "is no dataset of the studio" in failed.value.say("en")
    assert "不是本程序的数据集" in failed.value.say("zh")
    assert workers() == []


def test_nothing_starts_without_weights_pictures_or_a_choice(root, settings, tmp_path):
    bare = Settings.from_environment(models_dir=tmp_path / "none", host="local")
    with pytest.raises(CaptionerMissing, match="florence-community/Florence-2-base"):
        next(caption(root, FLORENCE, None, bare))
    with pytest.raises(NothingSelected):
        next(caption(root, BLIP.with_(which="selected"), [], settings))
    with Catalogue.open(root) as catalogue:
        catalogue.edit_many({id: {"caption": "x"} for id in catalogue.ids()}, "edit")
    told, summary = run(root, BLIP, None, settings)
    assert (len(told), summary.done) == (1, 0)
    assert workers() == []


def test_the_host_brings_in_no_torch():
    code = (
        "import sys, studio.captioning.host\n"
        "from studio.captioning.captioners import captioners\n"
        "assert len(captioners()) == 4\n"
        "print(sorted({'torch', 'transformers', 'onnxruntime', 'cv2'} & sys.modules.keys()))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert answer.stdout.strip() == "[]", answer.stderr[-2000:]
