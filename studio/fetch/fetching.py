"""A model fetched from beginning to end: may it be, is nobody else at it, and what everybody may know of it meanwhile."""

from collections.abc import Generator, Mapping
from contextlib import closing

from studio.errors import StudioError
from studio.fetch.connection import Connection
from studio.fetch.download import Fetching, Steps
from studio.fetch.errors import FetchingOff, NotOnHub
from studio.fetch.hubs import hubs
from studio.fetch.hubs.hub import Hub
from studio.fetch.progress import Progress
from studio.fetch.record import Download, Records
from studio.fetch.trouble import Trouble
from studio.runs.process import Process
from studio.settings import Settings
from studio.shelf import ModelCard
from studio.sources.transfer import Failed

_TRUE = ("1", "on", "yes", "true")


def fetch(
    card: ModelCard, hub_name: str, settings: Settings, environment: Mapping[str, str], endpoint: str = ""
) -> Steps:
    """Fetch what is missing of a model, telling how far it is; close it to stop, call it again to go on. It also ends,
    with the record saying "stopped", when somebody asks so through `Records`.

    `endpoint` names another address of the hub than the environment does. Raises FetchError, DiskFull, NotWritable, or
    what `ModelCard.check` raises when the model isn't whole in the end."""
    hub = hubs()[hub_name]
    check(card, hub, environment)
    records = Records(settings)
    with records.claimed(card.name):
        now = Download(card.name, hub_name, "running").by(Process.this())
        records.write(now)
        try:
            now = yield from _followed(card, _steps(card, hub, environment, endpoint), records, now)
        except StudioError as error:
            records.write((records.of(card.name) or now).ended("failed", error))
            raise
        except BaseException:
            records.write((records.of(card.name) or now).ended("stopped"))
            raise
        records.write(now)


def check(card: ModelCard, hub: Hub, environment: Mapping[str, str]) -> None:
    """Raise NotOnHub or FetchingOff for what is refused before anybody is asked."""
    if not hub.id_of(card):
        others = ", ".join(other.title.en for other in hubs().values() if other.id_of(card)) or "-"
        raise NotOnHub("model", name=card.name, hub=hub.title, others=others)
    for variable in hub.offline:
        if environment.get(variable, "").lower() in _TRUE:
            raise FetchingOff("model", name=card.name, hub=hub.title, variable=variable)


def _steps(card: ModelCard, hub: Hub, environment: Mapping[str, str], endpoint: str) -> Steps:
    if card.is_whole:
        return
    base = (endpoint or environment.get(hub.endpoint) or hub.url).rstrip("/")
    token = hub.token_of(environment)
    try:
        connection = Connection(base, environment, token, hub.secret(token) if token else {})
    except Failed as failed:
        raise Trouble(card, hub, base).out_of_reach(failed) from None
    yield from Fetching(card, hub, connection).steps()


def _followed(
    card: ModelCard, steps: Steps, records: Records, now: Download
) -> Generator[Progress, None, Download]:
    """The steps, each remembered; the record at their end."""
    with closing(steps):
        for progress in steps:
            now = now.at(progress)
            records.write(now)
            yield progress
            if records.is_stop_asked(card.name):
                return now.ended("stopped")
    card.check()
    return now.ended("finished")
