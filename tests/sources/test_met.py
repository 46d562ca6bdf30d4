"""The Met, against a server that answers as its collection API does."""

import pytest

from studio.datasets.errors import SourceFailed
from tests.sources.site import MISSING, Reply, as_json, as_picture, png, served

BASE = "/public/collection/v1"


def work(url: str, id: int, **others):
    """A work as the API describes it."""
    return {
        "objectID": id, "isHighlight": False, "isPublicDomain": True, "primaryImage": f"{url}/files/{id}.jpg",
        "primaryImageSmall": f"{url}/files/{id}-small.jpg", "additionalImages": [], "title": f"Vase {id}",
        "artistDisplayName": "Kiyomizu", "objectDate": "18th century", "medium": "Porcelain", "objectName": "Vase",
        "creditLine": "Gift of Ada, 1930", "objectURL": f"https://www.metmuseum.org/art/collection/search/{id}",
        "tags": [{"term": "Flowers", "AAT_URL": "http://x"}], "department": "Asian Art",
    } | others  # fmt: skip


def museum(ids, **strange):
    def answer(asked) -> Reply:
        url = f"http://{asked.headers['Host']}"
        if asked.path == f"{BASE}/search":
            return as_json({"total": len(ids or []), "objectIDs": ids})
        id = int(asked.path.split("/")[-1].split(".")[0])
        if asked.path.startswith("/files/"):
            return as_picture(png(id))
        told = strange.get(f"w{id}", {})
        return told if isinstance(told, Reply) else as_json(work(url, id, **told))

    return answer


def test_works_out_of_copyright_come_with_their_facts(house):
    strange = {
        "w2": {"isPublicDomain": False, "primaryImage": ""},
        "w3": MISSING,
        "w4": {"tags": None, "title": ""},
    }
    with served(museum([1, 2, 3, 4], **strange)) as site:
        house.environment["INKSTONE_MET_URL"] = site.url
        brought = house.bring("met", query="vase")
    assert brought.taken == ["Vase 1-1.jpg", "object 4-4.jpg"]
    assert set(brought.skipped) == {"Vase 2", "object 3"}
    assert site.asked[0].query == {"hasImages": "true", "isPublicDomain": "true", "q": "vase"}
    entry = house.catalogue.get(1)
    assert (entry.caption, entry.tags) == ("Vase 1, Kiyomizu, 18th century, Porcelain", ("Flowers",))
    assert (entry.provenance.license, entry.provenance.source_id) == ("CC0-1.0", "1")
    assert entry.provenance.source_url.endswith("/search/1")


def test_works_that_are_there_are_not_even_asked_about(house):
    with served(museum(list(range(1, 7)))) as site:
        house.environment["INKSTONE_MET_URL"] = site.url
        house.bring("met", query="vase", count=3)
        house.bring("met", query="vase", count=2)
    assert house.catalogue.count() == 5
    assert site.paths(f"{BASE}/objects/") == [f"{BASE}/objects/{id}" for id in range(1, 6)]


def test_nothing_found_and_a_server_in_trouble(house):
    with served(museum(None)) as site:
        house.environment["INKSTONE_MET_URL"] = site.url
        assert house.bring("met", query="qwxyz").told == []
    with served(lambda asked: Reply(status=502)) as site:
        house.environment["INKSTONE_MET_URL"] = site.url
        with pytest.raises(SourceFailed, match="502"):
            house.bring("met", query="vase")
    assert len(site.asked) == 4
