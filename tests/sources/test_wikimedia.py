"""Wikimedia Commons, against a server that answers as MediaWiki's API does."""

import pytest

from studio.datasets.errors import SourceFailed
from tests.sources.site import Reply, as_json, as_picture, png, served


def page(url: str, number: int, licence: tuple[str, str] = ("cc-by-4.0", "CC BY 4.0"), width: int = 80):
    """One file as the API describes it, formatversion 2."""
    facts = {"License": licence[0], "LicenseShortName": licence[1], "Artist": '<a href="//x">Ada &amp; <b>Bo</b></a>',
             "LicenseUrl": "https://creativecommons.org/licenses/by/4.0", "ImageDescription": f"<p>A <i>boat</i> {number}</p>"}  # fmt: skip
    return {
        "pageid": 100 + number, "ns": 6, "title": f"File:Boat {number}.png", "index": number,
        "imagerepository": "local",
        "imageinfo": [{
            "size": 1000, "width": width, "height": 72, "url": f"{url}/files/{number}.png", "thumburl": f"{url}/files/{number}0.png",
            "descriptionurl": f"https://commons.wikimedia.org/wiki/File:Boat_{number}.png", "sha1": "00", "mime": "image/png",
            "extmetadata": {name: {"value": value, "source": "commons-desc-page"} for name, value in facts.items()},
        }],
    }  # fmt: skip


def commons(pages: int = 1, **strange):
    """Pages of two files; `strange` files by number."""

    def answer(asked) -> Reply:
        if asked.path.startswith("/files/"):
            return as_picture(png(int(asked.path[7:-4])))
        start = int(asked.query.get("gsroffset", 0))
        url = f"http://{asked.headers['Host']}"
        found = [page(url, number, **strange.get(f"n{number}", {})) for number in (start + 2, start + 1)]
        told = {"batchcomplete": True, "query": {"pages": found}}
        if start + 2 < 2 * pages:
            told["continue"] = {"gsroffset": start + 2, "continue": "gsroffset||"}
        return as_json(told)

    return answer


def test_search_goes_on_and_licence_author_and_description_come_along(house):
    with served(commons(pages=3)) as site:
        house.environment["INKSTONE_COMMONS_URL"] = site.url
        brought = house.bring("wikimedia", query="boat", caption_language="zh")
    assert brought.taken == [f"Boat {number}.png" for number in range(1, 7)]
    first = site.asked[0]
    assert (first.path, first.query["gsrsearch"]) == ("/w/api.php", "boat filetype:bitmap")
    assert (first.query["iiextmetadatalanguage"], first.query["maxlag"]) == ("zh", "5")
    entry = house.catalogue.get(1)
    assert (entry.caption, entry.caption_source) == ("A boat 1", "description")
    facts = entry.provenance
    assert (facts.license, facts.author, facts.source_id) == ("CC-BY-4.0", "Ada & Bo", "101")
    assert facts.source_url == "https://commons.wikimedia.org/wiki/File:Boat_1.png"
    assert facts.attribution == "Boat 1.png by Ada & Bo, CC BY 4.0, Wikimedia Commons"


def test_only_free_licences_pass_and_huge_pictures_come_scaled(house):
    strange = {
        "n1": {"licence": ("cc-by-sa-4.0", "CC BY-SA 4.0")}, "n2": {"licence": ("pd", "Public domain")},
        "n3": {"licence": ("", "Fair use")}, "n4": {"licence": ("cc0", "CC0"), "width": 9000},
    }  # fmt: skip
    with served(commons(pages=2, **strange)) as site:
        house.environment["INKSTONE_COMMONS_URL"] = site.url
        brought = house.bring("wikimedia", query="boat", licence="public-domain")
    assert brought.taken == ["Boat 2.png", "Boat 4.png"]
    assert "CC BY-SA 4.0" in brought.skipped["Boat 1.png"]
    assert site.paths("/files/") == ["/files/2.png", "/files/40.png"]
    assert house.catalogue.tally("license") == {"LicenseRef-PublicDomain": 1, "CC0-1.0": 1}


def test_lag_in_the_body_is_waited_for_and_errors_are_told(house, waits):
    lag = as_json({"error": {"code": "maxlag", "info": "Waiting for a database server"}})
    replies = [lag, lag]
    answering = commons()
    with served(lambda asked: replies.pop() if replies else answering(asked)) as site:
        house.environment["INKSTONE_COMMONS_URL"] = site.url
        assert len(house.bring("wikimedia", query="boat").taken) == 2
    assert waits
    broken = as_json({"error": {"code": "badvalue", "info": "Unrecognized value"}})
    with served(lambda asked: broken) as site:
        house.environment["INKSTONE_COMMONS_URL"] = site.url
        with pytest.raises(SourceFailed, match="Unrecognized value"):
            house.bring("wikimedia", query="boat")
    with served(lambda asked: lag) as site:
        house.environment["INKSTONE_COMMONS_URL"] = site.url
        with pytest.raises(SourceFailed, match="database"):
            house.bring("wikimedia", query="boats")
    assert len(site.asked) == 4


def test_a_search_without_a_hit_is_no_failure(house):
    with served(lambda asked: as_json({"batchcomplete": True})) as site:
        house.environment["INKSTONE_COMMONS_URL"] = site.url
        assert house.bring("wikimedia", query="qwxyz").taken == []
