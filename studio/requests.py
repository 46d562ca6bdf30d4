"""What the studio can be asked for. A request holds every setting there is; page, presets, command line and saved
files all read the same field lines."""

import functools
import math
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, get_args, get_origin, get_type_hints

from studio.errors import OutOfRange, TooManyLoras, UnknownChoice, UnknownField, WrongType
from studio.finite import as_float
from studio.words import Text

MOST_LORAS = 4
MOST_SEED = 2**32 - 1
MOST_LETTERS = 100_000
"""Of a prompt: a picture holds it in several forms, and a picture whose texts pass 8 MB isn't read again."""
BLOCK_EXAMPLES = "down, mid, up, up.0, blocks, blocks.0-9, single, text"
_KEPT = r"([0-9a-f]{64})?"
_KEPT_NAME = Text(
    "the name of a kept picture (64 hex digits) or empty", "已保存图片的名称（64 位十六进制）或留空"
)
_BLOCKS = r"(down|mid|up|blocks|single|text)(\.\d{1,3}(-\d{1,3})?)?"


@dataclass(frozen=True)
class Setting:
    """What a field tells its reader: its name, one line of help, and its range or, where they are few, its choices."""

    label: Text
    help: Text
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()


def setting(
    default: Any,
    label: tuple[str, str],
    help: tuple[str, str],
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that carries a `Setting`."""
    told = Setting(Text(*label), Text(*help), low, high, step, choices)
    return field(default=default, metadata={"setting": told})


class Request:
    """What all requests share: checks against the field lines, and plain dictionaries in and out."""

    def __post_init__(self) -> None:
        for name, told in self.settings().items():
            _check(type(self), name, told, getattr(self, name))

    @classmethod
    def settings(cls) -> dict[str, Setting]:
        """Field name to what its line says, in order."""
        return {f.name: f.metadata["setting"] for f in fields(cls)}  # type: ignore[arg-type]

    def with_(self, **changes: Any) -> Self:
        """The same request with some fields changed, checked again."""
        return replace(self, **changes)  # type: ignore[type-var]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-ready values; `from_dict` gives the equal request back."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "The request") -> Self:
        """A request from plain values; unknown keys are refused by name (`UnknownField`)."""
        known = {f.name for f in fields(cls)}  # type: ignore[arg-type]
        for key in values:
            if key not in known:
                raise UnknownField(str(key), where=where, key=key, known=", ".join(sorted(known)))
        return cls(**{key: cls._read(key, value) for key, value in values.items()})

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        if isinstance(value, list):
            return tuple(value)
        if isinstance(value, int) and not isinstance(value, bool) and _hints(cls)[name] is float:  # type: ignore[arg-type]
            return as_float(value)
        return value


@dataclass(frozen=True)
class LoraUse:
    """One LoRA of a picture: its name (a file in models/loras without ending, or on the command line a path),
    its weight (0 = no effect, 1 = as trained), whether it is on, and by what the weight is multiplied in some blocks
    of the model: `down`, `mid`, `up` of a UNet, `blocks`, `single` of a transformer, `text` for text encoders, all of
    them or by number, `up.0`, `blocks.0-9`. Of two that name the same block, the later counts."""

    name: str
    weight: float = 1.0
    on: bool = True
    blocks: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for group, factor in self.blocks:
            if not re.fullmatch(_BLOCKS, group):
                raise UnknownChoice("loras", label=Text(f"LoRA {self.name}: block", f"LoRA {self.name} 的层组"),
                                    value=group, known=BLOCK_EXAMPLES)  # fmt: skip
            if not -4 <= factor <= 4:
                raise OutOfRange("loras", label=f"LoRA {self.name} {group}", value=factor, low=-4, high=4)

    @property
    def blocks_text(self) -> str:
        """The blocks as they are typed: `down=0.5,up.0=1`."""
        return ",".join(f"{group}={factor:g}" for group, factor in self.blocks)


@dataclass(frozen=True, kw_only=True)
class GenerateRequest(Request):
    """A picture, or several. All that decides their pixels is here."""

    prompt: str = setting(
        "", ("Prompt", "提示词"),
        ("What to paint, in English or Chinese; empty paints whatever the model likes. The seed draws one of {red|blue} "
         "and a line of the word list in __colour__; a | between prompts paints each.",
         "想画什么，中文英文都可以；留空则由模型自由发挥。{红色|蓝色} 会按种子选一个，__颜色__ 会从词表中选一行；用 | 隔开多条提示词，"
         "会逐条作画。"))  # fmt: skip
    negative_prompt: str = setting(
        "", ("Negative prompt", "反向提示词"),
        ("What to keep out of the picture; works only with guidance above 1.",
         "不希望出现的内容；仅在引导强度大于 1 时有效。"))  # fmt: skip
    model: str = setting(
        "storybook", ("Model", "模型"),
        ("Which model paints. Storybook needs no download and no GPU.",
         "用哪个模型作画。Storybook 无需下载，也无需显卡。"))  # fmt: skip
    sampler: str = setting(
        "euler", ("Sampler", "采样器"),
        ("How each step removes noise; Euler is a good first choice.",
         "每一步如何去噪；Euler 是稳妥的首选。"))  # fmt: skip
    schedule: str = setting(
        "auto", ("Noise schedule", "噪声调度"),
        ("How noise levels are spread over the steps; auto takes the model's own.",
         "各步噪声强度的分布；auto 使用模型自带的方案。"))  # fmt: skip
    steps: int = setting(
        25, ("Steps", "步数"),
        ("Number of denoising steps; more takes longer and adds little beyond 30.",
         "去噪步数；越多越慢，超过 30 步收益很小。"), 1, 150, 1)  # fmt: skip
    guidance: float = setting(
        3.0, ("Guidance", "引导强度"),
        ("Higher follows the prompt more closely; 3-8 is usual, 1 switches it off.",
         "越高越贴近提示词；常用 3-8，1 表示关闭。"), 1.0, 30.0, 0.1)  # fmt: skip
    width: int = setting(
        256, ("Width", "宽度"),
        ("Picture width in pixels; rounded to what the model can do.", "图片宽度（像素），会取整到模型支持的数值。"),
        64, 4096, 8)  # fmt: skip
    height: int = setting(
        256, ("Height", "高度"),
        ("Picture height in pixels; rounded to what the model can do.", "图片高度（像素），会取整到模型支持的数值。"),
        64, 4096, 8)  # fmt: skip
    seed: int | None = setting(
        None, ("Seed", "种子"),
        ("The same seed and settings give the same picture; none means a new one each time.",
         "种子与设置相同，画面就相同；不填则每次随机。"), 0, MOST_SEED, 1)  # fmt: skip
    count: int = setting(
        1, ("Pictures", "张数"),
        ("How many pictures of each prompt, with seeds counting up from the first.",
         "每条提示词生成几张，种子从第一张起依次加一。"),
        1, 16, 1)  # fmt: skip
    loras: tuple[LoraUse, ...] = setting(
        (), ("LoRAs", "LoRA"),
        ("Small add-ons that teach the model a style or character; up to four are mixed.",
         "让模型学会某种风格或角色的小插件；最多混用四个。"))  # fmt: skip
    styles: tuple[str, ...] = setting(
        (), ("Styles", "风格"),
        ("Named phrases that are woven into both prompts.", "会自动加进提示词的风格短语。"))  # fmt: skip
    precision: str = setting(
        "auto", ("Precision", "精度"),
        ("Number format of the computation; auto picks the fastest that is safe here.",
         "计算所用的数值格式；auto 会选本机上安全且最快的。"))  # fmt: skip
    memory: str = setting(
        "auto", ("Memory plan", "显存方案"),
        ("What is on the GPU at once; auto takes the fastest that fits. Bits of the text encoder change the picture slightly.",
         "哪些部件同时放进显存；auto 会选放得下的最快方案。改变文本编码器的位数会使画面略有不同。"),
        choices=("auto", "whole", "encoder_away", "encoder_8bit", "encoder_4bit", "offload", "cpu"))  # fmt: skip
    start: str = setting(
        "", ("Start picture", "起始图"),
        ("A picture to begin with instead of pure noise; it is fitted to width and height.",
         "从这张图开始作画，而不是从纯噪声开始；会按宽高缩放并居中裁剪。"))  # fmt: skip
    mask: str = setting(
        "", ("Mask", "遮罩"),
        ("White parts of the start picture are painted anew, black parts stay as they are.",
         "起始图中白色部分重新绘制，黑色部分保持原样。"))  # fmt: skip
    strength: float = setting(
        0.6, ("Strength", "重绘幅度"),
        ("How far the picture may go from the start picture; low keeps it, 1 leaves nothing of it.",
         "与起始图相差多远；越低越接近原图，1 表示完全重画。"), 0.05, 1.0, 0.05)  # fmt: skip
    upscale: float = setting(
        1.0, ("Enlarge", "放大倍数"),
        ("The finished picture is enlarged so many times and painted over for detail; 1 switches it off.",
         "把完成的图放大到这个倍数，再重绘一遍补足细节；1 表示不放大。"), 1.0, 4.0, 0.1)  # fmt: skip
    upscale_strength: float = setting(
        0.35, ("Enlarge: strength", "放大重绘幅度"),
        ("How far painting over may go from the enlarged picture; 0.2-0.5 is usual.",
         "放大后的重绘与原图相差多远；常用 0.2-0.5。"), 0.05, 1.0, 0.05)  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("start", "mask"):
            if not re.fullmatch(_KEPT, getattr(self, name)):
                label = self.settings()[name].label
                raise WrongType(name, label=label, value=getattr(self, name)[:80], wanted=_KEPT_NAME)
        for name in ("prompt", "negative_prompt"):
            if (count := len(getattr(self, name))) > MOST_LETTERS:
                told = self.settings()[name].label
                label = Text(f"{told.en}: number of characters", f"{told.zh}字数")
                raise OutOfRange(name, label=label, value=count, low=0, high=MOST_LETTERS)
        if len(self.loras) > MOST_LORAS:
            raise TooManyLoras("loras", count=len(self.loras), most=MOST_LORAS)

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        if name == "loras" and isinstance(value, list | tuple):
            return tuple(_lora(item) for item in value)
        return super()._read(name, value)


def read_blocks(text: str) -> tuple[tuple[str, float], ...]:
    """Block weights from `down=0.5,mid=1,up=0`; empty for empty text. Raises WrongType (field "loras")."""
    pairs = [part.partition("=") for part in re.split(r"[,，\s]+", text.strip()) if part]
    for group, sign, factor in pairs:
        if not sign or not _is_number(factor):
            raise WrongType(
                "loras", label="LoRA", value=f"{group}{sign}{factor}", wanted="down=0.5,mid=1,up=0"
            )
    return tuple((group, float(factor)) for group, _, factor in pairs)


def _lora(item: Any) -> LoraUse:
    """A LoraUse from `{"name", "weight", "on", "blocks"}`, `"name:weight"` or `"name:weight:down=0.5,up=0"`."""
    if isinstance(item, LoraUse):
        return item
    if isinstance(item, str):
        head, colon, blocks = item.rpartition(":")
        item, blocks = (head, blocks) if colon and "=" in blocks and "/" not in blocks else (item, "")
        name, colon, weight = item.rpartition(":")
        if colon and _is_number(weight):
            return LoraUse(name, float(weight), blocks=read_blocks(blocks))
        return LoraUse(item, blocks=read_blocks(blocks))
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
        raise WrongType("loras", label="LoRA", value=item, wanted='"name:weight"')
    for key in item:
        if key not in ("name", "weight", "on", "blocks"):
            raise UnknownField("loras", where="A LoRA", key=key, known="blocks, name, on, weight")
    weight = item.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise WrongType("loras", label="LoRA", value=weight, wanted=_WANTED[float])
    return LoraUse(
        item["name"], as_float(weight), bool(item.get("on", True)), _blocks(item.get("blocks", {}))
    )


def _blocks(told: Any) -> tuple[tuple[str, float], ...]:
    """Block weights from a mapping or from what is typed."""
    if isinstance(told, str):
        return read_blocks(told)
    if not isinstance(told, Mapping):
        raise WrongType("loras", label="LoRA", value=told, wanted="down=0.5,mid=1,up=0")
    for factor in told.values():
        if isinstance(factor, bool) or not isinstance(factor, int | float):
            raise WrongType("loras", label="LoRA", value=factor, wanted=_WANTED[float])
    return tuple((str(group), as_float(factor)) for group, factor in told.items())


def _plain(value: Any) -> Any:
    if isinstance(value, LoraUse):
        blocks = {"blocks": dict(value.blocks)} if value.blocks else {}
        return {"name": value.name, "weight": value.weight, "on": value.on, **blocks}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


_WANTED = {
    int: Text("a whole number", "整数"),
    float: Text("a number", "数字"),
    str: Text("text", "文字"),
    bool: Text("true or false", "true 或 false"),
    tuple: Text("a list", "列表"),
}


@functools.cache
def _hints(owner: type) -> dict[str, Any]:
    return get_type_hints(owner)


def _check(owner: type, name: str, told: Setting, value: Any) -> None:
    hint = _hints(owner)[name]
    choices = get_args(hint) if get_origin(hint) is types.UnionType else (hint,)
    if value is None and type(None) in choices:
        return
    wanted = next(get_origin(c) or c for c in choices if c is not type(None))
    fits = isinstance(value, wanted) or (wanted is float and isinstance(value, int))
    if not fits or (isinstance(value, bool) and wanted is not bool):
        raise WrongType(name, label=told.label, value=value, wanted=_WANTED[wanted])
    if wanted is tuple:
        member = get_args(next(c for c in choices if get_origin(c) is tuple))[0]
        for item in value:
            if not isinstance(item, member):
                raise WrongType(
                    name, label=told.label, value=item, wanted=_WANTED.get(member, member.__name__)
                )
    if name == "loras":
        for use in value:
            if not -4 <= use.weight <= 4:
                raise OutOfRange(name, label=f"LoRA {use.name}", value=use.weight, low=-4, high=4)
    if told.low is not None and told.high is not None and not (told.low <= value <= told.high):
        raise OutOfRange(name, label=told.label, value=value, low=told.low, high=told.high)
    if told.choices and value not in told.choices:
        raise UnknownChoice(name, label=told.label, value=value, known=", ".join(told.choices))
