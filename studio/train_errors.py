"""What can go wrong with training and with runs, in words that a reader can act on; what only the worker can find out is
in `studio.training.errors`.

    StudioError
    ├── TrainRequestError       a value that no training can begin with; `field` names it
    │   ├── NameRefused
    │   ├── NameTaken
    │   ├── NoTargets
    │   ├── NotTrainable
    │   ├── PackageMissing
    │   ├── DevicesMissing
    │   └── PathMissing
    ├── TrainingError           a training that can't go on
    │   ├── LossNotFinite
    │   ├── TrainingOutOfMemory
    │   ├── NoRoomForCheckpoints
    │   ├── DatasetChanged
    │   ├── OtherBase
    │   └── OtherAdapter
    └── RunError                a run that can't be what was asked of it
        ├── TrainingNotHere
        ├── RunMissing
        ├── RunBroken
        ├── RunAlive
        ├── RunNotAlive
        ├── RunNotResumable
        ├── RunTaken
        ├── RunsBusy
        ├── WorkerDied
        ├── WorkerNotStarted
        ├── TrainingNameless
        └── RanksApart
"""

from studio.errors import StudioError
from studio.words import Text


class TrainRequestError(StudioError):
    """A value that no training can begin with."""


class NameRefused(TrainRequestError):
    """A name that can't be a file's everywhere."""

    text = Text(
        "'{name}' can't be a LoRA's name. Use up to {most} letters, digits, spaces, - or _, and none of < > : \" / \\ | ? * % {{ }}.",
        '“{name}”不能用作 LoRA 的名称。请用不超过 {most} 个文字、数字、空格、- 或 _，不要含 < > : " / \\ | ? * % {{ }}。',
    )


class NameTaken(TrainRequestError):
    """A name that another LoRA or a run in progress has."""

    text = Text(
        "A LoRA named '{name}' exists already or is being trained. Choose another name, for example '{free}'.",
        "名为“{name}”的 LoRA 已存在或正在训练。请换一个名称，例如“{free}”。",
    )


class NoTargets(TrainRequestError):
    """Target layers of which the model has none, or no names at all."""

    text = Text(
        "Target layers name no layer to train. Usual is to_q,to_k,to_v,to_out.",
        "“目标层”没有指出任何可训练的层。通常填写 to_q,to_k,to_v,to_out。",
    )


class NotTrainable(TrainRequestError):
    """A model whose family has no training here."""

    text = Text(
        "Model '{model}' ({family}) can't be trained here yet. Models that can: {known}.",
        "模型“{model}”（{family}）暂不支持训练。可训练的模型：{known}。",
    )


class PackageMissing(TrainRequestError):
    """A choice that needs a package which is not installed."""

    text = Text(
        "{label} '{value}' needs the package {package}. Run: pip install {package}, or choose {instead}.",
        "{label}“{value}”需要软件包 {package}。请运行：pip install {package}，或改用 {instead}。",
    )


class DevicesMissing(TrainRequestError):
    """More devices than this machine has."""

    text = Text(
        "{wanted} devices were asked for, but this machine has {found}. Set devices to {found}.",
        "请求使用 {wanted} 个设备，但本机只有 {found} 个。请把“设备数”设为 {found}。",
    )


class PathMissing(TrainRequestError):
    """A file or folder that was named and isn't there."""

    text = Text(
        "{label} {path} does not exist. Mend the path, or leave it empty to use the model's own.",
        "{label} {path} 不存在。请修正路径，或留空以使用模型自带的文件。",
    )


class TrainingError(StudioError):
    """A training that can't go on."""


class LossNotFinite(TrainingError):
    """A loss of NaN or infinity."""

    text = Text(
        "The loss became {value} at step {step}; training stopped, and the checkpoint of step {kept} was kept. "
        "Lower the learning rate (now {rate:g}), or set precision to 32.",
        "第 {step} 步的损失变为 {value}，训练已停止，保留了第 {kept} 步的检查点。"
        "请降低学习率（现在是 {rate:g}），或把精度设为 32。",
    )


class TrainingOutOfMemory(TrainingError):
    """A device whose memory ran out."""

    text = Text(
        "{device} ran out of memory while training: {needed} more were needed, and it has {total}. {remedy}",
        "{device} 在训练时内存不足：还需要 {needed}，共有 {total}。{remedy}",
    )


class NoRoomForCheckpoints(TrainingError):
    """A disk without room for what the run must keep."""

    text = Text(
        "Checkpoints need {needed_mb} MB under {folder}, but {free_mb} MB are free. "
        "Free some space, keep fewer checkpoints, or lower the rank.",
        "{folder} 中的检查点需要 {needed_mb} MB，但只剩 {free_mb} MB。请腾出空间、减少保留的检查点，或降低秩。",
    )


