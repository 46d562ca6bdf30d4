"""Sentences keep their placeholders in both languages."""

import string

from studio import errors
from studio.words import Said, Text


def test_texts_inside_sentences_speak_the_same_language():
    inner = Said(Text("{n} boats", "{n} 艘船"), {"n": 2})
    outer = Text("I see {what} {where}.", "我看到{what}{where}。")
    assert outer.say("en", what=inner, where=Text("there", "在那里")) == "I see 2 boats there."
    assert outer.say("zh", what=inner, where=Text("there", "在那里")) == "我看到2 艘船在那里。"


def test_both_languages_of_an_error_hold_the_same_placeholders():
    for kind in vars(errors).values():
        if isinstance(kind, type) and "text" in vars(kind):
            fields = [{name for _, name, _, _ in string.Formatter().parse(words)} - {None} for words in
                      (kind.text.en, kind.text.zh)]  # fmt: skip
            assert fields[0] == fields[1], kind


def test_the_drawn_tree_names_every_error():
    drawn = set((errors.__doc__ or "").replace("│", " ").split())
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.StudioError):
            assert name in drawn, name
