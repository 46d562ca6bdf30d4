"""A model fetched from either hub, against servers that answer as they do, and all that can go wrong on the way."""

import hashlib
from contextlib import closing
from pathlib import Path

import pytest

from studio.fetch import download
from studio.fetch.errors import (
    BadChecksum,
    BeingFetched,
    DiskFilled,
    FetchError,
    FetchingOff,
    HubBusy,
    HubFailed,
    HubOutOfReach,
    LicenceNotAccepted,
    ModelNotAtHub,
    NoSafetensors,
    NotDiffusers,
    NotOnHub,
    SpaceLacking,
)
from studio.fetch.fetching import fetch
from studio.fetch.hubs import hubs
from studio.fetch.record import Records
from tests.fetch.mirror import NEEDED, UNET, VAE
from tests.sources.site import Reply, as_json

EVERY_HUB = pytest.mark.parametrize("hub", hubs())


@EVERY_HUB
def test_only_what_is_needed_is_fetched_and_then_the_model_is_whole(house, hub):
    steps = house.get(hub)
    assert house.here() == NEEDED
    assert house.card.is_whole
    assert steps[-1].done == steps[-1].total == sum(map(len, NEEDED.values()))
    assert {UNET, VAE} <= {step.file for step in steps}
    assert house.record.state == "finished"


@EVERY_HUB
def test_a_second_time_nothing_is_asked_for(house, hub):
    house.get(hub)
    house.site.asked.clear()
    house.get(hub)
    assert house.site.asked == []


def test_the_token_goes_to_the_hub_and_nowhere_else(house, capfd):
    house.get()
    assert {
        asked.headers.get("authorization", asked.headers.get("Authorization")) for asked in house.site.asked
    } == {"Bearer hf_secret"}
    assert house.cdn.asked
    assert not [asked for asked in house.cdn.asked if "secret" in str(asked.headers)]
    for file in house.settings.weights_dir.rglob("*"):
        assert not file.is_file() or b"secret" not in file.read_bytes()
    assert "secret" not in "".join(capfd.readouterr())


@EVERY_HUB
def test_a_connection_that_breaks_off_is_taken_up_where_it_stopped(house, hub, waits):
    house.toy.troubles[UNET] = [Reply(NEEDED[UNET], cut=100_000), Reply(status=503)]
    house.get(hub)
    assert house.ranges(UNET) == [None, "bytes=100000-", "bytes=100000-"]
    assert house.here() == NEEDED
    assert waits


def test_a_hub_that_knows_no_ranges_begins_again(house):
    house.toy.troubles[UNET] = [Reply(NEEDED[UNET], cut=100_000), Reply(NEEDED[UNET])]
    steps = house.get()
    assert house.here() == NEEDED
    assert steps[-1].done == steps[-1].total


@EVERY_HUB
def test_stopping_keeps_what_has_arrived_and_the_next_time_goes_on(house, hub, monkeypatch):
    monkeypatch.setattr(download, "_TELL_EVERY_S", -1.0)
    with closing(fetch(house.card, hub, house.settings, house.environment)) as steps:
        next(step for step in steps if step.file == UNET and step.done > 150_000)
    assert house.record.state == "stopped"
    assert not house.card.is_present
    assert not (house.folder / "model_index.json").exists()
    house.get(hub)
    assert house.ranges(UNET)[1].startswith("bytes=")
    assert house.here() == NEEDED


def test_somebody_else_can_ask_for_the_stop(house, monkeypatch):
    monkeypatch.setattr(download, "_TELL_EVERY_S", -1.0)
    steps = fetch(house.card, "huggingface", house.settings, house.environment)
    next(step for step in steps if step.file == UNET)
    Records(house.settings).ask_stop("toy")
    assert not list(steps)
    assert house.record.state == "stopped"
    house.get()
    assert house.record.state == "finished"


@EVERY_HUB
def test_a_wrong_checksum_throws_the_file_away_and_keeps_the_others(house, hub):
    house.toy.lies[VAE] = NEEDED[VAE][:-1] + b"!"
    with pytest.raises(BadChecksum, match=VAE):
        house.get(hub)
    assert VAE not in str(house.here())
    assert UNET in house.here()
    assert house.record.state == "failed"
    assert VAE in house.record.message.zh
    house.toy.lies.clear()
    house.site.asked.clear()
    house.cdn.asked.clear()
    house.get(hub)
    assert house.here() == NEEDED
    assert house.ranges(UNET) == []


def test_a_small_file_is_checked_too(house):
    house.toy.lies["vae/config.json"] = b'{"a": 2}'
    with pytest.raises(BadChecksum, match=r"vae/config\.json"):
        house.get()


def test_a_part_of_other_bytes_is_not_gone_on_with(house):
    old = house.folder / f"{UNET}.0123456789ab.part"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"of last year's model")
    house.get()
    assert house.ranges(UNET) == [None]
    assert house.here() == NEEDED


