"""The papers that go with a set: licences weighed, makers named, and strangers' words kept words."""

import pytest

from studio.dataset_requests import Need
from studio.datasets.card import account, escaped, linked, readme
from studio.datasets.entry import Entry, Provenance
from studio.datasets.formats.format import Ready
from studio.datasets.licences import Terms, address_of, hub_id, most_restrictive, terms_of


def ready(number: int = 1, license: str = "CC0-1.0", caption: str = "a boat", **told: object) -> Ready:
    entry = Entry(
        id=number, file="x", name=f"boat {number}.png", sha256=f"{number:064d}", caption=caption,
        caption_source="human", provenance=Provenance(license=license, source="commons", **told),
    )  # fmt: skip
    return Ready(entry, f"boat-{number}.png", b"", 64, 64)


def papers(tmp_path, *pictures: Ready, name: str = "boats", need: Need | None = None) -> tuple[str, str]:
    """README.md and ATTRIBUTION.md ("" where there is none)."""
    with account(tmp_path) as counted:
        for one in pictures:
            counted.add(one)
    credits = tmp_path / "ATTRIBUTION.md"
    return readme(counted, need or Need(), name), credits.read_text(
        encoding="utf-8"
    ) if credits.exists() else ""


def front(card: str) -> dict:
    yaml = pytest.importorskip("yaml")
    assert card.startswith("---\n")
    return yaml.safe_load(card.split("---\n")[1])


@pytest.mark.parametrize(
    ("spdx", "terms", "hub"),
    [
        ("CC0-1.0", Terms.PUBLIC_DOMAIN, "cc0-1.0"),
        ("CC-BY-4.0", Terms.ATTRIBUTION, "cc-by-4.0"),
        ("CC-BY-SA-2.0", Terms.SHARE_ALIKE, "other"),
        ("CC-BY-NC-SA-4.0", Terms.NON_COMMERCIAL, "cc-by-nc-sa-4.0"),
        ("CC-BY-NC-ND-4.0", Terms.NO_DERIVATIVES, "cc-by-nc-nd-4.0"),
        ("CDLA-Permissive-2.0", Terms.ATTRIBUTION, "cdla-permissive-2.0"),
        ("LicenseRef-Unsplash", Terms.CUSTOM, "other"),
        ("NOASSERTION", Terms.UNKNOWN, "unknown"),
        ("", Terms.UNKNOWN, "unknown"),
    ],
)
def test_licences_are_known(spdx, terms, hub):
    assert (terms_of(spdx), hub_id(spdx)) == (terms, hub)


def test_the_strictest_licence_counts_for_the_whole():
    assert most_restrictive(["CC0-1.0", "CC-BY-NC-4.0", "CC-BY-SA-4.0"]) == "CC-BY-NC-4.0"
    assert most_restrictive(["CC-BY-NC-ND-4.0", "NOASSERTION"]) == "NOASSERTION"
    assert most_restrictive([]) == "NOASSERTION"


def test_every_kind_of_terms_is_said_in_both_languages():
    for terms in Terms:
        assert terms.words.en
        assert any(ord(letter) > 0x3000 for letter in terms.words.zh)


def test_addresses_of_common_licences():
    assert address_of("CC-BY-NC-SA-4.0") == "https://creativecommons.org/licenses/by-nc-sa/4.0/"
    assert address_of("MIT") == "https://spdx.org/licenses/MIT.html"
    assert address_of("LicenseRef-Mine") == ""


def test_the_front_matter_is_what_the_hub_reads(tmp_path):
    card, _ = papers(
        tmp_path, ready(1), ready(2, "CC-BY-4.0"), ready(3, caption="一只船"), name='my: "boats" #1'
    )
    assert front(card) == {
        "license": ["cc-by-4.0", "cc0-1.0"],
        "pretty_name": 'my: "boats" #1',
        "language": ["en", "zh"],
        "size_categories": ["n<1K"],
        "task_categories": ["text-to-image"],
    }


def test_licences_that_the_hub_does_not_know_are_named(tmp_path):
    link = "https://unsplash.com/license"
    card, _ = papers(tmp_path, ready(1, "LicenseRef-Unsplash", license_url=link))
    told = front(card)
    assert (told["license"], told["license_name"], told["license_link"]) == (
        ["other"],
        "licenseref-unsplash",
        link,
    )
    card, _ = papers(tmp_path, ready(1, "LicenseRef-A"), ready(2, "LicenseRef-B", license_url="javascript:x"))
    assert (front(card)["license_name"], front(card)["license_link"]) == ("several", "README.md")


def test_the_card_counts(tmp_path):
    need = Need(goal="character", trigger_word="ink_boat")
    card, _ = papers(
        tmp_path, ready(1), ready(2, "CC-BY-NC-4.0", ai_generated=True), ready(3, caption=""), need=need
    )
    assert "3 captioned pictures" in card
    assert "| [CC0\\-1\\.0](<https://creativecommons.org/publicdomain/zero/1.0/>) | 2 |" in card
    assert "most restrictive of them: CC\\-BY\\-NC\\-4\\.0 (no commercial use)" in card
    assert "以其中最严格的许可为准" in card
    assert "| human | 2 |" in card
    assert "| none | 1 |" in card
    assert "AI 生成: 1" in card
    assert "| Goal · 目标 | character |" in card
    assert "ink\\_boat" in card


def test_whoever_wants_credit_is_named(tmp_path):
    card, credits = papers(
        tmp_path,
        ready(1),
        ready(2, "CC-BY-4.0", author="Ana", source_url="https://example.org/a_(1).jpg"),
        ready(3, "NOASSERTION"),
        ready(4, "NOASSERTION", author="Bo"),
    )
    assert "boat-1" not in credits
    assert "boat\\-3" not in credits
    assert (
        "[boat 2\\.png](<https://example.org/a_%281%29.jpg>), Ana, [CC\\-BY\\-4\\.0](<https://creativecommons"
        in credits
    )
    assert "Bo" in credits
    assert "converted to sRGB" in credits  # a licence asks to say what was changed
    assert "(ATTRIBUTION.md)" in card


def test_no_credits_where_none_are_due(tmp_path):
    card, credits = papers(tmp_path, ready(1))
    assert credits == ""
    assert "ATTRIBUTION" not in card


HOSTILE = [
    "<script>alert(1)</script>",
    "![x](http://evil.example/x.png)",
    "a\n\n# Heading\n---\nlicense: mit",
    "| cell | cell |",
    "http://evil.example www.evil.example a@evil.example",
    "`code` **bold** $x$ &lt;",
    "\u202egnp.exe",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_words_of_strangers_stay_words(tmp_path, words):
    picture = ready(
        1, "CC-BY-4.0", author=words, attribution=words, source_url=words, license_url=words, source_id=words
    )
    card, credits = papers(tmp_path, picture, ready(2, words), name=words)
    for paper in (card.split("---\n", 2)[2], credits):
        assert "<script" not in paper
        assert "](http://evil" not in paper
        assert "![x]" not in paper
        assert "http://evil" not in paper
        assert "\u202e" not in paper
    assert len(credits.splitlines()) == 8  # heading, note in two languages, two pictures
    assert front(card)["task_categories"] == ["text-to-image"]
    assert "mit" not in front(card)["license"]


def test_links_lead_to_the_web_or_nowhere():
    assert linked("a", "https://example.org/a b") == "a"
    assert linked("a", "javascript:alert(1)") == "a"
    assert linked("a", "https://example.org/)<>") == "[a](<https://example.org/%29%3C%3E>)"
    assert escaped("a_b\n*c*") == "a\\_b \\*c\\*"
