"""How bytes become words where nobody says in which encoding they were saved: UTF-8, or Chinese as Windows and old
programs save it. Bytes that make sense in no reading, or in none more than in another, stay unread."""

import re
import unicodedata

_FOREIGN = re.compile("[\u0370-\u052f\u2500-\u257f\u3041-\u30ff\ue000-\uf8ff]")
"""Greek, Cyrillic, kana and frames, which the Chinese encodings have too: what another encoding looks like in them."""
_ALPHABETS = {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "HEBREW", "ARABIC", "SYRIAC", "THAANA", "NKO"}
"""Those whose letters take two bytes in UTF-8, as a Chinese character does in GBK."""
_ACCENTED_OR_FOREIGN = re.compile("[-߿]{2,}")
_HAN = re.compile("[\u3400-\u9fff]")
_LATIN = re.compile("[A-Za-z]")
_MARKS = "，。、；：！？（）“”‘’《》…—·　"
_LEAST_COMMON = 1 / 3


def decoded(content: bytes) -> str | None:
    """The words; None when they can't be told. Simplified Chinese may be GB 2312 or its successors, traditional Big5."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _read(content, "utf-16")
    words = _read(content, "utf-8-sig")
    chinese = _chinese(content) if words is None or is_salad(words) else None
    if words is not None:  # UTF-8 by chance, perhaps: only where all of it is everyday Chinese
        return chinese if chinese and is_plain_chinese(chinese) else words
    return chinese


def is_salad(words: str) -> bool:
    """Whether letters of several alphabets stand side by side, as in no language."""
    return any(
        len({unicodedata.name(c, "").partition(" ")[0] for c in run} & _ALPHABETS) > 1
        for run in _ACCENTED_OR_FOREIGN.findall(words)
    )


def is_plain_chinese(words: str) -> bool:
    """Whether all that isn't ASCII are everyday simplified characters or Chinese marks."""
    others = [c for c in words if not c.isascii() and c not in _MARKS]
    return bool(others) and all(_is_common(c, "gb2312") for c in others)


def _chinese(content: bytes) -> str | None:
    """What the Chinese encodings make of bytes: the reading with the most everyday characters, if any makes sense. Words
    in narrow GB 2312 need no further proof: it doesn't take accented Latin letters for Chinese."""
    is_narrow = _read(content, "gb2312") is not None
    shares: dict[str, float] = {}
    for kind, level in (("gb18030", "gb2312"), ("big5", "big5")):
        text = _read(content, kind) or ""
        is_narrow_here = is_narrow and kind == "gb18030"
        share = _common_share(text, level)
        is_likely = is_narrow_here or (_is_mostly_han(text) and share >= _LEAST_COMMON)
        if is_likely and not _FOREIGN.search(text):
            shares[text] = share
    return max(shares, key=lambda text: shares[text], default=None)


def _read(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _is_mostly_han(words: str) -> bool:
    """Unlike a European word, whose accented letters and their neighbours read as a rare character now and then."""
    return len(_HAN.findall(words)) > len(_LATIN.findall(words))


def _common_share(words: str, level: str) -> float:
    """How many of the characters are everyday ones of this encoding."""
    han = _HAN.findall(words)
    return sum(_is_common(c, level) for c in han) / max(1, len(han))


def _is_common(character: str, encoding: str) -> bool:
    """Whether it stands in the first level of GB 2312 (3,755 characters) or of Big5 (5,401)."""
    try:
        told = character.encode(encoding)
    except UnicodeError:
        return False
    first, last = (0xB0, 0xD7) if encoding == "gb2312" else (0xA4, 0xC6)
    return len(told) == 2 and first <= told[0] <= last
