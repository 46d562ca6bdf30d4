"""gradio's page script as it is served here: two places of it that keep a processor busy for nothing are mended.

Found in gradio 6.31.0. Where a text to be replaced is not found exactly once, the file is served as gradio ships it."""

from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class Mend:
    """One place: in the file whose name begins with `file`, `old` becomes `new`."""

    file: str
    old: str
    new: str


MENDS = (
    # At every message of every event the state of each component that any event has ever read is written anew, and
    # each is looked for through the whole page, though an event that shows no progress has none to show: half of what
    # the browser does while a picture is made.
    Mend(
        "Blocks-",
        "Object.entries(this.loading_stati.current).map(",
        'Object.entries(this.loading_stati.current).filter(([,shown])=>shown.show_progress!=="hidden").map(',
    ),
    # The clock of the sign that is shown while the page loads goes on for ever, sixty times a second: the sign is taken
    # away before its clock is told to stop.
    Mend("statustracker-", "W&&ze()})}let", 'W&&o.status==="pending"&&ze()})}let'),
)


def mended(frontend: Path, mends: tuple[Mend, ...] = MENDS) -> dict[str, bytes]:
    """The files of `frontend` that differ when mended, by the path they are served under; UTF-8."""
    changed: dict[str, bytes] = {}
    for mend in mends:
        for file in sorted((frontend / "assets").glob(f"{mend.file}*.js")):
            path = f"/assets/{file.name}"
            body = changed.get(path) or file.read_bytes()
            if body.count(mend.old.encode()) == 1:
                changed[path] = body.replace(mend.old.encode(), mend.new.encode())
    return changed


class Mended:
    """Serves the mended files in place of the shipped ones; everything else passes."""

    def __init__(self, app: ASGIApp, frontend: Path, mends: tuple[Mend, ...] = MENDS) -> None:
        self._app = app
        self._files = mended(frontend, mends)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = self._files.get(scope.get("path", "")) if scope["type"] == "http" else None
        if body is None:
            await self._app(scope, receive, send)
            return
        is_whole = True

        async def replace(message: Message) -> None:
            nonlocal is_whole
            if message["type"] == "http.response.start":
                is_whole = message["status"] == 200
                headers = MutableHeaders(raw=list(message["headers"]))
                if is_whole:
                    headers["content-length"] = str(len(body))
                await send({**message, "headers": headers.raw})
            elif not is_whole or scope["method"] == "HEAD":
                await send(message)
            elif not message.get("more_body", False):
                await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, replace)
