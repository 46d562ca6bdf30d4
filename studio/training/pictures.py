"""Which pictures a run learns from, which only validate, and how they are laid out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Self

from studio.datasets.folder import Item, marks, read_folder
from studio.train_plan import Plan, Size, make_plan, sizes_for, sort_into
from studio.train_request import TrainRequest
from studio.training.encoding import caption_of
from studio.words import Said, Text

SAMPLES = 2
"""Captions of the set that are painted when the request names no prompts."""
SUMMARY = Text(
    "{count} pictures to learn from, {aside} for validation, {dropped} that can't be used. "
    "An epoch of {epoch} steps uses {used} of the {count}; {steps} steps in all. Sizes: {sizes}.",
    "用于学习的图片 {count} 张，用于验证 {aside} 张，无法使用 {dropped} 张。"
    "每轮 {epoch} 步，用到 {count} 张中的 {used} 张；共 {steps} 步。尺寸：{sizes}。",
)
UNCAPTIONED = Text(
    "{count} pictures have no caption; they are learnt from without words.",
    "{count} 张图片没有说明；训练时将不带文字。",
)
NO_VALIDATION = Text(
    "There is nothing to validate on: set a validation share, or put pictures into a folder named validation.",
    "没有可用于验证的图片：请设置验证比例，或把图片放进名为 validation 的文件夹。",
)


@dataclass(frozen=True)
class Pictures:
    """`train` is what `plan` counts; `sizes` are those of the train and then of the validation pictures, `size` the one
    that samples are painted at; `marks` tell later whether the set has changed; `said` is what the reader should know."""

    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    plan: Plan
    sizes: tuple[Size, ...]
    size: Size
    marks: dict[str, str]
    said: tuple[Said, ...]

    @classmethod
    def of(cls, request: TrainRequest, own_sizes: Sequence[Size], multiple: int) -> Self:
        """The pictures of a request's dataset. Raises DatasetError."""
        folder = read_folder(Path(request.dataset_path))
        train, validation = _split(folder.train, folder.validation, request)
        sizes = sizes_for(request, own_sizes, multiple)
        plan = make_plan(request, [(i.width, i.height) for i in train], own_sizes, multiple)
        dropped = sum(len(files) for _, files in folder.reasons(is_dropped=True))
        return cls(
            train,
            validation,
            plan,
            (*_sizes(sizes, train), *_sizes(sizes, validation)),
            sizes[0],
            marks(folder.items),
            tuple(_said(request, plan, train, validation, dropped)),
        )

    @property
    def items(self) -> tuple[Item, ...]:
        """All of them, in the order of `sizes`."""
        return self.train + self.validation

    def prompts(self, request: TrainRequest) -> tuple[str, ...]:
        """What is painted along the way: the request's prompts, or two different captions."""
        captions = dict.fromkeys(caption_of(item, request) for item in self.train)
        return request.sample_prompts or tuple(captions)[:SAMPLES]


def _split(
    train: tuple[Item, ...], validation: tuple[Item, ...], request: TrainRequest
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """The set's own split; else a share drawn from the pictures to learn from, of which at least one stays."""
    if validation or not request.validation_share or len(train) < 2:
        return train, validation
    count = min(len(train) - 1, max(1, round(request.validation_share * len(train))))
    drawn = set(Random(f"validation {request.seed}").sample(range(len(train)), count))
    return (
        tuple(item for n, item in enumerate(train) if n not in drawn),
        tuple(item for n, item in enumerate(train) if n in drawn),
    )


def _sizes(sizes: Sequence[Size], items: Sequence[Item]) -> list[Size]:
    """The size of each picture."""
    buckets = sort_into(sizes, [(item.width, item.height) for item in items])
    found = {number: bucket.size for bucket in buckets for number in bucket.members}
    return [found[number] for number in range(len(items))]


def _said(
    request: TrainRequest, plan: Plan, train: Sequence[Item], validation: Sequence[Item], dropped: int
) -> list[Said]:
    sizes = ", ".join(f"{b.size[0]}x{b.size[1]} ({len(b.members)})" for b in plan.buckets)
    facts = {
        "count": len(train),
        "aside": len(validation),
        "dropped": dropped,
        "used": plan.pictures_an_epoch,
    }
    said = [Said(SUMMARY, {**facts, "epoch": plan.steps_per_epoch, "steps": plan.steps, "sizes": sizes})]
    bare = sum(not item.caption for item in train)
    if bare:
        said.append(Said(UNCAPTIONED, {"count": bare}))
    if request.validation_every and not validation:
        said.append(Said(NO_VALIDATION, {}))
    return said
