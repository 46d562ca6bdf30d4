"""What licences ask for, by their SPDX identifier: how much each restricts, and what the Hugging Face Hub calls it."""

import re
from collections.abc import Iterable
from enum import IntEnum

from studio.datasets.entry import NO_LICENCE
from studio.words import Text


class Terms(IntEnum):
    """What a licence asks for, the most restrictive last."""

    PUBLIC_DOMAIN = 0
    ATTRIBUTION = 1
    SHARE_ALIKE = 2
    NON_COMMERCIAL = 3
    NO_DERIVATIVES = 4
    CUSTOM = 5
    UNKNOWN = 6

    @property
    def words(self) -> Text:
        """What it asks for, in plain words."""
        return _WORDS[self]


_WORDS = {
    Terms.PUBLIC_DOMAIN: Text("public domain, no conditions", "公有领域，无条件"),
    Terms.ATTRIBUTION: Text("credit is due", "需署名"),
    Terms.SHARE_ALIKE: Text(
        "credit is due, and copies stay under the same licence", "需署名，并以相同许可分享"
    ),
    Terms.NON_COMMERCIAL: Text("no commercial use", "禁止商用"),
    Terms.NO_DERIVATIVES: Text("no changed copies may be shared", "不得分享修改后的作品"),
    Terms.CUSTOM: Text("terms of its own, to be read", "自有条款，请自行阅读"),
    Terms.UNKNOWN: Text("no licence stated", "未说明许可"),
}
_PUBLIC = ("CC0-1.0", "CC-PDM-1.0", "CC-PDDC", "PDDL-1.0", "Unlicense", "0BSD", "WTFPL", "LicenseRef-PDM", "LicenseRef-PublicDomain")  # fmt: skip
_SHARED = ("CDLA-Sharing-1.0", "ODbL-1.0", "GFDL", "GPL", "LGPL", "AGPL", "FAL")
_CREDITED = ("MIT", "Apache-2.0", "BSD", "ODC-By-1.0", "CDLA-Permissive", "ISC")
_CC = re.compile(r"^CC-BY(-NC)?(-ND|-SA)?-(\d\.\d)$")
_HUB = {
    "CC0-1.0": "cc0-1.0", "PDDL-1.0": "pddl", "Unlicense": "unlicense", "WTFPL": "wtfpl", "MIT": "mit",
    "Apache-2.0": "apache-2.0", "BSD-2-Clause": "bsd-2-clause", "BSD-3-Clause": "bsd-3-clause", "ODbL-1.0": "odbl",
    "ODC-By-1.0": "odc-by", "CDLA-Sharing-1.0": "cdla-sharing-1.0", "CDLA-Permissive-1.0": "cdla-permissive-1.0",
    "CDLA-Permissive-2.0": "cdla-permissive-2.0", "GPL-3.0-only": "gpl-3.0", "GFDL-1.3-only": "gfdl",
    **{name: name.lower() for name in (
        "CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-2.0",
        "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-2.0",
        "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0",
    )},
    NO_LICENCE: "unknown",
}  # fmt: skip
"""SPDX identifier to the Hub's; https://huggingface.co/docs/hub/repositories-licenses."""


def terms_of(spdx: str) -> Terms:
    """What a licence asks for; one that nobody knows has terms of its own."""
    if not spdx.strip() or spdx.upper() in (NO_LICENCE, "NONE"):
        return Terms.UNKNOWN
    if creative := _CC.match(spdx):
        non_commercial, other, _ = creative.groups()
        if other == "-ND":
            return Terms.NO_DERIVATIVES
        return Terms.NON_COMMERCIAL if non_commercial else Terms.SHARE_ALIKE if other else Terms.ATTRIBUTION
    for names, terms in (
        (_PUBLIC, Terms.PUBLIC_DOMAIN),
        (_SHARED, Terms.SHARE_ALIKE),
        (_CREDITED, Terms.ATTRIBUTION),
    ):
        if spdx.startswith(names):
            return terms
    return Terms.CUSTOM


def hub_id(spdx: str) -> str:
    """What the Hub calls a licence; "other" where it has no name for it."""
    return _HUB.get(spdx, "unknown" if terms_of(spdx) is Terms.UNKNOWN else "other")


def address_of(spdx: str) -> str:
    """Where the text of a common licence is to be read, "" for others."""
    if creative := _CC.match(spdx):
        non_commercial, other, version = creative.groups()
        return f"https://creativecommons.org/licenses/by{(non_commercial or '').lower()}{(other or '').lower()}/{version}/"
    if spdx == "CC0-1.0":
        return "https://creativecommons.org/publicdomain/zero/1.0/"
    is_own = spdx.startswith("LicenseRef-") or terms_of(spdx) in (Terms.UNKNOWN, Terms.CUSTOM)
    return "" if is_own else f"https://spdx.org/licenses/{spdx}.html"


def most_restrictive(licences: Iterable[str]) -> str:
    """The licence that a mixture of these is under in effect; NOASSERTION for none at all."""
    return max(sorted(licences), key=terms_of, default=NO_LICENCE)
