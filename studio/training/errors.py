"""What only the worker can find out to be wrong; what page and command line know of too is in `studio.train_errors`.

TrainingError
├── TeamDiffers
├── NotSplit
├── NoSuchLayers
├── QuantizedOnly
├── NothingKept
├── PictureGone
└── CacheGone
"""

from studio.train_errors import TrainingError
from studio.words import Text


class TeamDiffers(TrainingError):
    """A launcher that started another number of processes than the request counts on."""

    text = Text(
        "{started} processes were started, but the request counts on {devices} devices on each of {nodes} machines. "
        "Start as many, or change devices and num_nodes.",
        "启动了 {started} 个进程，但设置为 {nodes} 台机器、每台 {devices} 个设备。"
        "请按设置启动，或修改 devices 和 num_nodes。",
    )


class NotSplit(TrainingError):
    """A strategy that splits the frozen network, of which one process then can't paint or save alone."""

    text = Text(
        "{value} splits the frozen model over the devices, which checkpoints and samples here can't do. "
        "Choose deepspeed_stage_2 or ddp.",
        "{value} 会把冻结的底模拆分到各设备上，这里的检查点和试画不支持。请改用 deepspeed_stage_2 或 ddp。",
    )


class NoSuchLayers(TrainingError):
    """Target layers that the denoiser hasn't."""

    text = Text(
        "No layer of {model} has a name that ends with {names}. For the attention use to_q,to_k,to_v,to_out.",
        "{model} 中没有名称以 {names} 结尾的层。注意力层请填 to_q,to_k,to_v,to_out。",
    )


class QuantizedOnly(TrainingError):
    """A quantised network where it can't be."""

    text = Text(
        "The model can't be quantised to {value} {where}. Set quantize_base to none.",
        "{where}无法将底模量化为 {value}。请把 quantize_base 设为 none。",
    )


class NothingKept(TrainingError):
    """A loss of NaN, infinity, or far beyond any that learning gives, before anything was kept."""

    text = Text(
        "The loss became {value} at step {step}, before the first checkpoint; training stopped. "
        "Lower the learning rate (now {rate:g}), or set precision to 32.",
        "第 {step} 步的损失变为 {value}，此时还没有检查点，训练已停止。请降低学习率（现在是 {rate:g}），或把精度设为 32。",
    )


class PictureGone(TrainingError):
    """A picture that can't be read any more."""

    text = Text(
        "{file} can't be read any more ({reason}). Put it back or take it out of the set, then resume.",
        "{file} 已无法读取（{reason}）。请放回该文件或将其移出数据集，然后继续。",
    )


class CacheGone(TrainingError):
    """Encoded pictures or texts that went away during a run."""

    text = Text(
        "What was encoded beforehand is gone from {folder}. Resume the run: it is encoded again.",
        "预先编码的内容已从 {folder} 中消失。请继续本次训练，会重新编码。",
    )
