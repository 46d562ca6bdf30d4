"""The page over the wire: what answers, what doesn't, and the endpoint for programs."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from studio.exchange.picture import read_settings
from studio.requests import GenerateRequest
from studio.settings import ROOT
from tests.house import Served, served


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("out") / "outputs"


@pytest.fixture(scope="module")
def page(house, output) -> Iterator[Served]:
    with served(house, output) as page:
        yield page


@pytest.fixture(scope="module")
def client(page):
    from gradio_client import Client

    client = Client(page.url, verbose=False, analytics_enabled=False)
    yield client
    client.close()


def status(url: str, body: bytes | None = None) -> int:
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_one_endpoint_is_public_and_names_its_parameters(client):
    told = client.view_api(return_format="dict", print_info=False)
    assert list(told["named_endpoints"]) == ["/generate"]
    assert told["unnamed_endpoints"] == {}
    parameters = {p["parameter_name"]: p for p in told["named_endpoints"]["/generate"]["parameters"]}
    assert list(parameters) == ["prompt", "negative_prompt", "model", "sampler", "schedule", "steps", "guidance", "width",
                                "height", "seed", "count", "styles", "loras", "start", "mask", "strength", "upscale",
                                "upscale_strength", "memory"]  # fmt: skip
    assert all(parameter["parameter_has_default"] for parameter in parameters.values())


def test_what_a_program_leaves_out_takes_the_requests_own_default(client):
    told = client.view_api(return_format="dict", print_info=False)["named_endpoints"]["/generate"][
        "parameters"
    ]
    own = GenerateRequest().to_dict() | {"start": None, "mask": None}
    assert {p["parameter_name"]: p["parameter_default"] for p in told} == {
        p["parameter_name"]: own[p["parameter_name"]] for p in told
    }


def test_a_program_gets_pictures_with_their_settings_inside(client):
    files, seed = client.predict(
        prompt="a red boat", steps=2, width=64, height=64, seed=5, count=2, api_name="/generate"
    )
    assert seed == 5
    assert len(files) == 2
    with Image.open(files[0]) as picture:
        assert picture.format == "PNG"
        assert picture.size == (64, 64)
        assert picture.text["parameters"].startswith("a red boat")
        assert json.loads(picture.text["inkstone"])


def test_a_program_sends_a_picture_to_begin_with_and_its_mask(client, output, tmp_path):
    from gradio_client import handle_file

    red, mask = tmp_path / "red.jpg", tmp_path / "mask.png"
    Image.new("RGB", (128, 128), (200, 20, 20)).save(red, quality=95)
    half = Image.new("L", (128, 128))
    half.paste(255, (64, 0, 128, 128))
    half.save(mask)
    files, _ = client.predict(
        prompt="x", steps=2, width=64, height=64, seed=5, start=handle_file(str(red)), mask=handle_file(str(mask)),
        strength=0.5, upscale=1.0, memory="whole", api_name="/generate",
    )  # fmt: skip
    with Image.open(files[0]) as picture:
        assert max(abs(a - b) for a, b in zip(picture.getpixel((8, 32)), (200, 20, 20), strict=True)) < 4
        assert picture.convert("RGB").crop((40, 0, 64, 64)).getcolors(2) is None
    request = read_settings(files[0]).request
    assert (request.strength, request.memory) == (0.5, "whole")
    for name in (request.start, request.mask):
        assert (output / "starts" / f"{name}.png").is_file()


def test_a_program_gets_the_larger_second_pass(client):
    files, _ = client.predict(
        prompt="x", steps=2, width=64, height=64, upscale=1.5, upscale_strength=0.5, api_name="/generate"
    )
    with Image.open(files[0]) as picture:
        assert picture.size == (96, 96)


def test_a_program_is_told_of_a_picture_that_is_none_and_of_a_mask_alone(client, tmp_path):
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    words, mask = tmp_path / "words.png", tmp_path / "mask.png"
    words.write_text("no picture")
    Image.new("L", (64, 64), 255).save(mask)
    for wrong, sentence in (
        ({"start": handle_file(str(words))}, "not a picture"),
        ({"mask": handle_file(str(mask))}, "no start picture"),
        ({"start": handle_file(str(mask)), "memory": "all"}, "all"),
    ):
        with pytest.raises(AppError, match=sentence):
            client.predict(prompt="x", steps=1, width=64, height=64, api_name="/generate", **wrong)


def test_a_program_cannot_name_a_file_of_this_machine_as_the_picture(page, tmp_path):
    """What a client library would refuse to send."""
    secret = tmp_path / "secret.png"
    Image.new("RGB", (64, 64)).save(secret)
    for named in (
        {"path": str(secret), "meta": {"_type": "gradio.FileData"}},
        {"path": str(secret)},
        str(secret),
    ):
        data = ["x", "", "storybook", "euler", "auto", 1, 3.0, 64, 64, 1, 1, [], [], named, None, 0.5, 1, 0.5, "auto"]  # fmt: skip
        call = urllib.request.Request(
            f"{page.url}gradio_api/call/generate", json.dumps({"data": data}).encode(),
            {"content-type": "application/json"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(call, timeout=20) as answer:
                number = json.loads(answer.read())["event_id"]
        except urllib.error.HTTPError as refused:
            with refused:
                continue
        with urllib.request.urlopen(f"{page.url}gradio_api/call/generate/{number}", timeout=20) as answer:
            assert b"event: error" in answer.read()


@pytest.mark.parametrize(
    "wrong", [{"steps": 999}, {"model": "../../etc"}, {"loras": ["/etc/passwd:1"]}, {"width": 3}]
)
def test_a_program_gets_one_sentence_for_a_bad_value(client, wrong):
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError) as caught:
        client.predict(prompt="x", api_name="/generate", **wrong)
    assert len(str(caught.value)) < 300
    assert "Traceback" not in str(caught.value)


def test_no_file_but_pictures_is_served(page, client, output):
    client.predict(prompt="x", steps=1, width=64, height=64, api_name="/generate")
    saved = next(output.glob("????-??-??/*.png"))
    for path in ("app.py", "studio/settings.py", "/etc/passwd", str(saved), str(output / "history.sqlite3"),
                 str(ROOT / "models" / "cards" / "storybook.toml"), "../../etc/passwd"):  # fmt: skip
        assert status(f"{page.url}gradio_api/file={path}") in (403, 404), path


def test_the_work_of_a_caller_who_leaves_ends(page, client, output):
    """Whether its answer is no longer listened to, or it is told that the answer isn't wanted."""
    before = len([*output.glob("????-??-??/*.png")])
    given = [
        "x",
        "",
        "storybook",
        "euler",
        "auto",
        150,
        3.0,
        512,
        512,
        1,
        8,
        [],
        [],
        None,
        None,
        0.5,
        1,
        0.5,
        "auto",
    ]
    streams = []
    for _ in range(2):
        call = urllib.request.Request(
            f"{page.url}gradio_api/call/generate", json.dumps({"data": given}).encode(),
            {"content-type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(call, timeout=20) as answer:
            number = json.loads(answer.read())["event_id"]
        streams.append(urllib.request.urlopen(f"{page.url}gradio_api/call/generate/{number}", timeout=20))
    job = client.submit(prompt="x", steps=150, width=512, height=512, count=8, api_name="/generate")
    time.sleep(0.5)
    for stream in streams:
        stream.close()
    job.cancel()
    client.predict(prompt="x", steps=1, width=64, height=64, api_name="/generate")
    assert len([*output.glob("????-??-??/*.png")]) - before < 8


@pytest.mark.parametrize("path", ["gradio_api/monitoring/summary", "monitoring", "gradio_api/runs"])
def test_nobody_can_watch(page, path):
    assert status(page.url + path) in (403, 404)


def test_the_page_carries_its_headers_and_speaks_before_gradio(page):
    with urllib.request.urlopen(page.url, timeout=10) as answer:
        body = answer.read().decode()
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert body.index("window.inkstone") < body.index("window.gradio_config =")


def test_handlers_are_called_with_hostile_values_and_answer_with_a_sentence(page, client):
    """api_visibility hides an endpoint from lists only: every handler can be called with anything."""
    config = json.loads(urllib.request.urlopen(f"{page.url}config", timeout=10).read())
    for dependency in config["dependencies"]:
        if not dependency["backend_fn"]:
            continue
        body = {
            "data": ["<script>"] * len(dependency["inputs"]),
            "fn_index": dependency["id"],
            "session_hash": "somebody",
        }
        assert status(f"{page.url}gradio_api/queue/join", json.dumps(body).encode()) in (
            200,
            422,
            500,
            404,
        )
    assert status(page.url) == 200


LOCKED = """
import sys
from studio.ui import serve as serving
page = serving._page
def locked(studio, given):
    given.share = True
    import gradio
    launch = gradio.Blocks.launch
    gradio.Blocks.launch = lambda self, **options: launch(self, **{**options, "share": False})
    return page(studio, given)
serving._page = locked
sys.exit(serving.serve())
"""
"""The studio as `--share` starts it, short of opening the tunnel."""


@pytest.mark.long
def test_a_shared_page_lets_nobody_in_without_the_password(house, tmp_path):
    script = tmp_path / "locked.py"
    script.write_text(LOCKED, encoding="utf-8")
    with served(house, tmp_path / "out", script=str(script)) as page:
        for path in (
            "config",
            "gradio_api/info",
            "gradio_api/file=/tmp/x",
            "gradio_api/queue/data?session_hash=x",
        ):
            assert status(page.url + path) == 401, path
        assert status(page.url + "gradio_api/queue/join", b"{}") == 401
        assert b'components": []' in urllib.request.urlopen(page.url, timeout=10).read().replace(
            b'":[]', b'": []'
        )


def test_drawing_writes_no_file_beside_the_code(desk):
    assert not list((ROOT / "studio").rglob("*.pyi"))


@pytest.mark.long
def test_the_page_process_never_imports_torch():
    code = (
        "import sys; from studio.settings import Settings; from studio.studio import Studio\n"
        "from studio.ui.page import build_page; build_page(Studio(Settings.from_environment()))\n"
        "print(sorted({'torch', 'diffusers', 'transformers', 'peft'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert answer.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux tells how often a thread has slept")
def test_a_server_that_nobody_asks_sleeps(page, client):
    """gradio's own queue wakes up a thousand times a second and takes a core from the engine each time."""

    def sleeps() -> int:
        threads = Path(f"/proc/{page.process.pid}/task").glob("*/status")
        told = [thread.read_text().split("\nvoluntary_ctxt_switches:")[1] for thread in threads]
        return sum(int(count.split("\n")[0]) for count in told)

    client.predict(prompt="", steps=1, width=64, height=64, api_name="/generate")
    time.sleep(1)
    before = sleeps()
    time.sleep(2)
    assert sleeps() - before < 2 * 250
