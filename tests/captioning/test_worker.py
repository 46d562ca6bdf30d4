"""What the worker does with a job, in this process: what it writes, and what it leaves alone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from studio.captioning import worker
from studio.captioning.captioners import captioners
from studio.captioning.job import Job, Report
from studio.captioning.worker import Run, work
from studio.dataset_requests import CaptionRequest
from studio.datasets.catalogue import Catalogue
from studio.datasets.errors import CaptionerTooLarge
from studio.engine.device import pick_device

REQUEST = CaptionRequest(captioner="blip", most_tokens=8, template="{trigger}, {caption}")


def job(root: Path, settings, request: CaptionRequest = REQUEST) -> Job:
    with Catalogue.open(root) as catalogue:
        held = {entry.id: entry.caption for entry in catalogue.entries() if not entry.caption}
    return Job(root, settings.weights_dir / "blip-tiny", request, held)


def captions(root: Path) -> dict[str, str]:
    with Catalogue.open(root) as catalogue:
        return {entry.name: entry.caption for entry in catalogue.entries()}


def test_captions_are_written_with_trigger_word_and_source_and_can_be_undone(root, settings):
    reports = list(work(job(root, settings)))
    assert [report.kind for report in reports] == ["loaded", *["described"] * 4]
    assert [report.written for report in reports] == [0, 2, 2, 2, 1]
    with Catalogue.open(root) as catalogue:
        for entry in catalogue.entries():
            if entry.name == "green.png":
                assert (entry.caption, entry.caption_source, entry.version) == ("mine", "", 0)
                continue
            assert entry.caption.startswith("sks, ")
            assert entry.caption_source == "blip:blip-tiny"
        assert reports[-1].caption == catalogue.get(8).caption
        assert catalogue.undo() == ("caption", 7)  # the whole run
        assert {entry.caption for entry in catalogue.entries()} == {"", "mine"}


def test_what_somebody_wrote_meanwhile_is_never_overwritten(root, settings):
    reports = work(job(root, settings))
    assert next(reports).kind == "loaded"
    with Catalogue.open(root) as other:
        other.edit(3, 0, caption="by hand")
        other.edit(4, 0, split="train", turn=1)  # no edit of its caption
        other.delete([8])
        told = list(reports)
        assert other.get(3).caption == "by hand"
        assert other.get(4).caption.startswith("sks, ")
        assert other.get(8).caption == ""
    assert sum(report.kept for report in told) == 2
    assert sum(report.done for report in told) == 7


def test_an_edit_while_the_model_is_thinking_wins(root, settings):
    with Catalogue.open(root) as catalogue, Catalogue.open(root) as other:
        thinking = captioners()["blip"].load(settings.weights_dir / "blip-tiny", pick_device())

        def slow(pictures, request):
            other.edit(1, 0, caption="by hand")
            return thinking(pictures, request)

        run = Run(job(root, settings), captioners()["blip"], pick_device(), slow, catalogue)
        report = run.batch([1, 3])
    assert (report.written, report.kept) == (1, 1)
    assert captions(root)["red.png"] == "by hand"
    assert captions(root)["blue.png"].startswith("sks, ")


def test_pictures_are_shown_as_they_will_be_exported(root, settings):
    shown = []
    with Catalogue.open(root) as catalogue:
        catalogue.edit(1, 0, turn=1, crop=(0.0, 0.0, 0.5, 1.0))
        describe = captioners()["blip"].load(settings.weights_dir / "blip-tiny", pick_device())

        def seeing(pictures, request):
            shown.extend(picture.size for picture in pictures)
            return describe(pictures, request)

        Run(job(root, settings), captioners()["blip"], pick_device(), seeing, catalogue).batch([1])
    assert shown == [(48, 96)]


def test_a_picture_that_cannot_be_read_is_counted_and_the_rest_goes_on(root, settings):
    (root / "red.png").write_bytes(b"no picture")
    told = list(work(job(root, settings)))
    assert sum(report.unreadable for report in told) == 1
    assert sum(report.written for report in told) == 6
    assert captions(root)["red.png"] == ""


def test_a_batch_that_does_not_fit_is_halved(root, settings):
    describe = captioners()["blip"].load(settings.weights_dir / "blip-tiny", pick_device())
    sizes = []

    def tight(pictures, request):
        sizes.append(len(pictures))
        if len(pictures) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return describe(pictures, request)

    with Catalogue.open(root) as catalogue:
        run = Run(job(root, settings), captioners()["blip"], pick_device(), tight, catalogue)
        assert run.batch([1, 3, 4, 5]).written == 4
    assert sizes == [4, 2, 1, 1, 2, 1, 1]


def test_jobs_and_reports_survive_the_pipe(root, settings):
    told = job(root, settings)
    odd = replace(told, pictures={1: 'a\n"b" 船\u2028\udcff'})
    for one in (told, odd):
        assert "\n" not in one.to_line()
        assert Job.from_line(one.to_line()) == one
    report = Report("described", written=2, name="a\n.png", caption="船")
    assert Report.from_line(report.to_line()) == report
    assert json.loads(report.to_line())["kind"] == "described"


@pytest.mark.parametrize("template", ["{caption}", "水墨画，{caption}"])
def test_the_template_makes_the_caption(root, settings, template):
    list(work(job(root, settings, REQUEST.with_(template=template))))
    start = template.removesuffix("{caption}")
    assert all(words.startswith(start) for name, words in captions(root).items() if name != "green.png")
    assert "sks" not in captions(root)["red.png"]


def test_weights_that_memory_does_not_hold_are_a_sentence(root, settings, monkeypatch):
    def load(folder, device):
        raise MemoryError

    small = replace(captioners()["blip"], load=load)
    monkeypatch.setattr(worker, "captioners", lambda: {"blip": small})
    with pytest.raises(CaptionerTooLarge, match="'blip-tiny'"):
        list(work(job(root, settings)))