@EVERY_HUB
@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply(status=401, headers={"X-Error-Code": "GatedRepo"}), LicenceNotAccepted, "Accept its licence at"),
        (Reply(status=403, headers={"X-Error-Code": "GatedRepo"}), LicenceNotAccepted, "TOKEN"),
        (Reply(status=404, headers={"X-Error-Code": "RepoNotFound"}), ModelNotAtHub, "ada/toy-diffusers"),
        (Reply(status=429, headers={"Retry-After": "7200"}), HubBusy, "7200 s"),
        (Reply(status=429, headers={"Retry-After": "never"}), HubBusy, "for a while"),
        (Reply(status=418), HubFailed, "418"),
    ],
)  # fmt: skip
def test_what_a_hub_refuses_is_told_in_one_sentence(house, hub, reply, kind, said):
    house.toy.troubles[""] = [reply] * 4
    with pytest.raises(kind) as caught:
        house.get(hub)
    assert said in caught.value.say("en")
    assert "secret" not in caught.value.say("en") + caught.value.say("zh")
    assert house.record.message.en == caught.value.say("en")


@EVERY_HUB
def test_a_gated_file_is_told_like_a_gated_list(house, hub):
    house.toy.troubles["model_index.json"] = [Reply(status=403)]
    with pytest.raises(LicenceNotAccepted, match="ada/toy-diffusers"):
        house.get(hub)


@EVERY_HUB
def test_a_hub_that_fails_is_asked_again_and_then_left(house, hub, waits):
    house.toy.troubles[""] = [Reply(status=500), Reply(status=429, headers={"Retry-After": "3"})]
    house.get(hub)
    assert sum(waits) == 4.0
    house.folder.joinpath("model_index.json").unlink()
    house.toy.troubles[""] = [Reply(status=500)] * 9
    with pytest.raises(HubFailed, match="500"):
        house.get(hub)


@EVERY_HUB
def test_no_network_is_told_with_the_mirror_variable(house, hub, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    house.environment |= {"HF_ENDPOINT": "http://127.0.0.1:9", "MODELSCOPE_ENDPOINT": "http://127.0.0.1:9"}
    with pytest.raises(HubOutOfReach, match="_ENDPOINT"):
        house.get(hub)


def test_a_failure_in_modelscopes_body_is_told(house):
    house.toy.troubles[""] = [
        as_json({"Code": 10, "Success": False, "Message": "is being checked", "Data": None})
    ]
    with pytest.raises(HubFailed, match="being checked"):
        house.get("modelscope")


def test_a_wish_to_be_offline_is_respected(house):
    house.environment["HF_HUB_OFFLINE"] = "1"
    with pytest.raises(FetchingOff, match="HF_HUB_OFFLINE"):
        house.get()
    assert house.site.asked == []
    assert house.record is None


def test_a_card_without_a_name_there_says_where_it_can_be_had(house):
    file = house.settings.models_dir / "cards" / "toy.toml"
    file.write_text(file.read_text("utf-8").replace('huggingface = "ada/toy-diffusers"\n', ""), "utf-8")
    with pytest.raises(NotOnHub, match="ModelScope"):
        house.get()


def test_other_layouts_and_pickles_are_refused_before_anything_large_is_fetched(house):
    del house.toy.files[VAE]
    house.toy.files["vae/diffusion_pytorch_model.bin"] = b"pickle"
    with pytest.raises(NoSafetensors, match="vae"):
        house.get()
    del house.toy.files["model_index.json"]
    with pytest.raises(NotDiffusers, match=r"model_index\.json"):
        house.get()
    assert house.cdn.asked == []


def test_a_disk_too_small_is_told_before_anything_is_fetched(house, monkeypatch):
    monkeypatch.setattr(download, "free_bytes", lambda folder: 10**5)
    with pytest.raises(SpaceLacking, match=r"0\.1 GB more"):
        house.get()
    assert house.cdn.asked == []


def test_a_disk_that_fills_up_is_told_and_the_rest_fetched_later(house):
    """A part on /dev/full: the system itself says that there is no room."""
    part = house.folder / f"{UNET}.{hashlib.sha256(NEEDED[UNET]).hexdigest()[:12]}.part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(DiskFilled, match="filled up while unet/") as caught:
        house.get()
    assert "磁盘已满" in caught.value.say("zh")
    part.unlink()
    house.get()
    assert house.here() == NEEDED


def test_two_at_once_are_told_apart(house):
    with closing(fetch(house.card, "huggingface", house.settings, house.environment)) as steps:
        next(steps)
        with pytest.raises(BeingFetched) as caught:
            house.get("modelscope")
        assert str(house.record.pid) in caught.value.say("en")
        assert house.record.hub == "huggingface"
    house.get("modelscope")


def test_paths_that_climb_out_are_not_fetched(house):
    house.toy.files |= {"../evil.json": b"{}", "unet/../../evil.json": b"{}", "unet/.hidden.json": b"{}"}
    house.get("modelscope")
    assert house.here() == NEEDED
    assert not list(house.settings.root.rglob("*evil*"))


def test_every_error_speaks_both_languages():
    kinds = FetchError.__subclasses__()
    assert len(kinds) > 10
    for kind in kinds:
        assert kind.text.zh != kind.text.en


def test_what_was_broken_here_is_fetched_again(house):
    house.get()
    file: Path = house.folder / VAE
    file.write_bytes(b"x" * file.stat().st_size)
    house.get()
    assert house.here() == NEEDED