class DatasetChanged(TrainingError):
    """Pictures or captions that are not what the run was begun with."""

    text = Text(
        "The pictures have changed since this run began: {added} added, {removed} removed, {changed} changed. "
        "Put them back, or resume with them as they are now (--accept-changes).",
        "这次训练开始之后图片有变动：新增 {added}、移除 {removed}、修改 {changed}。"
        "请恢复原样，或确认按现在的图片继续（--accept-changes）。",
    )


class OtherBase(TrainingError):
    """A checkpoint whose base model is not the one that is here."""

    text = Text(
        "The checkpoint of step {step} was trained on {was}, but the model is now {now}. "
        "Bring that model back, or start a new run.",
        "第 {step} 步的检查点是在 {was} 上训练的，而现在的模型是 {now}。请恢复原来的模型，或新建一次训练。",
    )


class OtherAdapter(TrainingError):
    """A checkpoint whose adapter differs from the one asked for."""

    text = Text(
        "The checkpoint of step {step} has {label} {was}, but {now} is asked for. "
        "Set it back to {was}, or start a new run.",
        "第 {step} 步的检查点的{label}为 {was}，而现在要求 {now}。请改回 {was}，或新建一次训练。",
    )


class RunError(StudioError):
    """A run that can't be what was asked of it."""


class TrainingNotHere(RunError):
    """A host that training is not for."""

    text = Text(
        "Training is switched off on this host ({host}). Run the studio on a machine of your own to train.",
        "此环境（{host}）已关闭训练功能。请在自己的机器上运行本程序来训练。",
    )


class RunMissing(RunError):
    """An id without a folder."""

    text = Text("There is no run '{id}'. Runs found: {known}.", "找不到训练“{id}”。已有：{known}。")


class RunBroken(RunError):
    """A run folder whose files can't be read."""

    text = Text(
        "Run '{id}' can't be read ({file}: {reason}). Delete it, or restore that file; other runs are not affected.",
        "无法读取训练“{id}”（{file}：{reason}）。请删除它或恢复该文件；其他训练不受影响。",
    )


class RunAlive(RunError):
    """A run that is still at work."""

    text = Text("Run '{id}' is still {state}. Stop it first.", "训练“{id}”仍处于“{state}”状态。请先停止它。")


class RunNotAlive(RunError):
    """A run that no longer, or not yet, takes orders."""

    text = Text(
        "Run '{id}' is {state}; only a running one can do that.",
        "训练“{id}”的状态是“{state}”；只有进行中的训练才能这样做。",
    )


class RunNotResumable(RunError):
    """A run that has nothing left to do."""

    text = Text(
        "Run '{id}' is {state}, so there is nothing to resume. Run it again with changes instead.",
        "训练“{id}”的状态是“{state}”，没有可继续的内容。可以修改设置后重新训练。",
    )


class RunTaken(RunError):
    """A run that another worker has begun."""

    text = Text("Run '{id}' is already being trained by process {pid}.", "训练“{id}”已由进程 {pid} 执行。")


class RunsBusy(RunError):
    """A folder of runs that another process holds for too long."""

    text = Text(
        "The folder of runs {folder} is held by another process. Wait a moment and try again.",
        "训练文件夹 {folder} 正被其他进程占用。请稍候再试。",
    )


class WorkerDied(RunError):
    """A worker process that is gone without having said why."""

    text = Text(
        "The training process ended unexpectedly at step {step}; the last line of its log is “{line}”. "
        "Resume it to go on from its last checkpoint.",
        "训练进程在第 {step} 步意外结束，日志最后一行是“{line}”。可以从最近的检查点继续。",
    )


class WorkerNotStarted(RunError):
    """A worker process that the system wouldn't start."""

    text = Text(
        "The training process could not be started ({reason}). Resume the run to try again.",
        "无法启动训练进程（{reason}）。可以点“继续”重试。",
    )


class TrainingNameless(RunError):
    """Machines that train together without a word that they all know."""

    text = Text(
        "Several machines train together, but nothing names this training. Start torchrun with --rdzv-id=any-word, or "
        "set INKSTONE_RUN=any-word on all of them.",
        "多台机器一起训练，但没有共同的名称。请在启动 torchrun 时加上 --rdzv-id=任意词，或在所有机器上设置 INKSTONE_RUN=任意词。",
    )


class RanksApart(RunError):
    """Processes of one training that can't find each other's run."""

    text = Text(
        "Rank {rank} waited {seconds} s for rank 0 to make the run, in vain. Look at what rank 0 says, and give all ranks "
        "the same folder of runs (INKSTONE_RUNS).",
        "第 {rank} 号进程等了 {seconds} 秒，仍未等到 0 号进程创建训练。请查看 0 号进程的输出，并让所有进程使用同一个训练文件夹"
        "（INKSTONE_RUNS）。",
    )
