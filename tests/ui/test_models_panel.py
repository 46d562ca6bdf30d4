"""The Models panel without a browser: what it shows of the disk and the records, and that visitors never get it."""

import shutil
from dataclasses import replace

import pytest

from studio.fetch.record import Download, Records
from studio.fetch.standing import standing_of
from studio.runs.process import Process
from studio.shelf import Shelf
from studio.ui.models_card import card_html
from studio.ui.speech import Speech
from tests.fetch.mirror import CARD, NEEDED
from tests.house import settings_for


@pytest.fixture
def own(house, tmp_path):
    """Settings over a models folder of one's own, with a card for a model that isn't here."""
    models = tmp_path / "models"
    shutil.copytree(house / "cards", models / "cards")
    (models / "storybook").symlink_to(house / "storybook")
    (models / "loras").mkdir()
    (models / "cards" / "toy.toml").write_text(CARD, encoding="utf-8")
    return settings_for(models, tmp_path / "outputs")


@pytest.fixture
def panel(make_desk, own):
    desk = make_desk(own)
    return desk.on.models


def data(panel, language="en", **held):
    given = {"chosen": None, "hub": None, "model": "storybook", "busy": "", **held}
    return {
        panel.chosen: given["chosen"], panel.hub: given["hub"], panel.busy: given["busy"],
        panel.form.controls["model"]: given["model"], panel.sheet.language: language,
    }  # fmt: skip


def shown(panel, told):
    """Names of the buttons that can be pressed."""
    return {name for name, made in panel.buttons.items() if told[made]["visible"]}


def put(own):
    for name, content in NEEDED.items():
        file = own.weights_dir / "Toy" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def test_a_model_that_is_not_here_can_be_got_from_either_hub(panel):
    told = panel.look(data(panel, "zh", chosen="toy"))
    assert "未下载" in told[panel.card]["value"]
    assert [name for _, name in told[panel.hub]["choices"]] == ["huggingface", "modelscope"]
    assert shown(panel, told) == {"get"}
    labels = {name: label for label, name in told[panel.chosen]["choices"]}
    assert labels["toy"] == "玩具 · 未下载"


def test_a_model_that_is_here_can_be_used_and_removed_and_storybook_only_used(panel, own):
    put(own)
    assert shown(panel, panel.look(data(panel, chosen="toy"))) == {"use", "remove"}
    assert shown(panel, panel.look(data(panel, chosen="storybook"))) == {"use"}


def test_the_download_under_way_is_shown_to_everybody_who_opens_the_page(panel, own):
    now = Download("toy", "modelscope", "running", file="unet/x.safetensors", done=2**29, total=2**30)
    now = replace(now.by(Process.this()), bytes_per_s=2.0**20, seconds_left=512.0)
    Records(own).write(now)
    told = panel.open("en")
    assert told[panel.chosen]["value"] == "toy"
    assert 'aria-valuenow="50"' in told[panel.note]["value"]
    assert "9 min left" in told[panel.note]["value"]
    assert shown(panel, told) == {"stop"}
    assert told[panel.timer]["active"]
    assert told[panel.busy]["value"] == "toy"
    other = panel.look(data(panel, chosen="kolors"))
    assert shown(panel, other) == set()
    assert "one model at a time" in other[panel.note]["value"]
    panel.stop(data(panel, chosen="toy"))
    assert Records(own).is_stop_asked("toy")


def test_the_end_of_a_download_refreshes_the_list_of_the_form(panel, own):
    put(own)
    Records(own).write(Download("toy", "modelscope", "finished"))
    told = panel.tick(data(panel, chosen="toy", busy="toy"))
    assert ("Toy", "toy") in told[panel.form.controls["model"]]["choices"]
    assert not told[panel.timer]["active"]
    assert told[panel.note]["value"] == ""


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (Download("toy", "modelscope", "stopped", done=2**29, total=2**30), "Get goes on from there"),
        (Download("toy", "modelscope", "running", pid=2**22 + 1), "broke off without a word"),
    ],
)
def test_what_ended_early_says_how_to_go_on(panel, own, ended, said):
    Records(own).write(ended)
    told = panel.look(data(panel, chosen="toy"))
    assert said in told[panel.note]["value"]
    assert shown(panel, told) == {"get"}
    assert told[panel.hub]["value"] == "modelscope"


def test_removing_asks_first_and_the_form_turns_to_a_model_that_is_here(panel, own):
    put(own)
    shutil.copytree(own.weights_dir / "Toy", own.weights_dir / "dropped")
    asked = panel.ask(data(panel, chosen="dropped"))
    assert asked[panel.question]["visible"]
    assert "dropped" in asked[panel.asks]["value"]
    told = panel.remove(data(panel, chosen="dropped", model="dropped"))
    assert not (own.weights_dir / "dropped").exists()
    assert told[panel.sheet.passed] == {"model": "storybook"}
    assert shown(panel, told) == set()


def test_choosing_a_model_that_is_not_here_opens_the_panel(panel):
    assert panel.follow(data(panel, model="toy"))[panel.fold]["open"]
    assert panel.fold not in panel.follow(data(panel, model="storybook"))


def test_strange_names_stay_text(panel, own):
    put(own)
    shutil.move(own.weights_dir / "Toy", own.weights_dir / "<img src=x>")
    (own.weights_dir / "<b>.ckpt").write_bytes(b"PK\x03\x04")
    told = panel.look(data(panel, chosen="<img src=x>"))
    assert "<img" not in told[panel.card]["value"]
    assert "<b>" not in told[panel.unknown]["value"].replace("<b>&lt;", "")
    assert "&lt;b&gt;.ckpt" in told[panel.unknown]["value"]


def test_visitors_never_get_the_panel(make_desk, own):
    desk = make_desk(replace(own, public=True))
    assert not hasattr(desk.on.models, "fold")
    assert not [made for made in desk.sheet.page.blocks.values() if "ink-models" in str(made.elem_id or "")]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("GPU memory that a picture of 1024 × 1024", "Everything on the GPU", "Layer by layer")),
     ("zh", ("画一张 1024 × 1024", "全部放进显存", "逐层从内存调入"))],
)  # fmt: skip
def test_the_card_tells_what_each_plan_takes_before_the_download(own, language, words):
    (card,) = (card for card in Shelf(own).models() if card.name == "kolors")
    told = card_html(Speech(), standing_of(card), language)
    for word in (*words, "19.6 GB", "12.3 GB", "7.1 GB", "6.0 GB", "2.5 GB"):
        assert word in told
