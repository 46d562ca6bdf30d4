"""Downloads in a process of their own, one at a time: they outlive the page that asked for them, and the program."""

import os
import sys

from studio.disk import storage_error
from studio.fetch.errors import BeingFetched, FetchDied, FetchingRefused
from studio.fetch.fetching import check
from studio.fetch.hubs import hubs
from studio.fetch.record import Download, Records
from studio.runs.process import Process, launch
from studio.settings import ROOT, Settings
from studio.shelf import ModelCard


class Background:
    """The downloads that the page starts and stops."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.records = Records(settings)

    def running(self) -> Download | None:
        """The download under way, if there is one."""
        return next((found for found in self.records.all() if found.is_running), None)

    def start(self, card: ModelCard, hub_name: str) -> None:
        """Begin or go on; returns at once. Raises FetchError, DiskFull or NotWritable."""
        if not self._settings.may_fetch_models:
            raise FetchingRefused("model")
        check(card, hubs()[hub_name], os.environ)
        with self.records.starting(card.name):
            now = self.running()
            if now is not None:
                raise BeingFetched("model", name=now.name, pid=now.pid)
            process = self._launched(card, hub_name)
            begun = Download(card.name, hub_name, "running")
            if process is not None:
                self.records.write(begun.by(process))
            elif (self.records.of(card.name) or begun).is_running:
                died = FetchDied("model", name=card.name, log=str(self.records.log_file(card.name)))
                self.records.write(begun.ended("failed", died))

    def stop(self, name: str) -> None:
        """Ask a download to stop; what has arrived is kept."""
        self.records.ask_stop(name)

    def _launched(self, card: ModelCard, hub_name: str) -> Process | None:
        words = [sys.executable, "-m", "studio.fetch.worker", card.name, hub_name]
        try:
            log = self.records.log_file(card.name)
            log.write_bytes(b"")
            return launch(words, log, self._environment())
        except OSError as error:
            raise storage_error(error, self._settings.weights_dir) from None

    def _environment(self) -> dict[str, str]:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **os.environ,
            "INKSTONE_MODELS": str(self._settings.models_dir.absolute()),
            "INKSTONE_OUTPUT": str(self._settings.output_dir.absolute()),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUTF8": "1",
        }
