"""Who may call the page: its own names and its own website, and programs."""

import json
import urllib.error
import urllib.request

import pytest
from starlette.datastructures import Headers

from studio.ui.callers import Callers
from tests.house import in_a_loop, served


def refusal(method="POST", is_loopback=True, **headers):
    """The sentence for a request with these headers; None when it passes."""

    async def page(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent = []

    async def send(message):
        sent.append(message)

    raw = Headers({name.replace("_", "-"): value for name, value in headers.items()}).raw
    in_a_loop(
        Callers(page, is_loopback)({"type": "http", "method": method, "headers": list(raw)}, None, send)
    )
    return None if sent[0]["status"] == 200 else sent[1]["body"].decode()


@pytest.mark.parametrize(
    "host", ["localhost:7860", "LOCALHOST", "127.0.0.1:7860", "127.8.0.1", "[::1]:7860", "127.0.0.1"]
)
def test_a_page_of_this_machine_answers_to_its_names(host):
    assert refusal("GET", host=host) is None


@pytest.mark.parametrize(
    "host",
    ["evil.com", "evil.com:7860", "127.0.0.1.evil.com", "192.168.1.5:7860", "0.0.0.0", "", "[::1", "x@"],
)
def test_a_page_of_this_machine_answers_to_no_other_name(host):
    assert "--host" in refusal("GET", host=host)
    assert "localhost 打开" in refusal("POST", host=host, origin=f"http://{host}")


def test_a_page_that_others_reach_answers_to_any_name():
    for host in ("192.168.1.5:7860", "abc.gradio.live", "studio.example"):
        assert refusal("GET", is_loopback=False, host=host) is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:7860", "http://127.0.0.1:7860"),
        ("[::1]:7860", "http://[::1]:7860"),
        ("192.168.1.5:7860", "http://192.168.1.5:7860"),
        ("abc.gradio.live", "https://abc.gradio.live"),
        ("studio.example:443", "https://studio.example"),
        ("studio.example", "https://studio.example:8443"),
        ("Studio.Example", "https://studio.example"),
    ],
)
def test_the_pages_own_website_may_write(host, origin):
    assert refusal(is_loopback=False, host=host, origin=origin) is None


@pytest.mark.parametrize(
    "origin",
    ["http://evil.com", "null", "http://127.0.0.1:3000", "https://127.0.0.1", "http://[", "", "http://x:y"],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_no_other_website_may_write_or_ask_to(method, origin):
    for is_loopback in (True, False):
        said = refusal(method, is_loopback, host="127.0.0.1:7860", origin=origin)
        assert origin in said
        assert "其他网站" in said


def test_a_proxy_names_the_website_that_it_serves():
    through = {"host": "127.0.0.1:7860", "x_forwarded_host": "studio.example, inner.example"}
    assert refusal(origin="https://studio.example", **through) is None
    assert refusal(origin="https://evil.com", **through)


def test_programs_name_no_website_and_may_write():
    assert refusal(host="127.0.0.1:7860") is None


def test_reading_is_left_to_the_browsers_own_rules():
    assert refusal("GET", host="127.0.0.1:7860", origin="http://evil.com") is None


@pytest.fixture(scope="module")
def page(house, tmp_path_factory):
    with served(house, tmp_path_factory.mktemp("out") / "outputs") as page:
        yield page


def answer(page, path, method="GET", body=None, **headers):
    asked = urllib.request.Request(
        page.url + path,
        body,
        {name.replace("_", "-"): value for name, value in headers.items()},
        method=method,
    )
    try:
        with urllib.request.urlopen(asked, timeout=20) as told:
            return told.status, told.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers


def test_the_served_page_lets_no_other_name_and_no_other_website_in(page):
    upload = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nwords\r\n--x--\r\n'
    )
    as_form = {"content_type": "multipart/form-data; boundary=x"}
    call = json.dumps({"data": []}).encode()
    assert answer(page, "", host="evil.com")[0] == 403
    assert answer(page, "gradio_api/call/generate", "POST", call, host="evil.com")[0] == 403
    assert answer(page, "gradio_api/upload", "POST", upload, origin="http://evil.com", **as_form)[0] == 403
    assert answer(page, "gradio_api/upload", "POST", upload, origin=page.url[:-1], **as_form)[0] == 200
    assert answer(page, "gradio_api/upload", "POST", upload, **as_form)[0] == 200


def test_the_question_of_another_website_is_answered_with_no(page):
    asks = {"origin": "http://evil.com", "access_control_request_method": "POST"}
    for host in ({}, {"host": "evil.com"}):
        status, headers = answer(page, "gradio_api/queue/join", "OPTIONS", **asks, **host)
        assert status == 403
        assert "access-control-allow-origin" not in headers
