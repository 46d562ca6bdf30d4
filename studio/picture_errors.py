"""What can be wrong with a file that somebody wants settings from."""

from studio.errors import StudioError
from studio.words import Text

DAMAGED = Text("it is damaged", "文件已损坏")
UNKNOWN_FORMAT = Text("no known format", "不是已知的格式")


class PictureError(StudioError):
    """A picture that was given to the studio and can't be used."""


class NotAPicture(PictureError):
    """A file that no picture reader opens."""

    text = Text(
        "This file is not a picture that can be read ({reason}). Use PNG, JPEG or WebP.",
        "无法读取这个图片文件（{reason}）。请使用 PNG、JPEG 或 WebP。",
    )


class PictureNotOpened(PictureError):
    """A file that can't be opened at all."""

    text = Text("The picture {file} can't be opened: {reason}.", "无法打开图片 {file}：{reason}。")


class PictureTooLarge(PictureError):
    """A picture, or the text in it, beyond what is safe to open."""

    text = Text(
        "This picture's {what} is {size}; at most {most} is read. Nothing was changed.",
        "这张图片的{what}为 {size}，最多读取 {most}。未作任何更改。",
    )


class SettingsTooNew(PictureError):
    """Settings in a version of our format that a later studio wrote."""

    text = Text(
        "This picture's settings are in version {version}, but this studio reads up to {known}. Update the studio.",
        "这张图片的参数是第 {version} 版格式，本程序只能读到第 {known} 版。请更新程序。",
    )


class NoSettings(PictureError):
    """A picture without generation settings inside."""

    text = Text(
        "This picture holds no generation settings; chat programs and many sites strip them. Use the original file.",
        "这张图片里没有生成参数；聊天软件和许多网站会把它们去掉。请使用原始文件。",
    )
