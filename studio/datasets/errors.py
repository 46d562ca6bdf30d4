"""What can be wrong with a picture folder as a whole; what is wrong with one picture is a `Problem` of the folder.

DatasetError
├── FolderMissing
├── FolderEmpty
├── TableBroken
└── UploadRefused
"""

from studio.errors import StudioError
from studio.words import Text


class DatasetError(StudioError):
    """A picture folder that can't be used."""


class FolderMissing(DatasetError):
    """A path that leads to no folder."""

    text = Text(
        "There is no folder {path}. Name a folder of pictures, with captions in metadata.csv or .txt files.",
        "找不到文件夹 {path}。请指定一个图片文件夹，图片说明放在 metadata.csv 或同名 .txt 文件里。",
    )


class FolderEmpty(DatasetError):
    """A folder without a single picture that can be used."""

    text = Text(
        "{path} holds no picture that can be used ({found}). Put PNG, JPEG or WebP pictures into it.",
        "{path} 里没有可用的图片（{found}）。请放入 PNG、JPEG 或 WebP 图片。",
    )


class TableBroken(DatasetError):
    """A metadata file that can't be read."""

    text = Text(
        "{file} can't be read: {reason}. It needs the columns file_name and text, saved as UTF-8.",
        "无法读取 {file}：{reason}。它需要 file_name 和 text 两列，并以 UTF-8 保存。",
    )


class UploadRefused(DatasetError):
    """Dropped files that can't become a picture folder."""

    text = Text("These files were not taken: {reason}.", "未接收这些文件：{reason}。")
