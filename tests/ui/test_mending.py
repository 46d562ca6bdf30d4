"""gradio's script, mended where it keeps a processor busy for nothing."""

import pytest

from studio.ui.door import FRONTEND
from studio.ui.mending import MENDS, Mend, Mended, mended
from tests.house import in_a_loop


@pytest.fixture
def frontend(tmp_path):
    (tmp_path / "assets").mkdir()
    for name, text in (("Blocks-1.js", "a(b)(c)"), ("Blocks-2.js", "b b"), ("other-1.js", "b")):
        (tmp_path / "assets" / name).write_text(text)
    return tmp_path


def ask(frontend, path, method="GET", status=200, kind="http"):
    async def app(scope, receive, send):
        length = b"" if status == 304 else b"7"
        await send({"type": "http.response.start", "status": status, "headers": [(b"etag", b"x"), (b"content-length", length)]})  # fmt: skip
        if method == "HEAD" or status != 200:
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.body", "body": b"ship", "more_body": True})
        await send({"type": "http.response.body", "body": b"ped"})

    sent = []

    async def send(message):
        sent.append(message)

    door = Mended(app, frontend, (Mend("Blocks-", "b", "BETTER"),))
    in_a_loop(door({"type": kind, "path": path, "method": method}, None, send))
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(m.get("body", b"") for m in sent)


def test_every_place_is_found_in_the_installed_gradio():
    """When this fails after a new gradio: see whether the place still needs mending, and how it reads now."""
    shipped = {f"/assets/{file.name}": file.read_bytes() for file in (FRONTEND / "assets").glob("*.js")}
    for mend in MENDS:
        (path,) = mended(FRONTEND, (mend,))
        assert mended(FRONTEND)[path].count(mend.new.encode()) == 1
        assert shipped[path].count(mend.old.encode()) == 1


def test_a_mended_file_is_served_whole(frontend):
    status, headers, body = ask(frontend, "/assets/Blocks-1.js")
    assert (status, body) == (200, b"a(BETTER)(c)")
    assert headers == {b"etag": b"x", b"content-length": b"12"}


@pytest.mark.parametrize("path", ["/assets/Blocks-2.js", "/assets/other-1.js", "/assets/Blocks-3.js", "/"])
def test_everything_else_passes(frontend, path):
    assert ask(frontend, path)[2] == b"shipped"


def test_only_its_head_when_only_that_is_asked_for(frontend):
    status, headers, body = ask(frontend, "/assets/Blocks-1.js", method="HEAD")
    assert (status, headers[b"content-length"], body) == (200, b"12", b"")


@pytest.mark.parametrize("status", [304, 404])
def test_an_answer_without_the_file_passes(frontend, status):
    assert ask(frontend, "/assets/Blocks-1.js", status=status)[::2] == (status, b"")
