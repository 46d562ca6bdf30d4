"""A list of addresses, fetched one by one: only https, only public sites, and only what its site lets be learnt from."""

import hashlib
from collections.abc import Iterator
from functools import partial
from urllib.parse import unquote, urlsplit

from studio.dataset_requests import ImportRequest
from studio.datasets.entry import Provenance
from studio.datasets.errors import SourceRefused
from studio.datasets.found import Found, Skipped, Step
from studio.datasets.names import clean_name
from studio.sources.source import Place, Source
from studio.sources.web import Web
from studio.words import Text

_STEP = 10
TITLE = Text("Addresses", "网址列表")
NO_ADDRESSES = Text(
    "it needs addresses, one a line; a caption may follow after a tab",
    "请填写网址，每行一个；其后可用制表符隔开写说明",
)


def _find(request: ImportRequest, place: Place) -> Iterator[Found | Skipped | Step]:
    listed = list(_listed(request.where))
    if not listed:
        raise SourceRefused("where", source=TITLE, reason=NO_ADDRESSES)
    web = Web(TITLE, place, honours_opt_outs=request.honour_opt_outs)
    try:
        for done, (url, caption) in enumerate(listed):
            if done % _STEP == 0:
                yield Step(done, len(listed))
            yield Found(
                name=_name_of(url),
                open=partial(web.picture, url),
                caption=caption,
                caption_source="list" if caption else "",
                provenance=Provenance(
                    source="urls",
                    source_id=hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()[:32],
                    source_url=url,
                ),
            )
    finally:
        web.close()


def _listed(lines: str) -> Iterator[tuple[str, str]]:
    """Addresses with their captions. Lines without a tab may hold several addresses, between blanks."""
    for line in lines.splitlines():
        url, tab, caption = line.strip().partition("\t")
        if tab:
            yield url.strip(), caption.strip()
        else:
            yield from ((word, "") for word in line.split())


def _name_of(url: str) -> str:
    try:
        return clean_name(unquote(urlsplit(url).path))
    except ValueError:
        return clean_name(url)


SOURCE = Source(
    title=TITLE,
    help=Text(
        "Pictures at https addresses, one a line; a caption may follow after a tab. Sites that forbid training are left out.",
        "https 网址上的图片，每行一个；其后可用制表符隔开写说明。声明禁止训练的网站会被跳过。",
    ),
    order=43,
    fields=("where", "caption", "honour_opt_outs"),
    find=_find,
    is_network=True,
)
