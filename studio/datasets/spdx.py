"""Licences by their SPDX identifiers, from whatever words a site or a table has for them."""

import re

from studio.datasets.entry import NO_LICENCE

PUBLIC_DOMAIN = ("CC0-1.0", "CC-PDM-1.0", "CC-PDDC", "LicenseRef-PublicDomain")
"""What asks for no credit. A work out of copyright has no licence: it gets the mark, or a name of our own."""
_MOST_CHARACTERS = 200
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{1,63}")
_CREATIVE_COMMONS = re.compile(
    r"(?:cc[\s_-]*)?(by(?:[\s_-]*(?:nc|nd|sa))*)(?:[\s_-]*v?(\d(?:\.\d)?))?(?![\w.])"
)
_FIXED = {
    "cc0": "CC0-1.0", "cc0-1.0": "CC0-1.0", "cc-zero": "CC0-1.0", "zero": "CC0-1.0", "pdm": "CC-PDM-1.0",
    "pd": "LicenseRef-PublicDomain", "public domain": "LicenseRef-PublicDomain", "public-domain": "LicenseRef-PublicDomain",
    "unsplash": "LicenseRef-Unsplash", "pexels": "LicenseRef-Pexels", "apache-2.0": "Apache-2.0", "mit": "MIT",
    "cdla-permissive-2.0": "CDLA-Permissive-2.0", "openrail": "LicenseRef-OpenRAIL",
}  # fmt: skip


def spdx(words: str, version: str = "") -> str:
    """The identifier for a licence as people or sites name it ("CC BY-SA 4.0", "by" with version "2.0", "cc0", an
    address at creativecommons.org); NOASSERTION where it means nothing certain."""
    given = words[:_MOST_CHARACTERS].strip()
    told = " ".join(given.split()).casefold()
    if told in _FIXED:
        return _FIXED[told]
    if "creativecommons.org/" in told:
        return _of_address(told)
    if found := _CREATIVE_COMMONS.fullmatch(told):
        kind = "-".join(re.split(r"[\s_-]+", found[1])).upper()
        number = found[2] or version
        number = f"{number}.0" if number and "." not in number else number
        return f"CC-{kind}-{number}" if number else NO_LICENCE
    is_one = (
        _IDENTIFIER.fullmatch(given) and any(c in given for c in "-.") and any(c.isdigit() for c in given)
    )
    return (
        given if is_one or (given.startswith("LicenseRef-") and _IDENTIFIER.fullmatch(given)) else NO_LICENCE
    )


def is_allowed(identifier: str, wanted: str) -> bool:
    """Whether a licence passes an import's filter: "public-domain", or "open", which adds attribution licences. Those
    that ask for the same licence again, or forbid business or change, pass neither: whether a model is an adaptation is
    not settled, so nobody should find them in a set by accident."""
    is_free = identifier in PUBLIC_DOMAIN
    return is_free or (wanted == "open" and re.fullmatch(r"CC-BY-\d\.\d", identifier) is not None)


def address_of(identifier: str) -> str:
    """Where a Creative Commons licence is to be read; empty for others."""
    if identifier in ("CC0-1.0", "CC-PDM-1.0"):
        part = "zero" if identifier == "CC0-1.0" else "mark"
        return f"https://creativecommons.org/publicdomain/{part}/1.0/"
    found = re.fullmatch(r"CC-(BY[A-Z-]*)-(\d\.\d)", identifier)
    return f"https://creativecommons.org/licenses/{found[1].lower()}/{found[2]}/" if found else ""


def _of_address(told: str) -> str:
    found = re.search(r"creativecommons\.org/(?:licenses|publicdomain)/([a-z-]+)/(\d\.\d)", told)
    if not found:
        return NO_LICENCE
    if found[1] in ("zero", "mark"):
        return {"zero": "CC0-1.0", "mark": "CC-PDM-1.0"}[found[1]]
    return f"CC-{found[1].upper()}-{found[2]}"
