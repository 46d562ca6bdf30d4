"""`python -m studio lora`: what a LoRA file is, and the same LoRA in another layout."""

import argparse
import json
import sys
from collections import Counter
from os.path import isfile
from pathlib import Path
from typing import Any, get_args

from studio.commands import Command, told
from studio.commands.parser import CommandLineError
from studio.disk import check_writable
from studio.errors import LoraMissing
from studio.letters import visible
from studio.lora.convert import Converted, convert
from studio.lora.open import open_header
from studio.lora.read import Lora, read
from studio.lora.write import Layout
from studio.origin import title_of
from studio.settings import Settings
from studio.shelf.loras import LoraCard, read_lora_card
from studio.words import Language, Said, Text

_ACTIONS = ("show", "convert")
_TWO_FILES = Text("'lora {action}' needs {count} file(s)", "lora {action} 需要 {count} 个文件")
_EXISTS = Text("{file} exists; add --force to replace it", "{file} 已存在；加上 --force 可覆盖")
_ENDING = Text(
    "the new file must end in .safetensors, not '{ending}'", "新文件应以 .safetensors 结尾，而不是“{ending}”"
)
_NO_ALPHA = Text("{file} records no alpha; give the one it was trained with, --alpha 8, or --alpha rank for strength 1",
                 "{file} 没有记录 alpha；请用 --alpha 8 给出训练时的值，或用 --alpha rank 表示强度为 1")  # fmt: skip
_ALPHA = Text(
    "--alpha must be a number above 0, or rank, not '{value}'",
    "--alpha 应为大于 0 的数字或 rank，而不是“{value}”",
)

_FACTS: dict[str, Text] = {
    "layout": Text("Layout", "格式"),
    "kinds": Text("Kind", "类型"),
    "family": Text("Family", "模型家族"),
    "rank": Text("Rank", "秩"),
    "alpha": Text("Alpha", "alpha"),
    "strength": Text("Strength", "强度"),
    "layers": Text("Layers", "层数"),
    "text_layers": Text("Layers of text encoders", "文本编码器层数"),
    "trigger_words": Text("Trigger words", "触发词"),
}
_ODD = Text("What is odd", "值得注意")
_METADATA = Text("Header", "文件头")
_NOTHING = Text("Nothing.", "没有。")
_UNKNOWN = Text("not recorded", "未记录")
_RENAMED = Text("It is a torch file, whatever its name says.", "它其实是 torch 文件，与扩展名不符。")
_NO_TORCH = Text(
    "It is a safetensors file, whatever its name says.", "它其实是 safetensors 文件，与扩展名不符。"
)
_ASSUMED = Text(
    "Its alpha is not recorded; it is taken to equal its rank.", "没有记录 alpha，按与秩相等处理。"
)
_RANKS = Text("Its layers have different ranks: {ranks}.", "各层的秩不同：{ranks}。")
_LEFT_OUT = Text("{count} layers can't be used, first {first}.", "有 {count} 个层无法使用，首个为 {first}。")
_LAYOUTS = Text("Its layers are named in several layouts: {layouts}.", "各层的命名格式不一：{layouts}。")
_TWO_FAMILIES = Text(
    "Its layers fit {families}; the header names none.", "其层同时适用于 {families}，文件头没有说明。"
)
_WRITTEN = Text("{file}: {layers} layers written.", "{file}：已写入 {layers} 个层。")


def _add_options(parser: argparse.ArgumentParser, settings: Settings) -> None:
    say = settings.language
    parser.add_argument("action", choices=_ACTIONS, metavar="|".join(_ACTIONS), help=told(
        say, "What to do.", "要做什么。"))  # fmt: skip
    parser.add_argument("files", nargs="+", metavar=told(say, "FILE", "文件"), help=told(
        say, "The LoRA file; for convert also the new one.", "LoRA 文件；convert 还需给出新文件。"))  # fmt: skip
    parser.add_argument("--to", choices=get_args(Layout), default="kohya", help=told(
        say, "Layout of the new file: kohya for most programs, diffusers for diffusers (default kohya).",
        "新文件的格式：kohya 适用于多数程序，diffusers 适用于 diffusers（默认 kohya）。"))  # fmt: skip
    parser.add_argument("--alpha", metavar="A", help=told(
        say, "Alpha of a file that records none, or rank for strength 1.", "文件没有记录 alpha 时使用的值；rank 表示强度为 1。"))  # fmt: skip
    parser.add_argument("--force", action="store_true", help=told(
        say, "Replace the new file if it exists.", "新文件已存在时覆盖。"))  # fmt: skip
    parser.add_argument("--json", action="store_true", help=told(
        say, "Print one JSON object.", "输出一个 JSON 对象。"))  # fmt: skip


