"""What people would say of a scene, in English and in Chinese: many ways to word the same facts."""

import random
from dataclasses import dataclass

from studio.storybook.scene import COLOURS, CREATURES, Scene, Thing, kind_of
from studio.words import Language

GROUND_WORDS: dict[str, dict[Language, tuple[str, ...]]] = {
    "grass": {"en": ("on the grass", "on a green meadow", "on the lawn"), "zh": ("草地上", "草坪上", "绿草地上")},
    "sand": {"en": ("on the sand", "on a sandy beach", "on the beach"), "zh": ("沙滩上", "沙地上", "海滩上")},
    "snow": {"en": ("in the snow", "on a snowy field", "on the snow"), "zh": ("雪地上", "雪地里", "白雪上")},
    "sea": {"en": ("on the sea", "on the water", "on a blue sea"), "zh": ("海面上", "水面上", "大海上")},
    "stone": {"en": ("on the stone pavement", "on a stone road", "on cobblestones"), "zh": ("石板路上", "石头路上", "石地上")},
    "soil": {"en": ("in a ploughed field", "on the brown soil", "on the bare earth"), "zh": ("田野里", "泥土地上", "耕地上")},
}  # fmt: skip
TIME_WORDS: dict[str, dict[Language, tuple[str, ...]]] = {
    "day": {"en": ("on a sunny day", "during the day", "under a clear blue sky"), "zh": ("白天", "晴天", "阳光明媚的日子")},
    "sunset": {"en": ("at sunset", "at dusk", "in the evening glow"), "zh": ("日落时分", "傍晚", "黄昏")},
    "night": {"en": ("at night", "on a dark night", "under the moon"), "zh": ("夜晚", "晚上", "月光下")},
    "rain": {"en": ("on a rainy day", "in the rain", "under grey clouds"), "zh": ("下雨天", "雨中", "雨天")},
}  # fmt: skip
_SIZE_WORDS: dict[Language, dict[str, tuple[str, ...]]] = {
    "en": {"small": ("small", "little", "tiny"), "big": ("big", "large", "huge")},
    "zh": {"small": ("小", "小小的", "很小的"), "big": ("大", "巨大的", "很大的")},
}
_NUMBERS: dict[Language, tuple[str, ...]] = {"en": ("", "a", "two", "three"), "zh": ("", "一", "两", "三")}
_OPENINGS: dict[Language, tuple[str, ...]] = {
    "en": ("", "", "", "", "a picture of ", "a picture book illustration of ", "a drawing of "),
    "zh": ("", "", "", "", "一幅画，", "图画书插图，", "画上："),
}


@dataclass(frozen=True)
class _Said:
    """The parts of a caption before they are joined."""

    things: str
    where: str
    when: str


def caption(scene: Scene, language: Language, rng: random.Random, whole: bool = False) -> str:
    """One caption of a scene. With `whole` it states every fact: things, colours, count, relation, ground, time;
    otherwise the ground or the time may be left out, and the form is freer."""
    things = _things(scene, language, rng, whole)
    where = _pick(rng, GROUND_WORDS[scene.ground][language])
    when = _pick(rng, TIME_WORDS[scene.time][language])
    if not whole:
        where = "" if rng.random() < 0.15 else where
        when = "" if rng.random() < 0.15 else when
    said = _Said(things, where, when)
    plain = scene.arrangement in ("single", "group")
    return _english(said, rng, plain) if language == "en" else _chinese(said, rng, plain)


def _english(said: _Said, rng: random.Random, plain: bool) -> str:
    opening = _pick(rng, _OPENINGS["en"])
    things = said.things
    form = rng.random()
    if plain and said.where and form < 0.1:
        verb = rng.choice(("sitting", "standing", "resting"))
        words = " ".join(w for w in (opening + things, verb, said.where, said.when) if w)
    elif form < 0.55:
        tail = [said.where, said.when] if rng.random() < 0.7 else [said.when, said.where]
        words = " ".join(w for w in (opening + things, *tail) if w)
    elif form < 0.8:
        words = ", ".join(w for w in (opening + things, said.where, said.when) if w)
    else:
        head = ", ".join(w for w in (said.when, said.where) if w)
        words = f"{head}, {things}" if head else things
    if rng.random() < 0.3:
        words = words[0].upper() + words[1:] + rng.choice((".", ""))
    return words


