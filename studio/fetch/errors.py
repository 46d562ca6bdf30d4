"""Why a model could not be fetched or removed.

FetchError
├── NotOnHub            no name at this hub, or none at all
├── FetchingOff         HF_HUB_OFFLINE, or a public page
├── LicenceNotAccepted  401, 403
├── ModelNotAtHub       404
├── HubBusy             429
├── HubFailed           other answers
├── HubOutOfReach       no answer
├── NotDiffusers        no folder that could be opened
├── NoSafetensors       pickles only
├── BadChecksum
├── SpaceLacking        before anything is fetched
├── DiskFilled          while it is
├── BeingFetched        another process is at it
├── FetchDied           its process is gone
└── NotRemovable
"""

from studio.errors import StudioError
from studio.words import Text


class FetchError(StudioError):
    """A model that could not be fetched or removed."""


class NotOnHub(FetchError):
    """A card without a name at the hub that was asked for."""

    text = Text(
        "Model '{name}' can't be fetched from {hub}: its card names no repository there. It can be had from: {others}.",
        "{hub}：模型“{name}”的卡片没有写明那里的仓库，无法获取。可用来源：{others}。",
    )


class FetchingOff(FetchError):
    """A wish not to be connected."""

    text = Text(
        "Nothing is fetched from {hub} while {variable} is set. Unset it, then get '{name}' again.",
        "{hub}：已设置 {variable}，不会下载任何内容。请取消该设置，再获取“{name}”。",
    )


class FetchingRefused(FetchError):
    """A public page, where visitors may not fill the disk."""

    text = Text(
        "Visitors can't fetch or remove models here. Run the studio on your own machine: python app.py",
        "访客不能在这里获取或删除模型。请在自己的电脑上运行：python app.py",
    )


class LicenceNotAccepted(FetchError):
    """A hub that gives files only to those who have accepted terms (401, 403)."""

    text = Text(
        "{hub} doesn't give out {id} yet ({status}). Accept its licence at {page}, set {variable} to your access token, "
        "then get it again.",
        "{hub}：尚不允许下载 {id}（{status}）。请先在 {page} 同意许可协议，并把 {variable} 设为你的访问令牌，然后重新获取。",
    )


class ModelNotAtHub(FetchError):
    """A name that a hub doesn't know, or doesn't show (404)."""

    text = Text(
        "{hub} has no model {id}, or shows it only to those who may see it. Check its page {page}, set {variable}, or "
        "choose the other hub.",
        "{hub}：没有模型 {id}，或者你没有查看权限。请检查页面 {page}、设置 {variable}，或换一个来源。",
    )


class HubBusy(FetchError):
    """A hub that asks to be left alone for a while (429)."""

    text = Text(
        "{hub} asks to be left alone {span} (429). What has arrived is kept; get '{name}' again after that.",
        "{hub}：请求过于频繁（429）。已下载的部分会保留；请{span}重新获取“{name}”。",
    )


class HubFailed(FetchError):
    """A hub that answers, but not with what was asked for."""

    text = Text(
        "{hub} did not deliver {what} ({reason}). What has arrived is kept; get '{name}' again later, or from the other hub.",
        "{hub}：未能提供 {what}（{reason}）。已下载的部分会保留；请稍后重新获取“{name}”，或换一个来源。",
    )


class HubOutOfReach(FetchError):
    """A hub that doesn't answer."""

    text = Text(
        "{hub} can't be reached at {endpoint} ({reason}). What has arrived is kept. Check the network, choose the other hub, "
        "or name a mirror in {variable}.",
        "{hub}：无法连接 {endpoint}（{reason}）。已下载的部分会保留。请检查网络、换一个来源，或在 {variable} 中指定镜像。",
    )


class NotDiffusers(FetchError):
    """A repository in another layout."""

    text = Text(
        "{id} at {hub} is not a diffusers folder ({reason}). Name a repository with a model_index.json in the model's card.",
        "{hub}：{id} 不是 diffusers 格式的文件夹（{reason}）。请在模型卡片中填写带有 model_index.json 的仓库。",
    )


class NoSafetensors(FetchError):
    """A repository that holds a component only as pickle, or not at all."""

    text = Text(
        "{id} at {hub} has no complete .safetensors weights for {part}, and pickles are never fetched. Try the other hub.",
        "{hub}：{id} 没有 {part} 的完整 .safetensors 权重，而 pickle 文件一律不下载。请换一个来源。",
    )


class BadChecksum(FetchError):
    """A file that isn't what the hub says it is."""

    text = Text(
        "{file} arrived damaged: its checksum is not the one that {hub} tells, so it was thrown away. Get '{name}' again; "
        "all other files are kept.",
        "{file} 下载后已损坏：校验和与来源（{hub}）公布的不符，已将其丢弃。请重新获取“{name}”，其他文件都会保留。",
    )


class SpaceLacking(FetchError):
    """A disk that is too small, seen before anything is fetched."""

    text = Text(
        "Model '{name}' needs {needed_gb} GB more, but {folder} has {free_gb} GB free. Free some space, then get it again.",
        "模型“{name}”还需要 {needed_gb} GB，而 {folder} 只剩 {free_gb} GB。请腾出空间后重新获取。",
    )


class DiskFilled(FetchError):
    """A disk that filled up on the way."""

    text = Text(
        "The disk of {folder} filled up while {file} was being fetched ({free_gb} GB free). Free {needed_gb} GB, then get "
        "'{name}' again: it goes on from there.",
        "下载 {file} 时 {folder} 所在磁盘已满（剩余 {free_gb} GB）。请腾出 {needed_gb} GB 后重新获取“{name}”，会从断点继续。",
    )


class BeingFetched(FetchError):
    """A model that is being fetched already."""

    text = Text(
        "Model '{name}' is being fetched already (process {pid}). Wait until it is done, or stop it there.",
        "模型“{name}”正在下载中（进程 {pid}）。请等它完成，或先在那边停止。",
    )


class FetchDied(FetchError):
    """A fetching process that ended without a word."""

    text = Text(
        "Fetching '{name}' broke off without a word (see {log}). What has arrived is kept; get it again to go on.",
        "“{name}”的下载意外中断（详见 {log}）。已下载的部分会保留；重新获取即可继续。",
    )


class NotRemovable(FetchError):
    """A model that is not in models/weights, or isn't a folder of its own there."""

    text = Text(
        "Model '{name}' can't be removed: {reason}.",
        "无法删除模型“{name}”：{reason}。",
    )
