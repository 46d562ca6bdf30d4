"""What the licences of a set say about handing it on: told before it is pushed anywhere."""

from studio.datasets.catalogue import Catalogue
from studio.datasets.licences import Terms, terms_of
from studio.words import Said, Text

FORBIDDEN = Text(
    "{count} pictures may not be shared with changes ({licences}), and an export is one: it is upright, sRGB, and cut.",
    "{count} 张图片不得以修改后的形式分享（{licences}），而导出会摆正、转为 sRGB 并裁剪，属于修改。",
)
UNSTATED = Text(
    "{count} pictures have no stated licence: without one, only their maker may share them.",
    "{count} 张图片没有注明许可：未注明时，只有作者本人可以分享。",
)
OWN_TERMS = Text(
    "{count} pictures come under terms of their own ({licences}): read whether they may be shared.",
    "{count} 张图片有自己的条款（{licences}）：请确认是否允许分享。",
)
NOT_COMMERCIAL = Text(
    "{count} pictures may not be used commercially ({licences}); the dataset card says so.",
    "{count} 张图片不得商用（{licences}）；数据集卡片会注明。",
)
CREDITED = Text(
    "{count} pictures want to be credited ({licences}); ATTRIBUTION.md does that.",
    "{count} 张图片要求署名（{licences}）；ATTRIBUTION.md 会列出。",
)
OPTED_OUT = Text(
    "{count} pictures say in their files that they are not for training.",
    "{count} 张图片在文件中声明不得用于训练。",
)
_TOLD = {
    Terms.NO_DERIVATIVES: FORBIDDEN,
    Terms.UNKNOWN: UNSTATED,
    Terms.CUSTOM: OWN_TERMS,
    Terms.NON_COMMERCIAL: NOT_COMMERCIAL,
    Terms.SHARE_ALIKE: CREDITED,
    Terms.ATTRIBUTION: CREDITED,
}
"""By what a licence asks for, the gravest first."""


def warnings(catalogue: Catalogue) -> list[Said]:
    """What speaks against sharing a set, or goes with it, the gravest first; nothing where all is public domain."""
    opted_out = sum(count for words, count in catalogue.tally("m_opt_out").items() if words)
    said = [Said(OPTED_OUT, {"count": opted_out})] if opted_out else []
    held = catalogue.tally("license")
    for text in dict.fromkeys(_TOLD.values()):
        meant = {name: count for name, count in held.items() if _TOLD.get(terms_of(name)) is text}
        if meant:
            said.append(Said(text, {"count": sum(meant.values()), "licences": ", ".join(sorted(meant))}))
    return said
