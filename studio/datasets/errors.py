"""What can be wrong with a picture folder as a whole; what is wrong with one picture is a `Problem` of the folder.

DatasetError
├── FolderMissing
├── NotReadable
├── FolderEmpty
├── TableBroken
├── UploadRefused
├── SetMissing
├── SetTaken
├── SetNameRefused
├── NeedKept
├── CatalogueBroken
├── EntryMissing
├── EditedElsewhere
├── LayoutUnknown
├── ImportBroken
├── SourceFailed
├── SourceRefused
├── PathRefused
├── OutTaken
├── OutNotWritable
├── OutNeeded
├── FormatUnknown
├── NothingToExport
├── PushFailed
├── PushRefused
├── LookFailed
├── ChecksFailed
├── TicksWanted
├── CaptionerMissing
├── CaptionerBroken
├── CaptionerDied
├── CaptionerTooLarge
├── LanguageNotWritten
├── InstructionUnknown
├── PackageNeeded
├── NothingSelected
├── NothingToVary
└── CaptioningFailed
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


class NotReadable(DatasetError):
    """A file or folder that is there and can't be read."""

    text = Text(
        "{path} can't be read ({reason}). Mend its permissions, or name another place.",
        "无法读取 {path}（{reason}）。请修改其权限，或换一个位置。",
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


class SetMissing(DatasetError):
    """A folder that holds no set of the studio."""

    text = Text(
        "{path} is no dataset of the studio. Import it first: python -m studio dataset import SET --source folder --where FOLDER",
        "{path} 不是本程序的数据集。请先导入：python -m studio dataset import 数据集 --source folder --where 文件夹",
    )


class SetTaken(DatasetError):
    """A name that another set has."""

    text = Text(
        "There is a dataset '{name}' already. Choose another name, or open that one.",
        "已有名为“{name}”的数据集。请换一个名称，或打开已有的那个。",
    )


class SetNameRefused(DatasetError):
    """A name that can't be a folder's on every system."""

    text = Text(
        "'{name}' can't be a dataset's name. Use letters, digits, spaces, - and _, at most {most} of them.",
        "“{name}”不能用作数据集名称。请使用文字、数字、空格、- 和 _，最多 {most} 个字符。",
    )


class NeedKept(DatasetError):
    """An import that names another need than the set was made with."""

    text = Text(
        "The dataset '{name}' keeps the need that it was made with ({kept}); an import doesn't change it. Leave {given} "
        "out; check and export take other values for one run.",
        "数据集“{name}”沿用创建时的需求（{kept}），导入不会改变它。请去掉 {given}；检查和导出可以临时采用其他值。",
    )


class CatalogueBroken(DatasetError):
    """A catalogue file that SQLite can't use."""

    text = Text(
        "The catalogue of {path} can't be used ({reason}). Its pictures are untouched: import that folder as a new dataset.",
        "{path} 的目录文件无法使用（{reason}）。图片本身完好：请把该文件夹作为新数据集导入。",
    )


class EntryMissing(DatasetError):
    """A picture that the set hasn't."""

    text = Text(
        "The dataset has no picture number {id}. Reload the page.",
        "数据集中没有编号为 {id} 的图片。请刷新页面。",
    )


class EditedElsewhere(DatasetError):
    """A picture that somebody else has changed since it was shown."""

    text = Text(
        "'{name}' was changed in another window meanwhile; its caption there is: {caption}. Nothing was overwritten: "
        "look at it again, then save.",
        "“{name}”刚刚在另一个窗口被修改，那里的说明是：{caption}。未覆盖任何内容：请重新查看后再保存。",
    )


class LayoutUnknown(DatasetError):
    """A folder or file that no reader recognises."""

    text = Text(
        "{path} has none of the layouts that can be read ({known}). Put pictures there, with captions in metadata.csv "
        "or .txt files.",
        "无法识别 {path} 的布局（可读取：{known}）。请放入图片，说明写在 metadata.csv 或同名 .txt 中。",
    )


class ImportBroken(DatasetError):
    """An import that an error has ended after some pictures had come in."""

    text = Text(
        "{reason} {count} pictures had come in before that and are kept; import the same again to go on.",
        "{reason}在此之前已取得 {count} 张图片，都保留着；再次进行同样的导入即可继续。",
    )


class SourceFailed(DatasetError):
    """A source that does not answer as it should; what had arrived is kept."""

    text = Text(
        "{source} did not deliver ({reason}). What had arrived is kept; start the import again to go on.",
        "{source} 未能提供图片（{reason}）。已取得的都保留着；再次导入即可继续。",
    )


class SourceRefused(DatasetError):
    """A request that a source must not or cannot serve."""

    text = Text("{source} can't be used like this: {reason}.", "无法这样使用 {source}：{reason}。")


class PathRefused(DatasetError):
    """A path of this machine that may not be named here."""

    text = Text(
        "Folders of this machine can't be named on a public page. Upload the pictures instead.",
        "公开页面上不能指定本机文件夹。请改为上传图片。",
    )


class OutTaken(DatasetError):
    """An export folder that holds something already."""

    text = Text(
        "{path} is not empty. Choose a new or empty folder; nothing there was touched.",
        "{path} 不是空文件夹。请选择新的或空的文件夹；原有内容未被改动。",
    )


class OutNotWritable(DatasetError):
    """A folder that was named to write to, and can't be."""

    text = Text(
        "{folder} can't be written ({reason}). Name another folder to write to, or mend its permissions.",
        "无法写入 {folder}（{reason}）。请另选一个文件夹，或修改其权限。",
    )


class OutNeeded(DatasetError):
    """An export without a folder to write to."""

    text = Text("Say where to write: name a new or empty folder.", "请说明写到哪里：填写一个新建或空文件夹。")


class FormatUnknown(DatasetError):
    """A layout that can't be written."""

    text = Text(
        "There is no format '{name}' to write. Choose one of: {known}.",
        "不能写成“{name}”格式。可选：{known}。",
    )


class NothingToExport(DatasetError):
    """A set without a single picture that can be written."""

    text = Text(
        "The dataset has no picture that can be written ({left_out} left out). Add pictures first, or mend those.",
        "数据集中没有可以写出的图片（略去 {left_out} 张）。请先添加图片，或修复它们。",
    )


class PushFailed(DatasetError):
    """A hub that doesn't take the set."""

    text = Text(
        "{repo} could not be pushed to {hub}: {reason}. Nothing of it was left on this disk; mend that and push again.",
        "无法把 {repo} 推送到 {hub}：{reason}。本机未留下临时文件；解决后请重新推送。",
    )


class PushRefused(DatasetError):
    """A push that a page for everybody must not make: the token of this machine isn't its visitors'."""

    text = Text(
        "Datasets can't be pushed from a page that others can reach. Download the .zip and push it from your own computer.",
        "他人可访问的页面不能推送数据集。请下载 .zip，在自己的电脑上推送。",
    )


class LookFailed(DatasetError):
    """Processes that look at pictures and can't be started."""

    text = Text(
        "The pictures can't be looked at: the process for it does not start ({reason}). Close other programs if memory "
        "is short, then try again.",
        "无法查看图片：所需的进程无法启动（{reason}）。如内存不足，请关闭其他程序后重试。",
    )


class ChecksFailed(DatasetError):
    """A set whose errors keep it from training."""

    text = Text(
        "The dataset has {count} errors that would spoil a training. Fix them on the Dataset tab, or take those pictures out.",
        "数据集有 {count} 项错误，会毁掉训练。请在“数据集”页修复，或移除这些图片。",
    )


class CaptionerMissing(DatasetError):
    """A captioner whose weights are not on this disk."""

    text = Text(
        "There are no weights for {captioner} in {folder}. Download one of {hub_ids} into that folder, or choose another "
        "captioner.",
        "{folder} 中没有 {captioner} 的权重。请把 {hub_ids} 之一下载到该文件夹，或改用其他描述模型。",
    )


class CaptionerBroken(DatasetError):
    """Weights of a captioner that can't be opened."""

    text = Text(
        "The captioner '{name}' can't be opened ({reason}). Download its folder again, complete.",
        "无法打开描述模型“{name}”（{reason}）。请重新下载完整的文件夹。",
    )


class CaptionerDied(DatasetError):
    """The captioning process ended on its own."""

    text = Text(
        "The captioner stopped unexpectedly ({reason}) after {count} of {total} pictures; the captions written so far are "
        "kept. Start it again to go on with those missing.",
        "描述模型意外停止（{reason}），已处理 {count}/{total} 张；已写好的说明都保留着。再次开始即可继续补全缺少的。",
    )


class CaptionerTooLarge(DatasetError):
    """A captioner that doesn't fit into memory, even with one picture at a time."""

    text = Text(
        "{device} has too little memory for the captioner '{name}'. Close what else uses it, or choose smaller weights.",
        "{device} 的内存不足以运行描述模型“{name}”。请关闭其他占用内存的程序，或换用更小的权重。",
    )


class LanguageNotWritten(DatasetError):
    """A language that a captioner can't write."""

    text = Text(
        "{captioner} writes no {language}. Choose {other} for it, or another language.",
        "{captioner} 不会写{language}。请改用 {other}，或换一种语言。",
    )


class InstructionUnknown(DatasetError):
    """An instruction that a captioner of few words can't follow."""

    text = Text(
        "{captioner} can't follow this instruction. It knows: {known}. Leave it empty for the usual one.",
        "{captioner} 无法理解这条指令。可用：{known}。留空则使用默认指令。",
    )


class PackageNeeded(DatasetError):
    """Something that needs a package which is not installed."""

    text = Text(
        "{what} needs the package {package}. Run: pip install {package}",
        "{what} 需要软件包 {package}。请运行：pip install {package}",
    )


class NothingSelected(DatasetError):
    """A change to the selected pictures while none is selected."""

    text = Text("No picture is selected. Select some, or choose all.", "没有选中图片。请先选择，或改为全部。")


class NothingToVary(DatasetError):
    """A set, or a choice of its pictures, without an original training picture."""

    text = Text("There is no original training picture to vary: {reason}", "没有可供变化的训练原图：{reason}")


class CaptioningFailed(DatasetError):
    """What the captioning process said before it gave up; what had been written is kept."""

    text = Text("The captioner could not go on: {reason}", "描述模型无法继续：{reason}")


class TicksWanted(DatasetError):
    """A set with warnings that nobody has said they know of."""

    text = Text(
        "{count} warnings of the dataset want a tick first. Look at them under Checks, mend them or press 'I know'.",
        "数据集有 {count} 项警告尚待确认。请在“检查”中查看，修复或点“我知道了”。",
    )
