"""`models list|get|remove` on the command line, against loopback hubs."""

import io
import json
import shutil

import pytest

from studio.__main__ import main
from studio.settings import ROOT
from tests.fetch.mirror import NEEDED, VAE, mirrored
from tests.sources.site import Reply


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with mirrored(tmp_path) as house:
        for name, value in {**house.environment, "HF_HUB_OFFLINE": "0", "LC_ALL": "C"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("INKSTONE_MODELS", str(house.settings.models_dir))
        monkeypatch.setenv("INKSTONE_OUTPUT", str(house.settings.output_dir))
        yield house


def test_list_get_and_remove(house, capsys):
    assert main(["models"]) == 0
    assert "not downloaded" in capsys.readouterr().out
    assert main(["models", "get", "toy"]) == 0
    assert str(house.folder) in capsys.readouterr().out
    assert house.here() == NEEDED
    assert main(["models", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["models"]
    assert (row["presence"], row["bytes_on_disk"]) == ("here", sum(map(len, NEEDED.values())))
    assert main(["models", "remove", "toy", "--yes"]) == 0
    assert "0.4 MB" in capsys.readouterr().out
    assert not house.folder.exists()


def test_another_hub_and_another_address(house, capsys, monkeypatch):
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")
    assert main(["models", "get", "toy", "--from", "modelscope", "--endpoint", house.site.url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["presence"] == "here"


def test_failures_are_one_sentence_in_the_readers_language(house, capsys):
    house.toy.troubles[""] = [Reply(status=403, headers={"X-Error-Code": "GatedRepo"})]
    assert main(["models", "get", "toy", "--language", "zh"]) == 2
    err = capsys.readouterr().err.strip()
    assert "HF_TOKEN" in err
    assert "同意许可协议" in err
    assert len(err.splitlines()) == 1
    house.toy.lies[VAE] = NEEDED[VAE][:-1] + b"!"
    assert main(["models", "get", "toy"]) == 2
    assert "checksum" in capsys.readouterr().err
    assert main(["models", "list"]) == 0
    assert "partly here" in capsys.readouterr().out


def test_removing_asks_and_no_answer_is_no(house, capsys, monkeypatch):
    main(["models", "get", "toy"])
    for answer, code in (("", 1), ("no\n", 1), ("yes\n", 0)):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert main(["models", "remove", "toy"]) == code
        assert house.folder.exists() == bool(code)
    capsys.readouterr()
    assert main(["models", "remove", "toy"]) == 2
    assert "nothing of it" in capsys.readouterr().err


def test_words_that_name_nothing_are_told(house, capsys):
    assert main(["models", "get"]) == 2
    assert "models list" in capsys.readouterr().err
    assert main(["models", "get", "../../etc"]) == 2
    assert "toy" in capsys.readouterr().err


def test_the_gpu_memory_of_each_plan_is_told_before_anything_is_fetched(house, capsys):
    shutil.copy(ROOT / "models" / "cards" / "kolors.toml", house.settings.models_dir / "cards")
    assert main(["models"]) == 0
    assert "(--memory): whole 19.6 GB, encoder_away 12.3 GB, encoder_8bit 7.1 GB" in capsys.readouterr().out
    assert main(["models", "list", "--json"]) == 0
    needs = next(row for row in json.loads(capsys.readouterr().out)["models"] if row["name"] == "kolors")
    assert [*needs["needs_bytes"]] == ["whole", "encoder_away", "encoder_8bit", "encoder_4bit", "offload"]