def _run(given: argparse.Namespace, settings: Settings) -> int:
    files = [Path(name) for name in given.files]
    count = 1 if given.action == "show" else 2
    if len(files) != count:
        raise CommandLineError(None, message=Said(_TWO_FILES, {"action": given.action, "count": count}))
    if not isfile(files[0]):  # Path's own raises at names too long
        raise LoraMissing("loras", name=files[0])
    if given.action == "show":
        _show(files[0], settings.language, given.json)
    else:
        _convert(files[0], files[1], given, settings.language)
    return 0


def _show(file: Path, say: Language, as_json: bool) -> None:
    lora, card = read(file), read_lora_card(file.stem, file)
    odd, facts = _odd(lora, card), _facts(lora, card)
    if as_json:
        whole = {**facts, "odd": [said.say(say) for said in odd], "metadata": dict(lora.metadata)}
        _print_json(whole)
        return
    for name, label in _FACTS.items():
        value = facts[name]
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        print(f"{label.say(say)}: {_UNKNOWN.say(say) if shown in (None, '') else visible(str(shown))}")
    print(_ODD.say(say))
    print("\n".join(f"  {visible(said.say(say))}" for said in odd) or f"  {_NOTHING.say(say)}")
    print(_METADATA.say(say))
    print(
        "\n".join(
            f"  {visible(key)}: {visible(_short(value))}" for key, value in sorted(lora.metadata.items())
        )
        or "  -"
    )


def _facts(lora: Lora, card: LoraCard) -> dict[str, Any]:
    first = next(change for layers in (lora.layers, *lora.texts.values()) for change in layers.values())
    rank, strength = first.told
    return {
        "layout": lora.layout or "-",
        "kinds": list(card.kinds),
        "family": title_of(card.family) if card.family else " / ".join(sorted(map(title_of, card.fits))),
        "rank": card.rank,
        "alpha": None if lora.alpha_source == "assumed" else round(strength * rank, 6),
        "strength": round(strength, 6),
        "layers": card.layers,
        "text_layers": card.text_layers,
        "trigger_words": list(card.trigger_words),
    }


def _odd(lora: Lora, card: LoraCard) -> list[Said]:
    """What a reader would want to know before trusting the file."""
    found: list[Said] = []
    is_torch = open_header(lora.file).body == 0
    if is_torch is (lora.file.suffix.lower() == ".safetensors"):
        found.append(Said(_RENAMED if is_torch else _NO_TORCH, {}))
    if lora.alpha_source == "assumed":
        found.append(Said(_ASSUMED, {}))
    ranks = Counter(change.told[0] for change in lora.layers.values())
    if len(ranks) > 1:
        shown = ", ".join(f"{rank} ({count})" for rank, count in sorted(ranks.items()))
        found.append(Said(_RANKS, {"ranks": shown}))
    layouts = sorted({each.layout for each in lora.told.values()})
    if len(layouts) > 1:
        found.append(Said(_LAYOUTS, {"layouts": ", ".join(layouts)}))
    if lora.left_out:
        found.append(Said(_LEFT_OUT, {"count": len(lora.left_out), "first": lora.left_out[0]}))
    if card.family is None and len(card.fits) > 1:
        found.append(Said(_TWO_FAMILIES, {"families": " / ".join(sorted(map(title_of, card.fits)))}))
    return found


def _convert(source: Path, target: Path, given: argparse.Namespace, say: Language) -> None:
    if target.suffix.lower() != ".safetensors":
        raise CommandLineError(None, message=Said(_ENDING, {"ending": target.suffix}))
    if target.exists() and not given.force:
        raise CommandLineError(None, message=Said(_EXISTS, {"file": target}))
    if given.alpha is None and read(source).alpha_source == "assumed":
        raise CommandLineError(None, message=Said(_NO_ALPHA, {"file": source.name}))
    check_writable(target.parent)
    done = convert(source, target, given.to, _alpha(given.alpha))
    if given.json:
        _print_json({"file": str(target), "layers": done.layers, "left_out": list(done.left_out)})
        return
    print(_WRITTEN.say(say, file=target, layers=done.layers))
    _tell_left_out(done, say)


def _tell_left_out(done: Converted, say: Language) -> None:
    if done.left_out:
        first = visible(done.left_out[0])
        print(_LEFT_OUT.say(say, count=len(done.left_out), first=first), file=sys.stderr)


def _alpha(word: str | None) -> float | None:
    if word in (None, "rank"):
        return None
    try:
        alpha = float(str(word))
    except ValueError:
        alpha = 0.0
    if not 0 < alpha < float("inf"):
        raise CommandLineError(None, message=Said(_ALPHA, {"value": word}))
    return alpha


def _short(value: str) -> str:
    return value if len(value) <= 200 else f"{value[:199]}…"


def _print_json(value: object) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    print()


COMMAND = Command(
    Text(
        "Say what a LoRA file is, or write it in another layout.",
        "查看 LoRA 文件的内容，或转换为另一种格式。",
    ),
    _add_options,
    _run,
)
