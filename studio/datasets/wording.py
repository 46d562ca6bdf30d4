"""Changes to many captions at once: pure functions from a picture's caption to its new one, in English and Chinese.

What counts as a word differs: English words end at a letter that isn't there, Chinese has no such ends. So a whole word
is looked for between Latin letters only, and 红 is found in 一只红色的船."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from studio.dataset_requests import Wording
from studio.datasets.entry import Entry

if TYPE_CHECKING:
    from studio.datasets.catalogue import Catalogue

_CHINESE = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LATIN = rf"[^\W{_CHINESE}]"
"""A letter or digit of a script that sets words apart."""
_BREAKS = ",，、;；"
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")
_HOLDERS = ("{caption}", "{trigger}", "{tags}")


@dataclass(frozen=True)
class Change:
    """A caption before and after."""

    id: int
    name: str
    before: str
    after: str


def reword(entry: Entry, wording: Wording) -> str:
    """The new caption: find and replace, tags, template, prefix and suffix, tidying, trigger word, in this order."""
    caption = replaced(entry.caption, wording)
    caption = without_tags(caption, split_tags(wording.remove_tags))
    caption = with_tags(caption, split_tags(wording.add_tags))
    if wording.drop_repeated_tags:
        caption = without_repeats(caption)
    if wording.template.strip() != "{caption}":
        caption = filled(wording.template, caption, wording.trigger_word, entry.tags)
    caption = with_ends(caption, wording.prefix, wording.suffix)
    if wording.tidy:
        caption = tidied(caption)
    if wording.trigger == "put":
        return with_trigger(caption, wording.trigger_word)
    return without_trigger(caption, wording.trigger_word) if wording.trigger == "remove" else caption


def preview(entries: Iterable[Entry], wording: Wording, most: int = 20) -> list[Change]:
    """The first captions that would change."""
    told = ((entry, reword(entry, wording)) for entry in entries)
    changed = (Change(e.id, e.name, e.caption, after) for e, after in told if after != e.caption)
    return list(islice(changed, most))


def reword_all(catalogue: "Catalogue", ids: Iterable[int], wording: Wording) -> int:
    """Change these pictures' captions as one step that can be undone; how many really changed."""
    return catalogue.rewrite(ids, lambda entry: {"caption": reword(entry, wording)}, "reword")


def replaced(caption: str, wording: Wording) -> str:
    """The caption with every `find` made `replace`: plain text, no patterns."""
    if not wording.find:
        return caption
    pattern = _word(wording.find) if wording.whole_word else re.escape(wording.find)
    flags = re.IGNORECASE if wording.ignore_case else re.NOFLAG
    return re.sub(pattern, lambda _: wording.replace, caption, flags=flags)


def with_ends(caption: str, prefix: str, suffix: str) -> str:
    """The caption between a prefix and a suffix; one that is there already isn't put twice."""
    if prefix and not caption.startswith(prefix):
        caption = prefix + caption
    return caption + suffix if suffix and not caption.endswith(suffix) else caption


def with_trigger(caption: str, trigger: str) -> str:
    """The caption with the trigger word at its start, and nowhere else."""
    trigger = trigger.strip()
    if not trigger:
        return caption
    if re.match(_word(trigger), caption) and len(re.findall(_word(trigger), caption)) == 1:
        return caption
    rest = without_trigger(caption, trigger)
    return f"{trigger}{_comma(rest)}{rest}" if rest else trigger


def without_trigger(caption: str, trigger: str) -> str:
    """The caption without the trigger word and the comma that went with it."""
    trigger = trigger.strip()
    while trigger and re.search(_word(trigger), caption):  # what it stood between may spell it anew
        caption = _taken_out(caption, _word(trigger))
    return caption


