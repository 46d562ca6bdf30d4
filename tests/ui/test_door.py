"""How the page is served: the language before anything is drawn, and headers that keep the page to itself."""

from dataclasses import replace

import pytest

from studio.ui.door import Door, first_script, launch_options
from tests.house import in_a_loop

PAGE = b"<!doctype html><html><head><title>x</title></head><body>y</body></html>"


def serve(body=PAGE, path="/", kind=b"text/html; charset=utf-8", is_strict=True):
    """What comes out of the door: headers and body."""

    async def page(scope, receive, send):
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body[:10], "more_body": True})
        await send({"type": "http.response.body", "body": body[10:]})

    sent = []

    async def send(message):
        sent.append(message)

    door = Door(page, first="FIRST", is_strict=is_strict)
    in_a_loop(door({"type": "http", "path": path}, None, send))
    return dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent)


def test_the_first_script_comes_before_everything_else():
    headers, body = serve()
    assert b"<head><script>FIRST</script><title>" in body
    assert int(headers[b"content-length"]) == len(body)


def test_the_browser_may_fetch_from_here_only():
    policy = serve()[0][b"content-security-policy"].decode()
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_a_host_that_frames_the_page_may():
    assert b"x-frame-options" not in serve(is_strict=False)[0]


@pytest.mark.parametrize("other", [{"path": "/gradio_api/upload"}, {"kind": b"application/json"}])
def test_nothing_else_is_touched(other):
    assert serve(**other)[1] == PAGE


def test_no_copy_of_what_a_visitor_typed_is_kept_for_a_link():
    assert serve(path="/gradio_api/deep_link") == ({b"content-length": b"0"}, b"")


def test_a_shared_page_gets_its_script_from_this_machine():
    body = PAGE.replace(
        b"<title>",
        b'<script type="module" src="https://gradio.s3-us-west-2.amazonaws.com/1/gradio.js"></script><title>',
    )
    assert b"amazonaws" not in serve(body)[1]
    assert b"./assets/index-" in serve(body)[1]


def test_the_installed_share_page_fetches_nothing_else():
    from studio.ui.door import FRONTEND

    body = (FRONTEND / "share.html").read_bytes()
    assert b'src="https://' not in serve(body)[1]


@pytest.mark.parametrize(
    ("given", "settled"), [("zh", '"zh"'), ("en", '"en"'), ("auto", '""'), ('";alert(1)//', '""')]
)
def test_only_a_known_language_is_settled_by_the_server(given, settled):
    assert f"SETTLED = {settled};" in first_script(given)


def test_launch_options_shut_what_can_be_shut(settings):
    options = launch_options(settings)
    shut = {
        "allowed_paths": [],
        "show_error": False,
        "enable_monitoring": False,
        "run_history": False,
        "strict_cors": True,
    }
    assert shut.items() <= options.items()
    assert options["max_file_size"] == "50mb"
    assert launch_options(replace(settings, host="space"))["app_kwargs"]


def test_callers_are_judged_on_ones_own_machine_and_not_behind_the_proxies_of_a_host(settings):
    assert "lifespan" in launch_options(settings)["app_kwargs"]
    assert "lifespan" in launch_options(replace(settings, public=True))["app_kwargs"]
    for host in ("space", "zerogpu", "modelscope", "colab", "kaggle"):
        assert "lifespan" not in launch_options(replace(settings, host=host))["app_kwargs"]
