"""Wikimedia Commons: photographs and drawings that volunteers gave, found by words, each with its licence and author."""

import html
import re
from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

from studio.dataset_requests import ImportRequest
from studio.datasets.entry import Provenance
from studio.datasets.errors import SourceRefused
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.spdx import address_of, is_allowed, spdx
from studio.sources.source import Place, Source
from studio.sources.transfer import Failed
from studio.sources.web import Web
from studio.sources.words import LICENCE_UNFIT, NO_WORDS, NOT_OFFERED
from studio.words import Said, Text

URL = "https://commons.wikimedia.org"
TITLE = Text("Wikimedia Commons", "维基共享资源")
_PAGE = 50
_LARGE_SIDE_PX, _SCALED_PX = 4096, 1920
"""Larger pictures are fetched at one of the widths that the site keeps ready."""
_TAG = re.compile(r"<[^<>]*>")
_BUSY = ("maxlag", "ratelimited")
REFUSED = Text("it answered: {words}", "返回：{words}")


def _find(request: ImportRequest, place: Place) -> Iterator[Found | Skipped | Step]:
    if not request.query.strip():
        raise SourceRefused("query", source=TITLE, reason=NO_WORDS)
    base = place.environment.get("INKSTONE_COMMONS_URL", URL).rstrip("/")
    web = Web(TITLE, place, (base,), 0.5, request.honour_opt_outs)
    try:
        yield from _pages(request, web, f"{base}/w/api.php")
    finally:
        web.close()


def _pages(request: ImportRequest, web: Web, url: str) -> Iterator[Found | Skipped | Step]:
    more: dict[str, str | int] = {}
    seen = 0
    while True:
        told = yield from _asked(web, url, _question(request) | more)
        found = sorted(
            (told.get("query") or {}).get("pages") or [], key=lambda page: int(page.get("index", 0))
        )
        yield Step(seen, request.count)
        for page in found:
            seen += 1
            yield _offered(page, request, web)
        more = {str(name): value for name, value in (told.get("continue") or {}).items()}
        if not more:
            return


def _question(request: ImportRequest) -> dict[str, str | int]:
    return {
        "action": "query", "format": "json", "formatversion": 2, "maxlag": 5,
        "generator": "search", "gsrsearch": f"{request.query} filetype:bitmap", "gsrnamespace": 6, "gsrlimit": _PAGE,
        "prop": "imageinfo", "iiprop": "url|size|sha1|mime|extmetadata", "iiurlwidth": _SCALED_PX,
        "iiextmetadatalanguage": request.caption_language,
        "iiextmetadatafilter": "License|LicenseShortName|LicenseUrl|Artist|Credit|ImageDescription|AttributionRequired",
    }  # fmt: skip


def _asked(web: Web, url: str, question: dict[str, str | int]) -> Generator[Step, None, dict[str, Any]]:
    """The answer to a question. The service says "later" in a body that else looks like success."""
    waits = web.patience()
    while True:
        told: dict[str, Any] = yield from web.json(url, question)
        error = told.get("error")
        if not error:
            return told
        reason = Said(REFUSED, {"words": str(error.get("info") or error.get("code"))[:200]})
        yield from waits(
            Failed(reason, may_retry=error.get("code") in _BUSY, wait_s=error.get("retry-after"))
        )


def _offered(page: dict[str, Any], request: ImportRequest, web: Web) -> Found | Skipped:
    title = str(page.get("title", "")).removeprefix("File:")
    shown = (page.get("imageinfo") or [{}])[0]
    facts = {name: _plain(told.get("value")) for name, told in (shown.get("extmetadata") or {}).items()}
    licence = spdx(facts.get("License", ""))
    licence = licence if is_allowed(licence, "open") else spdx(facts.get("LicenseShortName", ""))
    if not shown.get("url"):
        return Skipped(title, Said(NOT_OFFERED, {}))
    if not is_allowed(licence, request.licence):
        return Skipped(title, Said(LICENCE_UNFIT, {"licence": facts.get("LicenseShortName") or licence}))
    is_large = max(int(shown.get("width", 0)), int(shown.get("height", 0))) > _LARGE_SIDE_PX
    author, stated = facts.get("Artist", ""), facts.get("LicenseUrl", "") or address_of(licence)
    return Found(
        name=title,
        open=partial(web.picture, str((is_large and shown.get("thumburl")) or shown["url"])),
        caption=facts.get("ImageDescription", ""),
        caption_source="description",
        provenance=Provenance(
            source="wikimedia",
            source_id=str(page.get("pageid", "")),
            source_url=str(shown.get("descriptionurl") or shown["url"]),
            author=author,
            license=licence,
            license_url=stated,
            attribution=f"{title} by {author or 'unknown'}, {facts.get('LicenseShortName', licence)}, Wikimedia Commons",
        ),
    )


def _plain(value: Any) -> str:
    """Words without their markup."""
    return " ".join(html.unescape(_TAG.sub(" ", str(value or ""))).split())


SOURCE = Source(
    title=TITLE,
    help=Text(
        "Freely licensed photographs and drawings found by words, with author, licence and description.",
        "按关键词搜索自由许可的照片与绘画，附作者、许可和描述。",
    ),
    order=41,
    fields=("query", "count", "licence", "caption", "caption_language", "honour_opt_outs"),
    find=_find,
    is_network=True,
)
