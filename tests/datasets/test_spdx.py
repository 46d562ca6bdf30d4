"""Licences in the words of sites and people."""

import pytest

from studio.datasets.spdx import address_of, is_allowed, spdx


@pytest.mark.parametrize(
    ("words", "version", "identifier"),
    [
        ("CC BY 4.0", "", "CC-BY-4.0"), ("cc-by-sa-3.0", "", "CC-BY-SA-3.0"), ("by-nc-nd", "2.0", "CC-BY-NC-ND-2.0"),
        ("by", "4", "CC-BY-4.0"), ("CC0", "", "CC0-1.0"), ("pdm", "1.0", "CC-PDM-1.0"), ("Public domain", "", "LicenseRef-PublicDomain"),
        ("https://creativecommons.org/licenses/by/2.0/", "", "CC-BY-2.0"), ("Apache-2.0", "", "Apache-2.0"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "", "CC0-1.0"), ("mit", "", "MIT"),
        ("LicenseRef-Unsplash", "", "LicenseRef-Unsplash"), ("CC-BY-4.0", "", "CC-BY-4.0"), ("cc by", "", "NOASSERTION"),
        ("", "", "NOASSERTION"), ("other", "", "NOASSERTION"), ("all rights reserved 2020", "", "NOASSERTION"),
        ("by the sea 4.0", "", "NOASSERTION"), ("x" * 10**6, "", "NOASSERTION"), ("NOASSERTION", "", "NOASSERTION"),
    ],
)  # fmt: skip
def test_words_become_identifiers_or_nothing_certain(words, version, identifier):
    assert spdx(words, version) == identifier


@pytest.mark.parametrize(
    ("identifier", "open", "public"),
    [("CC0-1.0", True, True), ("CC-PDM-1.0", True, True), ("LicenseRef-PublicDomain", True, True), ("CC-BY-4.0", True, False),
     ("CC-BY-SA-4.0", False, False), ("CC-BY-NC-4.0", False, False), ("CC-BY-ND-4.0", False, False), ("NOASSERTION", False, False)],
)  # fmt: skip
def test_what_passes_the_filters(identifier, open, public):
    assert (is_allowed(identifier, "open"), is_allowed(identifier, "public-domain")) == (open, public)


def test_where_licences_are_read():
    assert address_of("CC-BY-4.0") == "https://creativecommons.org/licenses/by/4.0/"
    assert address_of("CC0-1.0") == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert address_of("MIT") == ""
