"""Whether the trigger word stands in every caption, at its start, and is a word of its own."""

from collections.abc import Iterator, Sequence

from studio.datasets.catalogue import Catalogue
from studio.datasets.checks.check import Check, Finding, Fix, Inspection, about
from studio.datasets.wording import with_trigger
from studio.words import Said, Text

COMMON_WORDS = frozenset(
    [
        "a",
        "man",
        "woman",
        "girl",
        "boy",
        "person",
        "people",
        "cat",
        "dog",
        "bird",
        "horse",
        "car",
        "house",
        "tree",
        "flower",
        "food",
        "style",
        "art",
        "photo",
        "picture",
        "image",
        "painting",
        "drawing",
        "sketch",
        "portrait",
        "landscape",
        "anime",
        "cartoon",
        "character",
        "object",
        "product",
        "place",
        "red",
        "blue",
        "green",
        "black",
        "white",
        "男人",
        "女人",
        "女孩",
        "男孩",
        "人",
        "人物",
        "猫",
        "狗",
        "鸟",
        "马",
        "车",
        "汽车",
        "房子",
        "树",
        "花",
        "食物",
        "风格",
        "艺术",
        "照片",
        "图片",
        "绘画",
        "素描",
        "肖像",
        "风景",
        "动漫",
        "卡通",
        "角色",
        "物体",
        "产品",
        "地方",
        "红色",
        "蓝色",
        "绿色",
        "黑色",
        "白色",
    ]
)
MISSING = Text(
    "{count:caption lacks|captions lack} the trigger word '{word}' ({which}); what is shown won't answer to it.",
    "{count} 条说明缺少触发词“{word}”（{which}）；用触发词唤不出其中的内容。",
)
NOT_FIRST = Text(
    "{count:caption has|captions have} the trigger word '{word}' later than at the start ({which}); long captions may "
    "lose it.",
    "{count} 条说明里触发词“{word}”不在开头（{which}）；说明较长时可能被截掉。",
)
COMMON = Text(
    "'{word}' is a common word: the LoRA would change everything that it stands for. Invent one.",
    "“{word}”是常用词：LoRA 会改变所有与它有关的内容。请自造一个词。",
)
KNOWN = Text(
    "'{word}' is a single token, so the model knows it already and has to unlearn it. An invented word is better.",
    "“{word}”对模型来说是一个完整词元，它已经认识，需要先“忘掉”。最好自造一个词。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Captions without the word, with it in the middle; and the word itself. Blank captions are another check's."""
    word = inspection.need.trigger_word.strip()
    if not word:
        return
    folded = word.casefold()
    captioned = [(e, e.caption.casefold().lstrip()) for e in inspection.learnt if e.caption.strip()]
    yield from about("warning", MISSING, (e for e, told in captioned if folded not in told), word=word)
    late = (e for e, told in captioned if folded in told and not told.startswith(folded))
    yield from about("note", NOT_FIRST, late, word=word)
    if folded in COMMON_WORDS:
        yield Finding("warning", Said(COMMON, {"word": word}))
    elif inspection.limit is not None and inspection.limit.count(word) == 1:
        yield Finding("warning", Said(KNOWN, {"word": word}))


def _put_first(catalogue: Catalogue, ids: Sequence[int]) -> int:
    word = catalogue.need.trigger_word
    return catalogue.rewrite(ids, lambda entry: {"caption": with_trigger(entry.caption, word)}, "trigger")


CHECK = Check(
    21,
    Text("Trigger word", "触发词"),
    Text(
        "What is learnt answers to the words that every caption shares; one odd word in front of all gathers it.",
        "学到的内容会绑定到各条说明共有的词上；在每条开头放同一个独特的词最稳妥。",
    ),
    look,
    Fix(Text("Put it in front of every caption", "加到每条说明开头"), _put_first, ("trigger_word",)),
)
