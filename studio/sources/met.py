"""The Met: works of the Metropolitan Museum of Art that are out of copyright, given away under CC0."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from studio.dataset_requests import ImportRequest
from studio.datasets.entry import Provenance
from studio.datasets.errors import SourceRefused
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.names import clean_name
from studio.datasets.spdx import address_of
from studio.sources.source import Place, Source
from studio.sources.web import Web
from studio.sources.words import NO_WORDS, NOT_OFFERED
from studio.words import Said, Text

URL = "https://collectionapi.metmuseum.org"
TITLE = Text("The Met", "大都会艺术博物馆")
_LICENCE = "CC0-1.0"
_FACTS = ("title", "artistDisplayName", "objectDate", "medium")


def _find(request: ImportRequest, place: Place) -> Iterator[Found | Skipped | Step]:
    if not request.query.strip():
        raise SourceRefused("query", source=TITLE, reason=NO_WORDS)
    base = place.environment.get("INKSTONE_MET_URL", URL).rstrip("/") + "/public/collection/v1"
    web = Web(TITLE, place, (base,), 0.05, request.honour_opt_outs)
    try:
        told = yield from web.json(
            f"{base}/search", {"hasImages": "true", "isPublicDomain": "true", "q": request.query}
        )
        ids = [str(int(id)) for id in told.get("objectIDs") or []]
        for seen, id in enumerate(ids):
            if place.is_known(id):
                continue
            if seen % 10 == 0:
                yield Step(seen, request.count or len(ids))
            work = yield from web.json(f"{base}/objects/{id}", {}, is_optional=True)
            yield _offered(id, work or {}, web)
    finally:
        web.close()


def _offered(id: str, work: dict[str, Any], web: Web) -> Found | Skipped:
    url = work.get("primaryImage")
    title = str(work.get("title") or f"object {id}")
    if not work.get("isPublicDomain") or not url:
        return Skipped(title, Said(NOT_OFFERED, {}))
    facts = [str(work[name]) for name in _FACTS if work.get(name)]
    return Found(
        name=clean_name(f"{title}-{id}.jpg"),
        open=partial(web.picture, str(url)),
        caption=", ".join(facts),
        caption_source="title",
        tags=tuple(str(tag.get("term", "")) for tag in work.get("tags") or []),
        provenance=Provenance(
            source="met",
            source_id=id,
            source_url=str(work.get("objectURL") or url),
            author=str(work.get("artistDisplayName") or ""),
            license=_LICENCE,
            license_url=address_of(_LICENCE),
            attribution=f"{title}. {work.get('creditLine') or ''} The Metropolitan Museum of Art".strip(),
        ),
    )


SOURCE = Source(
    title=TITLE,
    help=Text(
        "Works of art out of copyright, found by words, free for every use (CC0).",
        "按关键词搜索版权已过期的艺术品，可自由用于任何用途（CC0）。",
    ),
    order=42,
    fields=("query", "count", "caption", "honour_opt_outs"),
    find=_find,
    is_network=True,
)
