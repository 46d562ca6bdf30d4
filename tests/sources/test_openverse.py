"""Openverse, against a server that answers as its API does."""

import pytest

from studio.datasets.errors import SourceFailed, SourceRefused
from tests.sources.site import House, Reply, as_json, as_picture, png, served


def result(site_url: str, number: int, **others):
    """One picture as the API describes it."""
    return {
        "id": f"id-{number}", "title": f"A boat {number}", "indexed_on": "2024-01-01T00:00:00Z",
        "foreign_landing_url": f"https://photos.example/{number}", "url": f"{site_url}/files/{number}.jpg",
        "creator": "Ada L.", "creator_url": "https://photos.example/ada", "license": "by", "license_version": "2.0",
        "license_url": "https://creativecommons.org/licenses/by/2.0/", "provider": "flickr", "source": "flickr",
        "filesize": None, "filetype": "jpg", "tags": [{"name": "boat", "accuracy": None}], "mature": False,
        "attribution": '"A boat" by Ada L. is licensed under CC BY 2.0.', "height": 72, "width": 80,
        "thumbnail": f"{site_url}/v1/images/id-{number}/thumb/",
    } | others  # fmt: skip


class Openverse:
    """Pages of so many results; `strange` replaces some."""

    def __init__(self, count: int, strange: dict[int, dict[str, str]] | None = None) -> None:
        self.count = count
        self.strange = strange or {}
        self.troubles: list[Reply] = []

    def __call__(self, asked) -> Reply:
        if asked.path.startswith("/files/"):
            return as_picture(png(int(asked.path[7:-4])))
        if self.troubles:
            return self.troubles.pop()
        page, size = int(asked.query["page"]), int(asked.query["page_size"])
        numbers = range((page - 1) * size, min(page * size, self.count))
        url = f"http://{asked.headers['Host']}"
        results = [result(url, number, **self.strange.get(number, {})) for number in numbers]
        return as_json({"result_count": self.count, "page_count": -(-self.count // size), "page_size": size, "page": page,
                        "results": results, "warnings": []})  # fmt: skip


def test_pages_are_gone_through_and_provenance_is_kept(house):
    with served(Openverse(25)) as site:
        house.environment["INKSTONE_OPENVERSE_URL"] = site.url
        brought = house.bring("openverse", query="小船 boat", count=0)
    assert len(brought.taken) == 25
    asked = [one.query for one in site.asked if one.path == "/v1/images/"]
    assert [one["page"] for one in asked] == ["1", "2"]
    assert (asked[0]["q"], asked[0]["license"]) == ("小船 boat", "cc0,pdm,by")
    told = house.catalogue.get(1)
    assert (told.caption, told.caption_source, told.tags) == ("A boat 0", "title", ("boat",))
    facts = told.provenance
    assert (facts.source, facts.source_id, facts.source_url) == (
        "openverse",
        "id-0",
        "https://photos.example/0",
    )
    assert (facts.author, facts.license) == ("Ada L.", "CC-BY-2.0")
    assert facts.license_url == "https://creativecommons.org/licenses/by/2.0/"
    assert facts.attribution.endswith("CC BY 2.0.")
    house.check_whole()


def test_no_more_is_fetched_than_was_asked_for_and_a_second_import_brings_others(house):
    with served(Openverse(30)) as site:
        house.environment["INKSTONE_OPENVERSE_URL"] = site.url
        assert len(house.bring("openverse", query="boat", count=4).taken) == 4
        assert len(site.paths("/files/")) == 4
        assert len(house.bring("openverse", query="boat", count=4).taken) == 4
    assert len(site.paths("/files/")) == 8


@pytest.mark.parametrize(
    ("filter", "taken"),
    [("open", {"A boat 0", "A boat 1", "A boat 2"}), ("public-domain", {"A boat 1", "A boat 2"})],
)
def test_licences_are_looked_at_whatever_the_server_sends(house, filter, taken):
    strange = {1: {"license": "cc0", "license_version": "1.0"}, 2: {"license": "pdm", "license_version": "1.0"},
               3: {"license": "by-nc", "license_version": "4.0"}, 4: {"license": "by-sa", "license_version": "4.0"},
               5: {"license": "sampling+", "license_version": "1.0"}}  # fmt: skip
    with served(Openverse(6, strange)) as site:
        house.environment["INKSTONE_OPENVERSE_URL"] = site.url
        brought = house.bring("openverse", query="boat", licence=filter)
    assert set(house.captions().values()) == taken
    assert "licence (CC-BY-NC-4.0)" in brought.skipped["A boat 3"]
    assert {told.split(".")[0] for told in house.catalogue.tally("license")} <= {
        "CC-BY-2",
        "CC0-1",
        "CC-PDM-1",
    }


def test_rate_limits_and_hiccups_are_waited_for(house, waits):
    answering = Openverse(3)
    answering.troubles = [Reply(status=500), Reply(status=429, headers={"Retry-After": "7"})]
    with served(answering) as site:
        house.environment["INKSTONE_OPENVERSE_URL"] = site.url
        brought = house.bring("openverse", query="boat")
    assert len(brought.taken) == 3
    assert sum(wait for wait in waits if wait == 1.0) >= 7
    assert any("wait 7 s" in one.doing.say("en") for one in brought.told if getattr(one, "doing", None))


@pytest.mark.parametrize(
    ("reply", "said"),
    [(Reply(status=401), "401"), (Reply(b"<html>"), "can't be read"), (Reply(status=500), "500"),
     (Reply(status=429, headers={"Retry-After": "86400"}), "86400"), (Reply(b"{}", cut=1), "connection failed")],
)  # fmt: skip
def test_a_service_that_does_not_serve_is_told_in_a_sentence(house, reply, said):
    with served(lambda asked: reply) as site:
        house.environment["INKSTONE_OPENVERSE_URL"] = site.url
        with pytest.raises(SourceFailed, match=said):
            house.bring("openverse", query="boat")


def test_an_import_that_fails_midway_goes_on_without_loading_twice(house):
    answering = Openverse(30)
    with served(
        lambda asked: Reply(status=500) if asked.query.get("page") == "2" else answering(asked)
    ) as site:
        house.environment["INKSTONE_OPENVERSE_URL"] = site.url
        with pytest.raises(SourceFailed):
            house.bring("openverse", query="boat", count=30)
    assert house.catalogue.count() == 20
    with served(answering) as site:
        house.environment["INKSTONE_OPENVERSE_URL"] = site.url
        brought = house.bring("openverse", query="boat", count=30)
    assert len(brought.taken) == 10
    assert len(site.paths("/files/")) == 10


def test_pictures_elsewhere_are_fetched_by_the_rules_for_strangers(house):
    with served(lambda asked: as_picture(png(1))) as inside:
        strange = {0: {"url": f"{inside.url}/secret.png"}, 1: {"url": "https://192.168.0.1/x.png"}}
        with served(Openverse(2, strange)) as site:
            house.environment["INKSTONE_OPENVERSE_URL"] = site.url
            brought = house.bring("openverse", query="boat")
        assert not inside.asked
    assert not brought.taken
    assert "private network" in brought.skipped["A boat 1"]


def test_a_token_goes_to_the_service_alone(house):
    with served(lambda asked: as_picture(png(5))) as other:
        strange = {1: {"url": f"{other.url}/x.png"}}
        with served(Openverse(2, strange)) as site:
            house.environment |= {"INKSTONE_OPENVERSE_URL": site.url, "INKSTONE_OPENVERSE_TOKEN": "t0k"}
            house.environment["INKSTONE_TRUSTED_ORIGINS"] = other.url
            assert len(house.bring("openverse", query="boat").taken) == 2
    assert site.asked[0].headers["Authorization"] == "Bearer t0k"
    assert "Authorization" not in other.asked[0].headers


def test_without_words_nothing_is_asked(house):
    with pytest.raises(SourceRefused, match="words"):
        house.bring("openverse", query=" ")


def test_hostile_descriptions_are_only_words(house: House):
    strange = {0: {"title": "<img src=x onerror=alert(1)>\u202egpj.\x00exe", "creator": "a\nb" * 900,
                   "foreign_landing_url": "javascript:alert(1)", "attribution": "\ud800x"}}  # fmt: skip
    with served(Openverse(1, strange)) as site:
        house.environment["INKSTONE_OPENVERSE_URL"] = site.url
        house.bring("openverse", query="boat")
    entry = house.catalogue.get(1)
    assert "\u202e" not in entry.name + entry.caption
    assert "<" not in entry.name
    assert entry.provenance.source_url == ""
    assert len(entry.provenance.author) <= 500
    assert entry.provenance.attribution == "x"
