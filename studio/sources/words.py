"""Sentences that several sources say."""

from studio.words import Text

NO_WORDS = Text("it needs words to search for", "需要填写搜索词")
LICENCE_UNFIT = Text(
    "its licence ({licence}) is not among those asked for", "其许可（{licence}）不在所选范围内"
)
NOT_OFFERED = Text("no picture of it is offered", "未提供它的图片")
NO_COUNT = Text(
    "it never ends by itself; say how many pictures you want", "它不会自行结束；请填写想要多少张图片"
)
