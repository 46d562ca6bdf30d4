"""Words that were read in the wrong encoding: how they look, and what they were where that is certain."""

import re

from studio.datasets.encodings import is_plain_chinese, is_salad

_LOST = ("\ufffd", "锟斤拷", "烫烫烫", "屯屯屯")
_AS_LATIN = re.compile("[ÂÃ][\x80-\xbf]|[âäåæçèéïã][\x80-\xbf\u2013-\u2122€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•˜š›œžŸ]{2}")
"""UTF-8 read as Latin-1 or its Windows kin: a lead byte, then bytes that no word has there."""
_LATIN_LETTERS = re.compile("[\u00a1-\u024f]")
_HAN = re.compile("[\u3400-\u9fff]")


def is_garbled(caption: str) -> bool:
    """Whether a caption was read in the wrong encoding, as far as it shows."""
    if caption.isascii():
        return False
    return (
        any(lost in caption for lost in _LOST)
        or bool(_AS_LATIN.search(caption))
        or repaired(caption) != caption
    )


def repaired(caption: str) -> str:
    """The words as they were meant, if only one reading makes sense; otherwise the caption as it is."""
    if caption.isascii() or any(lost in caption for lost in _LOST):
        return caption
    return _utf8_as_latin(caption) or _gbk_as_other(caption) or _utf8_as_gbk(caption) or caption


def _utf8_as_latin(caption: str) -> str:
    """UTF-8 read as Latin-1 or Windows-1252. Text that isn't such gives invalid UTF-8 nearly always."""
    if not _AS_LATIN.search(caption):
        return ""
    for encoding in ("latin-1", "cp1252"):
        try:
            return caption.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return ""


def _gbk_as_other(caption: str) -> str:
    """GBK read as Latin-1, or, where its bytes happen to be valid, as UTF-8. Only for captions that are all accented
    letters, or words in a jumble of alphabets, and come out as common characters alone."""
    letters = [c for c in caption if c.isalpha()]
    if not letters or not (all(_LATIN_LETTERS.match(c) for c in letters) or is_salad(caption)):
        return ""
    for encoding in ("latin-1", "utf-8"):
        try:
            meant = caption.encode(encoding).decode("gbk")
        except UnicodeError:
            continue
        if encoding == "latin-1" and len(letters) < 3:
            continue
        if is_plain_chinese(meant):
            return meant
    return ""


def _utf8_as_gbk(caption: str) -> str:
    """UTF-8 read as GBK: rare characters that, written back, are valid UTF-8 and common characters."""
    if len(_HAN.findall(caption)) < 3:
        return ""
    try:
        meant = caption.encode("gbk").decode("utf-8")
    except UnicodeError:
        return ""
    return meant if is_plain_chinese(meant) and not is_plain_chinese(caption) else ""
