"""What strangers wrote (prompts, file names, trigger words) made fit to be shown.

gradio renders the value of HTML and Markdown, the help line of a control and the text of a toast as markup, so every
word that the studio did not write itself passes through here first. Component labels, choices, captions, text boxes
and the samples of a Dataset are plain text in gradio; tests/browser holds it to that."""

from html import escape

_MARKS = frozenset("&<>\"'\\`*_{}[]()#+-.!|~:/@=$^")


def html(words: object) -> str:
    """Words as the content or attribute of an HTML element."""
    return escape(str(words), quote=True)


def plain(words: object) -> str:
    """Words that read the same in Markdown, HTML and a toast: every mark is written as a character entity."""
    return "".join(f"&#{ord(c)};" if c in _MARKS else " " if c in "\r\n\t" else c for c in str(words))


def helpline(words: object) -> str:
    """Words as the help line of a control, where gradio knows code, stars, bars and links but no entities."""
    parted = str(words).replace("](", "]\u2060(").replace("__", "ˍˍ")
    return parted.translate({ord("`"): "ˋ", ord("*"): "∗"})
