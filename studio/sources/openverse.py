"""Openverse: openly licensed pictures of many museums and sites, found by words, each with its licence and author."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from studio.dataset_requests import ImportRequest
from studio.datasets.entry import Provenance
from studio.datasets.errors import SourceRefused
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.names import clean_name
from studio.datasets.spdx import is_allowed, spdx
from studio.sources.source import Place, Source
from studio.sources.web import Web
from studio.sources.words import LICENCE_UNFIT, NO_WORDS
from studio.words import Said, Text

URL = "https://api.openverse.org"
TITLE = Text("Openverse", "Openverse")
_PAGE = 20
_MOST_PAGES = 20
"""What anonymous visitors may ask for; a token (INKSTONE_OPENVERSE_TOKEN) raises what may be asked a day."""
_ASKED = {"open": "cc0,pdm,by", "public-domain": "cc0,pdm"}


def _find(request: ImportRequest, place: Place) -> Iterator[Found | Skipped | Step]:
    if not request.query.strip():
        raise SourceRefused("query", source=TITLE, reason=NO_WORDS)
    base = place.environment.get("INKSTONE_OPENVERSE_URL", URL).rstrip("/")
    token = place.environment.get("INKSTONE_OPENVERSE_TOKEN", "")
    secret = {"Authorization": f"Bearer {token}"} if token else {}
    web = Web(TITLE, place, (base,), 1.0, request.honour_opt_outs, secret)
    try:
        yield from _pages(request, web, f"{base}/v1/images/")
    finally:
        web.close()


def _pages(request: ImportRequest, web: Web, url: str) -> Iterator[Found | Skipped | Step]:
    asked: dict[str, str | int] = {
        "q": request.query,
        "license": _ASKED[request.licence],
        "page_size": _PAGE,
        "mature": "false",
    }
    seen = 0
    for page in range(1, _MOST_PAGES + 1):
        told = yield from web.json(url, {**asked, "page": page})
        results = told.get("results") or []
        total = min(int(told.get("result_count") or 0), _PAGE * _MOST_PAGES)
        yield Step(seen, request.count or total)
        for result in results:
            seen += 1
            yield _offered(result, request, web)
        if not results or page >= int(told.get("page_count") or 0):
            return


def _offered(result: dict[str, Any], request: ImportRequest, web: Web) -> Found | Skipped:
    title = str(result.get("title") or result.get("id"))
    licence = spdx(str(result.get("license") or ""), str(result.get("license_version") or ""))
    if not is_allowed(licence, request.licence) or not result.get("url"):
        return Skipped(title, Said(LICENCE_UNFIT, {"licence": licence}))
    return Found(
        name=clean_name(title),
        open=partial(web.picture, str(result["url"])),
        caption=str(result.get("title") or ""),
        caption_source="title",
        tags=tuple(str(tag.get("name", "")) for tag in result.get("tags") or []),
        provenance=Provenance(
            source="openverse",
            source_id=str(result.get("id") or ""),
            source_url=str(result.get("foreign_landing_url") or result["url"]),
            author=str(result.get("creator") or ""),
            license=licence,
            license_url=str(result.get("license_url") or ""),
            attribution=str(result.get("attribution") or ""),
        ),
    )


SOURCE = Source(
    title=TITLE,
    help=Text(
        "Openly licensed pictures found by words, with author and licence; up to 400 a search.",
        "按关键词搜索开放许可的图片，附作者与许可；每次搜索最多 400 张。",
    ),
    order=40,
    fields=("query", "count", "licence", "caption", "honour_opt_outs"),
    find=_find,
    is_network=True,
)
