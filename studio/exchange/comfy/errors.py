"""What can be wrong with a ComfyUI workflow, in words that a reader can act on.

PictureError
└── WorkflowError
    ├── WorkflowTooLarge
    ├── WorkflowBroken
    ├── WorkflowTooDeep
    ├── WorkflowLoops
    ├── WorkflowTooLong
    └── NoSampler
"""

from studio.picture_errors import PictureError
from studio.words import Text


class WorkflowError(PictureError):
    """A workflow that can't be read."""


class WorkflowTooLarge(WorkflowError):
    """More text, or more nodes, than is safe to read."""

    text = Text(
        "This workflow has {size}; at most {most} is read. Export only the part that makes one picture.",
        "这个工作流有 {size}，最多读取 {most}。请只导出生成一张图片的那一部分。",
    )


class WorkflowBroken(WorkflowError):
    """Text that is no JSON, or JSON that is no workflow."""

    text = Text(
        "This is not a ComfyUI workflow that can be read ({reason}). Save it again in ComfyUI with Export or Export (API).",
        "无法读取这个 ComfyUI 工作流（{reason}）。请在 ComfyUI 中用“导出”或“导出（API）”重新保存。",
    )


class WorkflowTooDeep(WorkflowError):
    """Lists or subgraphs inside one another without end."""

    text = Text(
        "This workflow nests {what} more than {most} levels deep, which no real workflow does. Nothing was changed.",
        "这个工作流的{what}嵌套超过 {most} 层，正常的工作流不会这样。未作任何更改。",
    )


class WorkflowLoops(WorkflowError):
    """Links that lead back to where they came from."""

    text = Text(
        "The links of this workflow run in a circle at node {node}. Cut that link in ComfyUI and save it again.",
        "这个工作流的连线在节点 {node} 处成环。请在 ComfyUI 中断开该连线后重新保存。",
    )


class WorkflowTooLong(WorkflowError):
    """A chain of nodes longer than any real one."""

    text = Text(
        "The chain of nodes before {node} is longer than {most}, which no real workflow needs. Nothing was changed.",
        "节点 {node} 之前的连线超过 {most} 个节点，正常的工作流不需要这么多。未作任何更改。",
    )


class NoSampler(WorkflowError):
    """A workflow without a sampler that is known here."""

    text = Text(
        "This workflow has no sampler that is known here; its nodes are {names}. "
        "Use one with KSampler, SamplerCustomAdvanced or KolorsSampler.",
        "这个工作流里没有本程序认识的采样节点，它的节点有 {names}。请使用含 KSampler、SamplerCustomAdvanced 或 KolorsSampler 的工作流。",
    )