def _chinese(said: _Said, rng: random.Random, plain: bool) -> str:
    opening = _pick(rng, _OPENINGS["zh"])
    comma = rng.choice(("，", "，", "、"))
    form = rng.random()
    if plain and said.where and form < 0.15:
        verb = rng.choices(("在", "坐在", "站在", "停在"), (70, 10, 10, 10))[0]
        words = opening + comma.join(w for w in (said.things + verb + said.where, said.when) if w)
    elif form < 0.4:
        words = opening + comma.join(w for w in (said.things, said.where, said.when) if w)
    elif form < 0.7:
        at = "在" if said.where and rng.random() < 0.4 else ""
        words = comma.join(w for w in (said.when, at + said.where, said.things) if w)
    else:
        scene = "的".join(w for w in (said.when, said.where) if w)
        joint = ("有" if plain and rng.random() < 0.7 else comma) if scene else ""
        words = scene + joint + said.things
    if rng.random() < 0.25:
        words += "。"
    return words


def _things(scene: Scene, language: Language, rng: random.Random, whole: bool) -> str:
    if scene.arrangement in ("single", "group"):
        return _noun(scene.things[0], language, rng, whole, len(scene.things))
    nouns = [_noun(thing, language, rng, whole) for thing in scene.things]
    if scene.arrangement == "row":
        return _row(nouns, language, rng)
    pair = _LEFT if scene.arrangement == "left" else _ABOVE
    return _pick(rng, pair[language]).format(a=nouns[0], b=nouns[1])


_LEFT: dict[Language, tuple[str, ...]] = {
    "en": ("{a} to the left of {b}", "{b} to the right of {a}", "{a} on the left and {b} on the right",
           "{a} left of {b}", "{b} right of {a}"),
    "zh": ("{a}在{b}的左边", "{b}在{a}的右边", "左边是{a}，右边是{b}", "{b}左边有{a}", "{a}右边有{b}"),
}  # fmt: skip
_ABOVE: dict[Language, tuple[str, ...]] = {
    "en": ("{a} above {b}", "{b} below {a}", "{a} over {b}", "{b} under {a}"),
    "zh": ("{a}在{b}的上方", "{b}在{a}的下方", "{b}上面有{a}", "上面是{a}，下面是{b}"),
}


def _row(nouns: list[str], language: Language, rng: random.Random) -> str:
    a, b, c = nouns
    forms: dict[Language, tuple[str, ...]] = {
        "en": (
            "{a}, {b} and {c} from left to right",
            "{a} on the left, {b} in the middle and {c} on the right",
        ),
        "zh": ("从左到右是{a}、{b}和{c}", "左边是{a}，中间是{b}，右边是{c}"),
    }
    return _pick(rng, forms[language]).format(a=a, b=b, c=c)


def _noun(thing: Thing, language: Language, rng: random.Random, whole: bool, count: int = 1) -> str:
    bare = 0 if whole else 5  # per cent of the nouns that go without a colour
    kind = kind_of(thing.kind)
    bare = 100 if thing.kind in CREATURES else bare
    size = _pick(rng, _SIZE_WORDS[language].get(thing.size, ("",)))
    if language == "zh":
        colour = COLOURS[thing.colour]
        forms = (60, 20, 0 if size else 12, bare) if bare < 100 else (0, 0, 0, 1)
        colour = rng.choices((colour + "的", colour, colour[0], ""), forms)[0]
        order = (size, colour) if size.endswith("的") else (colour, size)
        amount = _NUMBERS["zh"][count] + kind.measure
        if count == 1 and rng.random() < 0.2:
            amount = ""
        return amount + "".join(order) + kind.zh
    name = kind.en if count == 1 else kind.plural
    colour = "" if rng.random() < bare / 100 else thing.colour
    words = " ".join(w for w in (size, colour, name) if w)
    if count > 1:
        return f"{_NUMBERS['en'][count]} {words}"
    article = "an" if words[0] in "aeiou" else "a"
    return words if rng.random() < 0.1 else f"{article} {words}"


def _pick(rng: random.Random, choices: tuple[str, ...]) -> str:
    return rng.choice(choices)
