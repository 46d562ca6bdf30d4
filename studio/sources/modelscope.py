"""ModelScope: its datasets, over the same three addresses that its own library asks, so that nothing needs installing.
MODELSCOPE_ENDPOINT names another site, for instance https://www.modelscope.ai.

Its library was weighed and left: it fetches a repository whole before anything can be looked at."""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from studio.dataset_requests import ImportRequest
from studio.datasets.entry import NO_LICENCE
from studio.datasets.errors import SourceRefused
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.spdx import spdx
from studio.sources.repository import MISSING, MOST_FILE_BYTES, Kept, Repository, named, read
from studio.sources.source import Place, Source
from studio.sources.web import Web
from studio.words import Said, Text

URL = "https://modelscope.cn"
TITLE = Text("ModelScope", "魔搭")
_PAGE = 200
_MOST_PAGES = 2000
REFUSED = Text("it answered: {words}", "返回：{words}")


def _find(request: ImportRequest, place: Place) -> Iterator[Found | Skipped | Step]:
    id, revision = named(request.where, TITLE)
    base = place.environment.get("MODELSCOPE_ENDPOINT", URL).rstrip("/")
    token = place.environment.get("MODELSCOPE_API_TOKEN", "")
    secret = {"Authorization": f"Bearer {token}", "Cookie": f"m_session_id={token}"} if token else {}
    web = Web(TITLE, place, (base,), secret=secret)
    try:
        repository = yield from _opened(web, base, id, revision or "master")
        yield from read(repository, request, place)
    finally:
        web.close()


def _opened(web: Web, base: str, id: str, revision: str) -> Generator[Step, None, Repository]:
    api = f"{base}/api/v1/datasets/{id}"
    about = yield from _told(web, api, {}, id)
    files = yield from _files(web, f"{api}/repo/tree", id, revision)

    def fetch(file: Kept, target: Path) -> None:
        asked = urlencode({"Revision": revision, "FilePath": file.path})
        web.file(f"{api}/repo?{asked}", target, MOST_FILE_BYTES)

    licence = spdx(str(about.get("License") or "")) if isinstance(about, dict) else NO_LICENCE
    return Repository(
        TITLE, "modelscope", id, f"{base}/datasets/{id}/file/view/{revision}", licence, files, fetch
    )


def _files(web: Web, url: str, id: str, revision: str) -> Generator[Step, None, list[Kept]]:
    files: list[Kept] = []
    for page in range(1, _MOST_PAGES + 1):
        asked: dict[str, str | int] = {
            "Revision": revision, "Recursive": "True", "PageNumber": page, "PageSize": _PAGE
        }  # fmt: skip
        told = yield from _told(web, url, asked, id)
        listed = told.get("Files") or [] if isinstance(told, dict) else told or []
        files += [
            Kept(str(one["Path"]), int(one.get("Size") or 0)) for one in listed if one.get("Type") != "tree"
        ]
        if len(listed) < _PAGE:
            break
        yield Step(0)
    return files


def _told(web: Web, url: str, values: dict[str, str | int], id: str) -> Generator[Step, None, Any]:
    """The data of an answer; a failure may come with a body that looks like success."""
    answer = yield from web.json(url, values, is_optional=True)
    if answer is None:
        told: dict[str, object] = {"id": id, "token": "MODELSCOPE_API_TOKEN"}
        raise SourceRefused("where", source=TITLE, reason=Said(MISSING, told))
    if not answer.get("Success", True) or answer.get("Code", 200) not in (200, "200"):
        web.fail(Said(REFUSED, {"words": str(answer.get("Message") or answer.get("Code"))[:200]}))
    return answer.get("Data") or {}


SOURCE = Source(
    title=TITLE,
    help=Text(
        "A dataset of ModelScope by owner/name; search words may pick files, like train/*.",
        "魔搭上的数据集，写 所有者/名称；搜索词可用来挑选文件，如 train/*。",
    ),
    order=31,
    fields=("where", "query", "count", "caption", "honour_opt_outs"),
    find=_find,
    is_network=True,
)
