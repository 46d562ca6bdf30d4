"""Waits until a started studio answers, asks it over HTTP for one picture, and checks what comes back.

Usage: python .ci/ask.py URL"""

import sys
import time
import urllib.request
from pathlib import Path

from gradio_client import Client
from PIL import Image

PATIENCE_S = 120
PROMPT = "日落时分，海面上有一艘红色的小船"


def wait(url: str) -> float:
    """Seconds until the page is served."""
    started = time.monotonic()
    while time.monotonic() - started < PATIENCE_S:
        try:
            with urllib.request.urlopen(url, timeout=5) as page:
                if page.status == 200:
                    return time.monotonic() - started
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"{url} did not answer within {PATIENCE_S} s")


def ask(url: str) -> tuple[Path, int]:
    """One picture's file and its seed."""
    client = Client(url, verbose=False, analytics_enabled=False)
    pictures, seed = client.predict(prompt=PROMPT, steps=20, seed=7, api_name="/generate")
    (picture,) = pictures
    return Path(picture), int(seed)


def check(file: Path) -> None:
    """A true PNG of the size asked for, painted, with its settings in both schemes."""
    with Image.open(file) as picture:
        picture.load()
        assert picture.format == "PNG", picture.format
        assert picture.size == (256, 256), picture.size
        assert len(picture.getcolors(2**24) or ()) > 100, "the picture is empty"
        texts = picture.text
    assert PROMPT in texts["parameters"], texts
    assert PROMPT in texts["inkstone"], texts


def main() -> None:
    """Wait, ask, check, and print how long each took."""
    url = sys.argv[1]
    waited = wait(url)
    started = time.monotonic()
    file, seed = ask(url)
    assert seed == 7, seed
    check(file)
    print(
        f"page after {waited:.1f} s, first picture after {time.monotonic() - started:.1f} s: {file.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main()