def _taken_out(caption: str, word: str) -> str:
    caption = re.sub(rf"^\s*{word}[\s{_BREAKS}]*", "", caption)
    caption = re.sub(rf"\s*[{_BREAKS}]?\s*{word}(?=\s*(?:[{_BREAKS}.。]|$))", "", caption)
    return re.sub(rf"(\s*){word}(\s*)", lambda gap: gap[1][:1] or gap[2][:1], caption).strip()


def filled(template: str, caption: str, trigger: str, tags: Sequence[str] = ()) -> str:
    """The template with {caption}, {trigger} and {tags} filled in. What is empty takes the comma beside it along, and a
    caption that has the trigger word already doesn't get it twice."""
    if "{trigger}" in template:
        caption = without_trigger(caption, trigger)
    values = {
        "{caption}": caption.strip(f" \t\n{_BREAKS}"),
        "{trigger}": trigger.strip(),
        "{tags}": ", ".join(tags),
    }
    for holder in (holder for holder in _HOLDERS if not values[holder]):
        template = re.sub(rf"^\s*{re.escape(holder)}[\s{_BREAKS}]*", "", template)
        template = re.sub(rf"[\s{_BREAKS}]*{re.escape(holder)}", "", template)
    pattern = "|".join(re.escape(holder) for holder in _HOLDERS)
    return re.sub(pattern, lambda found: values[found[0]], template).strip()


def split_tags(caption: str) -> list[str]:
    """The parts between commas, Western or Chinese, without blanks."""
    return [tag for part in re.split("[,，、]", caption) if (tag := " ".join(part.split()))]


def with_tags(caption: str, tags: Sequence[str]) -> str:
    """The caption with these tags at its end, as far as it hasn't them."""
    held = {tag.casefold() for tag in split_tags(caption)}
    new = [tag for tag in dict.fromkeys(tags) if tag.casefold() not in held]
    if not new:
        return caption
    start = caption.rstrip(f" \t\n{_BREAKS}")
    mark = _comma(caption or new[0])
    return mark.join([start, *new] if start else new)


def without_tags(caption: str, tags: Sequence[str]) -> str:
    """The caption without the parts between commas that are one of these tags, whatever their case."""
    gone = {tag.casefold() for tag in tags}
    held = split_tags(caption)
    kept = [tag for tag in held if tag.casefold() not in gone]
    return caption if len(kept) == len(held) else _comma(caption).join(kept)


def without_repeats(caption: str) -> str:
    """The caption with each part between commas only once, the first time it comes."""
    held, kept = split_tags(caption), dict[str, str]()
    for tag in held:
        kept.setdefault(tag.casefold(), tag)
    return caption if len(kept) == len(held) else _comma(caption).join(kept.values())


def tidied(caption: str) -> str:
    """The caption on one line, single spaces, marks next to their words, no commas that stand alone."""
    while (better := _tidied_once(caption)) != caption:
        caption = better
    return caption


def _tidied_once(caption: str) -> str:
    caption = " ".join(_INVISIBLE.sub("", caption).split())
    caption = re.sub(r"(?<=[^\s,，、])\s+([,，、;；。！？]|[.!?](?=\s|$))", r"\1", caption)
    caption = re.sub(r"([，、；。！？])\s+", r"\1", caption)
    caption = re.sub(r"([,，、])(?:\s*[,，、])+", r"\1", caption)
    caption = re.sub(r",(?=[^\s,\d])", ", ", caption)
    return caption.strip(f" {_BREAKS}")


def _word(words: str) -> str:
    """A pattern that finds words as a whole: with no Latin letter before or after, where they begin or end with one."""
    before = rf"(?<!{_LATIN})" if re.match(_LATIN, words) else ""
    after = rf"(?!{_LATIN})" if re.search(rf"{_LATIN}$", words) else ""
    return f"{before}{re.escape(words)}{after}"


def _comma(caption: str) -> str:
    """How a caption sets its parts apart: as it does already, else as its script does."""
    for mark, told in (("，", "，"), ("、", "、"), (",", ", ")):
        if mark in caption:
            return told
    return "，" if re.search(f"[{_CHINESE}]", caption) else ", "
