"""What a hub's refusal, or a disk's, means to whoever wants the model: one sentence with the way out."""

import errno
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from studio.disk import free_bytes, storage_error
from studio.fetch.errors import (
    DiskFilled,
    FetchError,
    HubBusy,
    HubFailed,
    HubOutOfReach,
    LicenceNotAccepted,
    ModelNotAtHub,
)
from studio.fetch.hubs.hub import Hub
from studio.shelf import ModelCard
from studio.sources.transfer import Failed
from studio.words import Said, Text

SECONDS = Text("for {count} s", "在 {count} 秒后")
A_WHILE = Text("for a while", "稍后")


@dataclass(frozen=True)
class Trouble:
    """Makes errors that know the model, the hub and its address."""

    card: ModelCard
    hub: Hub
    endpoint: str

    def error(self, kind: type[FetchError], **values: object) -> FetchError:
        """An error of a kind, with what all of them may name."""
        id = self.hub.id_of(self.card)
        known = {
            "hub": self.hub.title,
            "name": self.card.name,
            "id": id,
            "page": self.hub.page(self.endpoint, id),
        }
        return kind("model", **known, **values)

    def meaning(self, failed: Failed, what: object) -> FetchError:
        """What the failure of a request for `what` means."""
        if failed.status in (401, 403):
            return self.error(LicenceNotAccepted, status=failed.status, variable=self.hub.token)
        if failed.status == 404:
            return self.error(ModelNotAtHub, variable=self.hub.token)
        if failed.status == 429:
            return self.error(HubBusy, span=_span(failed.wait_s))
        if failed.status or not failed.may_retry:
            return self.error(HubFailed, what=what, reason=failed.reason)
        return self.out_of_reach(failed)

    def out_of_reach(self, failed: Failed) -> FetchError:
        """Nobody answered."""
        return self.error(
            HubOutOfReach, endpoint=self.endpoint, reason=failed.reason, variable=self.hub.endpoint
        )

    @contextmanager
    def on_disk(self, file: str, lacking: int) -> Iterator[None]:
        """What the system says of the disk while a file is written and so many bytes of the model are lacking."""
        try:
            yield
        except OSError as error:
            folder = self.card.folder.parent
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise storage_error(error, folder) from None
            free = free_bytes(folder)
            needed = gb_up(max(0, lacking - free))
            raise self.error(
                DiskFilled, folder=str(folder), file=file, free_gb=gb(free), needed_gb=needed
            ) from None


def gb(count: int) -> str:
    """Bytes as gigabytes with one decimal."""
    return f"{count / 2**30:.1f}"


def gb_up(count: int) -> str:
    """Bytes as gigabytes, rounded up: of what is needed."""
    return f"{math.ceil(count / 2**30 * 10) / 10:.1f}"


def _span(wait_s: float | None) -> Said:
    return Said(A_WHILE, {}) if wait_s is None else Said(SECONDS, {"count": round(wait_s)})
