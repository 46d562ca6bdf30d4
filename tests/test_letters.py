"""Text from strangers' files steers no terminal and stops nothing that wants whole characters."""

import pytest

from studio.letters import visible, whole


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x07", r"\x1b[2J\x07"), ("a\r\nb\u2028c", r"a\r\nb\u2028c"), ("\u202egnp", r"\u202egnp"),
        ("\ud800 half", r"\ud800 half"), ("红色　船 – naïve 🐱‍👤", "红色　船 – naïve 🐱‍👤"),
    ],
)  # fmt: skip
def test_what_would_steer_a_terminal_is_written_out(text, shown):
    assert visible(text) == shown


def test_half_characters_become_question_marks():
    assert whole("\ud800 半 🐱") == "? 半 🐱"
