"""`python app.py`: its options, how soon it answers, and what it says when it can't."""

import re
import socket
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest

from studio.ui import serve as serving
from tests.house import Served


@pytest.mark.long
def test_the_page_is_served_and_ends_cleanly(house, tmp_path):
    page = Served(house, tmp_path / "out", "--language", "en")
    try:
        print(f"served after {page.seconds_until_served():.1f} s")
        told = page.says(page.url)
    finally:
        said = page.end()
    assert page.process.returncode == 0, said
    assert told, said
    assert "Traceback" not in said


def test_a_taken_port_is_told_in_one_sentence_with_the_way_out(capsys):
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert serving.serve(["--port", str(port), "--language", "zh"]) == 2
    said = capsys.readouterr().err
    assert f"--port {port + 1}" in said
    assert len(said.strip().splitlines()) == 1
    assert re.search("[一-鿿]", said)


@pytest.mark.parametrize(
    "words", [["--port", "many"], ["--prot", "7860"], ["--language", "fr"], ["--port", "99999999"]]
)
def test_wrong_options_are_told_in_one_sentence(capsys, words):
    assert serving.serve([*words]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("port", ["0", "70000", "-1"])
def test_a_port_that_there_is_not_is_told_with_the_range(capsys, port):
    assert serving.serve(["--port", port]) == 2
    said = capsys.readouterr().err
    assert "between 1 and 65535" in said
    assert "runs there already" not in said


def test_a_place_that_keeps_no_pictures_is_told_before_the_page_is_served(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert serving.serve(["--output", str(tmp_path / "file"), "--language", "zh"]) == 2
    assert "无法写入" in capsys.readouterr().err


def test_sharing_is_refused_where_a_host_shares_already(capsys, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "someone/inkstone")
    assert serving.serve(["--share"]) == 2
    assert "--share" in capsys.readouterr().err


@pytest.mark.parametrize("share", [True, False])
def test_a_public_link_always_has_a_strong_password(share, settings, monkeypatch, capsys):
    launched = {}
    page = SimpleNamespace(
        launch=lambda **options: launched.update(options), local_url="http://x", share_url="https://y"
    )
    monkeypatch.setattr("studio.ui.page.build_page", lambda studio: page)
    given = SimpleNamespace(host="127.0.0.1", port=1, share=share, language="auto")
    serving._page(SimpleNamespace(settings=replace(settings, public=share)), given)
    assert launched["share"] is share
    if share:
        _, password = launched["auth"]
        assert len(password) >= 20
        assert password in capsys.readouterr().out
    else:
        assert launched["auth"] is None


@pytest.mark.parametrize(
    ("words", "is_public"),
    [((), False), (("--host", "localhost"), False), (("--host", "0.0.0.0"), True), (("--share",), True)],
)
def test_who_can_be_reached_by_others_is_public(words, is_public):
    settings = serving._settings(serving._parser("en").parse_args(words))
    assert settings.public is is_public
    assert settings.may_delete is not is_public
