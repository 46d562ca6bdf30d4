"""Strangers' words stay words."""

import re

import pytest

from studio.ui.safe import helpline, html, plain
from tests.house import HOSTILE, HOSTILE_WORDS

NASTY = (
    HOSTILE,
    *HOSTILE_WORDS,
    "[a](javascript:alert(1))",
    "</script><script>x</script>",
    "**b** `c` _d_",
    '" onload="x',
)


@pytest.mark.parametrize("words", NASTY)
def test_html_has_no_tag_and_no_open_quote(words):
    assert not set("<>\"'") & set(html(words))


@pytest.mark.parametrize("words", NASTY)
def test_plain_has_no_mark_of_any_language_left(words):
    assert not re.search(r"[<>\"'\\`*_{}\[\]()!|~]", plain(words))


def test_plain_keeps_chinese_and_letters():
    assert plain("水墨 ink") == "水墨 ink"


@pytest.mark.parametrize("words", NASTY)
def test_a_help_line_has_no_link_code_or_stars(words):
    assert not re.search(r"\]\(|`|\*", helpline(words))
