"""Builds a whole installation around a tiny random Kolors: cards, model, and LoRAs good, strange and hostile."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from studio.settings import ROOT, Settings

HOSTILE = "<img src=x onerror=window.hacked=1>"
HOSTILE_WORDS = ("<img src=x onerror=window.hacked=2>", "![x](http://outside.example/x.png)")


def furnish(models: Path, kolors: Path, lora: Path) -> Path:
    """A models folder whose Storybook is `kolors`; LoRAs: ink, a hostile name, another family's, and a broken one."""
    shutil.copytree(ROOT / "models" / "cards", models / "cards")
    shutil.copytree(kolors, models / "storybook")
    loras = models / "loras"
    loras.mkdir()
    _put(loras, "ink", lora.read_bytes(), {"title": "Ink wash", "trigger_words": ["ink wash", "水墨"]})
    _put(loras, HOSTILE, lora.read_bytes(), {"trigger_words": list(HOSTILE_WORDS)})
    _put(loras, "photo", lora.read_bytes(), {"base_model": "stable-diffusion-xl-v1-base"})
    (loras / "broken.safetensors").write_bytes(b"no tensors here")
    return models


def in_a_loop(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns, run in a thread of its own: browser tests keep a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def _put(folder: Path, name: str, content: bytes, sidecar: dict[str, Any]) -> None:
    (folder / f"{name}.safetensors").write_bytes(content)
    (folder / f"{name}.json").write_text(json.dumps(sidecar), encoding="utf-8")


def settings_for(models: Path, output: Path, **others: Any) -> Settings:
    """Settings that see only this house."""
    return Settings.from_environment(
        models_dir=models, output_dir=output, **{"language": "en", "host": "local", **others}
    )


class Served:
    """The studio's page in a process of its own: what it says, and how soon it answers."""

    def __init__(
        self, models: Path, output: Path, *options: str, script: str = "app.py", python: str = sys.executable
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        environment = {
            **os.environ,
            "INKSTONE_MODELS": str(models),
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(ROOT),
        }
        words = [python, script, "--port", str(self.port), "--output", str(output), *options]
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._lines: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def seconds_until_served(self) -> float:
        """How long from the command to the first answer."""
        while time.monotonic() - self._started < 180:  # three at once on two slow cores
            assert self.process.poll() is None, self.said()
            try:
                with urllib.request.urlopen(self.url, timeout=10) as answer:
                    assert b"inkstone" in answer.read()
                    return time.monotonic() - self._started
            except OSError:
                time.sleep(0.05)
        raise AssertionError("never served")

    def _listen(self) -> None:
        """Take in what it prints: a pipe that nobody empties would hold it up once it is full."""
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self._lines.append(line)

    def says(self, words: str) -> bool:
        """Whether it prints these words within a while."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not any(words in line for line in self._lines):
            time.sleep(0.05)
        return any(words in line for line in self._lines)

    @property
    def heard(self) -> str:
        """What it has printed of late."""
        return "".join(self._lines[-60:])

    def said(self) -> str:
        """All it printed, once it has ended."""
        self.process.wait(timeout=60)
        self._listener.join(timeout=60)
        return "".join(self._lines)

    def end(self) -> str:
        """End it as a process manager would, and give back what it printed."""
        self.process.send_signal(signal.SIGTERM)
        return self.said()


@contextmanager
def served(models: Path, output: Path, *options: str, script: str = "app.py") -> Iterator[Served]:
    """A page that answers, until the block ends."""
    page = Served(models, output, *options, script=script)
    try:
        page.seconds_until_served()
        yield page
    finally:
        if page.process.poll() is None:
            page.end()


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
