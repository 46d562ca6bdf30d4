"""What a training run can be asked for: every parameter of the seed's script under its own name, and what trainers
have since shown to matter."""

from dataclasses import dataclass
from typing import Any

from studio.errors import OutOfRange
from studio.requests import MOST_SEED, Request, setting
from studio.train_errors import NameRefused, NoTargets

PRECISIONS = ("auto", "32", "16-mixed", "bf16-mixed")
ADAPTERS = ("lora", "dora", "lokr")
LR_SCHEDULES = ("constant", "cosine", "linear")
OPTIMIZERS = ("adamw", "adafactor", "prodigy", "adamw8bit")
QUANTIZATIONS = ("none", "int8", "nf4")
STRATEGIES = ("auto", "ddp", "deepspeed_stage_1", "deepspeed_stage_2", "deepspeed_stage_3")
LEAST_SIDE_PX = 64
MOST_NAME_CHARACTERS = 80
_NOT_IN_FILE_NAMES = '<>:"/\\|?*{}%\x7f'
_TAKEN_BY_WINDOWS = (
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)),
)


@dataclass(frozen=True, kw_only=True)
class TrainRequest(Request):
    """A LoRA to be trained. All that decides its numbers is here, save the pictures themselves."""

    name: str = setting(
        "", ("Name", "名称"),
        ("Name of the LoRA and of its file in models/loras; empty makes one from the dataset's.",
         "LoRA 的名称，也是 models/loras 中的文件名；留空则取数据集的名称。"))  # fmt: skip
    model: str = setting(
        "storybook", ("Model", "模型"),
        ("Which model learns; the LoRA then works with models of the same family.",
         "用哪个模型来学习；得到的 LoRA 适用于同一系列的模型。"))  # fmt: skip
    dataset_path: str = setting(
        "", ("Dataset", "数据集"),
        ("Folder of pictures: train/metadata.csv with file_name and text, or a .txt caption beside each picture.",
         "图片文件夹：train/metadata.csv（含 file_name、text 两列），或每张图片旁放一个同名 .txt 说明。"))  # fmt: skip
    trigger_word: str = setting(
        "", ("Trigger word", "触发词"),
        ("Put before every caption, so that this word calls up what was learnt; best an invented one.",
         "加在每条说明之前，以后用这个词唤出所学内容；最好是自造的词。"))  # fmt: skip
    max_epochs: int = setting(
        1, ("Epochs", "轮数"),
        ("How many times to go over the pictures; with 20 pictures 20-100 is usual.",
         "把全部图片学几遍；20 张图片常用 20-100 轮。"), 1, 100_000, 1)  # fmt: skip
    steps_per_epoch: int = setting(
        0, ("Steps per epoch", "每轮步数"),
        ("Steps that count as one epoch; 0 is one pass over the pictures. The seed's script takes 500.",
         "多少步算一轮；0 表示正好把图片过一遍。原始脚本默认 500。"), 0, 1_000_000, 1)  # fmt: skip
    max_steps: int = setting(
        0, ("Steps", "总步数"),
        ("Steps in all, whatever the epochs say; 0 is epochs times steps per epoch. 300-3000 is usual.",
         "总步数，优先于轮数；0 表示轮数乘以每轮步数。常用 300-3000。"), 0, 10_000_000, 1)  # fmt: skip
    lora_rank: int = setting(
        16, ("Rank", "秩"),
        ("Room for what is learnt; higher holds more and makes a larger file. 4-16 for a character, 16-64 for a style.",
         "可容纳的内容量；越高学得越多，文件也越大。角色常用 4-16，风格常用 16-64。"), 1, 512, 1)  # fmt: skip
    lora_alpha: float = setting(
        16.0, ("Alpha", "Alpha"),
        ("Strength of the learnt change is alpha / rank; equal to the rank is usual, lower learns more gently.",
         "所学改动的强度为 alpha / 秩；通常与秩相等，越低学得越温和。"), 0.01, 4096, 0.5)  # fmt: skip
    learning_rate: float = setting(
        1e-4, ("Learning rate", "学习率"),
        ("Size of each step; 5e-5 to 5e-4 is usual with AdamW, 1 with Prodigy. Too high ends in noise or NaN.",
         "每一步的幅度；AdamW 常用 5e-5 到 5e-4，Prodigy 用 1。过高会学成噪点甚至 NaN。"), 1e-9, 1e4)  # fmt: skip
    batch_size: int = setting(
        1, ("Batch size", "批大小"),
        ("Pictures learnt from at once on each device; more is steadier and takes more memory. 1-8 is usual.",
         "每个设备一次学几张；越多越稳，占用内存也越多。常用 1-8。"), 1, 1024, 1)  # fmt: skip
    width: int = setting(
        0, ("Width", "宽度"),
        ("Picture width in pixels; 0 is the model's own. With aspect buckets, width times height is the area kept.",
         "图片宽度（像素）；0 表示模型自身的宽度。使用分桶时，宽乘高决定图片面积。"), 0, 4096, 8)  # fmt: skip
    height: int = setting(
        0, ("Height", "高度"),
        ("Picture height in pixels; 0 is the model's own. With aspect buckets, width times height is the area kept.",
         "图片高度（像素）；0 表示模型自身的高度。使用分桶时，宽乘高决定图片面积。"), 0, 4096, 8)  # fmt: skip
    aspect_buckets: bool = setting(
        True, ("Aspect buckets", "按比例分桶"),
        ("Keep each picture's own shape, grouping like with like; off cuts all to one size.",
         "保留每张图片的长宽比，把相近的归为一组；关闭则全部裁成同一尺寸。"))  # fmt: skip
    center_crop: bool = setting(
        False, ("Centre crop", "居中裁剪"),
        ("Cut what doesn't fit evenly from both sides; off cuts at places drawn by chance.",
         "多出的部分从两边均匀裁去；关闭则随机选取裁剪位置。"))  # fmt: skip
    random_flip: bool = setting(
        False, ("Random flip", "随机翻转"),
        ("Mirror half of the pictures; doubles a small set, but spoils letters and anything one-sided.",
         "随机左右翻转一半图片；可让小数据集翻倍，但会破坏文字和不对称的内容。"))  # fmt: skip
    crops: int = setting(
        1, ("Crops", "裁剪份数"),
        ("Different cuts kept of each picture when they are not centred; 1-4 is usual, each takes disk and time once.",
         "不居中裁剪时每张图片保留几种裁法；常用 1-4，每种都要占一次磁盘和时间。"), 1, 16, 1)  # fmt: skip
    caption_dropout: float = setting(
        0.1, ("Caption dropout", "说明丢弃率"),
        ("Share of steps learnt without the caption, which keeps guidance working; 0.05-0.2 is usual.",
         "有多少比例的步数不看说明，使引导强度仍然有效；常用 0.05-0.2。"), 0.0, 1.0, 0.01)  # fmt: skip
    prior_share: float = setting(
        0.0, ("Prior preservation", "先验保持"),
        ("Share of pictures learnt with a prompt that is to stay as it is, towards what the model painted before: keeps a character from coming uncalled; 0.2-0.5 is usual.",
         "有多少比例的图片改用“保持不变的提示词”、以模型原来的画法为目标来学；可避免角色不请自来，常用 0.2-0.5。"), 0.0, 0.9, 0.05)  # fmt: skip
    prior_prompts: tuple[str, ...] = setting(
        (), ("Prompts that stay as they are", "保持不变的提示词"),
        ("What the model is to go on painting as before, for prior preservation: things of the kind that is learnt, above all; 20 or more in your own words.",
         "先验保持所用：希望模型照旧画的内容，尤其是与所学内容同类的事物；用自己的话写 20 条以上。"))  # fmt: skip
    sample_prompts: tuple[str, ...] = setting(
        (), ("Sample prompts", "试画提示词"),
        ("What to paint along the way, to see it learn; none takes two captions of the set.",
         "训练途中试画的内容，用来观察进展；不填则取数据集中的两条说明。"))  # fmt: skip
    sample_every: int = setting(
        0, ("Sample every", "试画间隔"),
        ("Steps between samples; 0 paints them only at the end. 100-500 is usual.",
         "每隔多少步试画一次；0 表示只在结束时试画。常用 100-500。"), 0, 1_000_000, 1)  # fmt: skip
    sample_steps: int = setting(
        20, ("Sample steps", "试画步数"),
        ("Denoising steps of each sample; fewer is quicker, 15-30 is usual.",
         "每张试画的去噪步数；越少越快，常用 15-30。"), 1, 150, 1)  # fmt: skip
    sample_seed: int = setting(
        12, ("Sample seed", "试画种子"),
        ("All samples of a prompt start from this seed, so that only the learning differs.",
         "同一提示词的试画都用这个种子，差别只来自训练进度。"), 0, MOST_SEED, 1)  # fmt: skip
    checkpoint_every: int = setting(
        0, ("Checkpoint every", "检查点间隔"),
        ("Steps between checkpoints; 0 keeps one at the end only, then a crash loses all. 100-500 is usual.",
         "每隔多少步保存一次检查点；0 表示只在结束时保存，中途崩溃会全部丢失。常用 100-500。"), 0, 1_000_000, 1)  # fmt: skip
    checkpoints_kept: int = setting(
        3, ("Checkpoints kept", "保留检查点数"),
        ("How many of the latest checkpoints stay on disk, each with its LoRA.",
         "磁盘上保留最近几个检查点，每个都带有对应的 LoRA。"), 1, 1000, 1)  # fmt: skip
    validation_share: float = setting(
        0.0, ("Validation share", "验证比例"),
        ("Share of the pictures kept back to see whether it learns or memorises; 0.1 suits sets of 30 or more.",
         "留出多少比例的图片，用来判断是学会了还是死记硬背；30 张以上可用 0.1。"), 0.0, 0.5, 0.05)  # fmt: skip
    validation_every: int = setting(
        0, ("Validate every", "验证间隔"),
        ("Steps between validations; 0 switches them off. 50-200 is usual.",
         "每隔多少步验证一次；0 表示不验证。常用 50-200。"), 0, 1_000_000, 1)  # fmt: skip
    adapter: str = setting(
        "lora", ("Adapter", "适配器类型"),
        ("What is trained beside the frozen model: LoRA is read everywhere; DoRA learns finer; LoKr makes smaller files.",
         "在冻结的模型旁训练什么：LoRA 通用；DoRA 更细致；LoKr 文件更小。"), choices=ADAPTERS)  # fmt: skip
    lora_target_modules: str = setting(
        "to_q,to_k,to_v,to_out", ("Target layers", "目标层"),
        ("Which layers change, by the end of their names; attention alone is usual, add ff.net.0.proj,ff.net.2 for more.",
         "训练哪些层，按层名结尾填写；通常只选注意力层，想学更多可加 ff.net.0.proj,ff.net.2。"))  # fmt: skip
    optimizer: str = setting(
        "adamw", ("Optimizer", "优化器"),
        ("How steps are taken: AdamW is the safe choice; Adafactor and 8-bit AdamW save memory; Prodigy finds its rate.",
         "如何更新参数：AdamW 最稳妥；Adafactor 和 8 位 AdamW 省内存；Prodigy 自动找学习率。"), choices=OPTIMIZERS)  # fmt: skip
    lr_schedule: str = setting(
        "constant", ("Rate schedule", "学习率调度"),
        ("How the learning rate goes on after warm-up: constant, or down to 0 as a cosine or a line.",
         "预热之后学习率如何变化：保持不变，或按余弦、直线降到 0。"), choices=LR_SCHEDULES)  # fmt: skip
    warmup_steps: int = setting(
        0, ("Warm-up steps", "预热步数"),
        ("Steps over which the learning rate rises from 0; 0-100 is usual.",
         "学习率从 0 升到设定值所用的步数；常用 0-100。"), 0, 1_000_000, 1)  # fmt: skip
    weight_decay: float = setting(
        0.01, ("Weight decay", "权重衰减"),
        ("Pull of the learnt change towards none; 0-0.1 is usual.",
         "把所学改动往零拉的力度；常用 0-0.1。"), 0.0, 10.0, 0.01)  # fmt: skip
    gradient_clip: float = setting(
        1.0, ("Gradient clip", "梯度裁剪"),
        ("Longest gradient that is let through; 1 is usual, 0 switches it off.",
         "允许的最大梯度长度；常用 1，0 表示关闭。"), 0.0, 1000.0, 0.1)  # fmt: skip
    accumulate_grad_batches: int = setting(
        1, ("Accumulate batches", "梯度累积"),
        ("Batches added up before each step: a larger batch without its memory, at as many times the time.",
         "累积几个批次再更新一次：不多占内存就能得到更大的批，但时间成倍增加。"), 1, 4096, 1)  # fmt: skip
    min_snr_gamma: float = setting(
        0.0, ("Min-SNR gamma", "Min-SNR gamma"),
        ("Lets easy, nearly clean steps count less (arXiv:2303.09556); 5 is usual, 0 switches it off.",
         "降低噪声很少的简单步的权重（arXiv:2303.09556）；常用 5，0 表示关闭。"), 0.0, 100.0, 0.5)  # fmt: skip
    noise_offset: float = setting(
        0.0, ("Noise offset", "噪声偏移"),
        ("Adds a little even noise, so that very dark and bright pictures can be learnt; 0.03-0.1, 0 is off.",
         "加入少量整体噪声，便于学习很暗或很亮的画面；常用 0.03-0.1，0 表示关闭。"), 0.0, 1.0, 0.01)  # fmt: skip
    ema_decay: float = setting(
        0.0, ("EMA decay", "EMA 衰减"),
        ("Keeps a smoothed copy of the LoRA and saves that one; 0.99-0.9999 is usual, 0 switches it off.",
         "保留一份平滑后的 LoRA 并以它为结果；常用 0.99-0.9999，0 表示关闭。"), 0.0, 0.99999, 0.001)  # fmt: skip
    seed: int = setting(
        42, ("Seed", "种子"),
        ("The same seed, pictures and settings give the same LoRA.",
         "种子、图片与设置都相同，得到的 LoRA 就相同。"), 0, MOST_SEED, 1)  # fmt: skip
    precision: str = setting(
        "auto", ("Precision", "精度"),
        ("Number format of the computation; auto picks the fastest that is safe here, 32 is exact and slow.",
         "计算所用的数值格式；auto 会选本机上安全且最快的，32 最精确但慢。"), choices=PRECISIONS)  # fmt: skip
    use_gradient_checkpointing: bool = setting(
        False, ("Gradient checkpointing", "梯度检查点"),
        ("Saves much memory by computing parts twice; about a third slower.",
         "部分计算重做一次以大幅节省内存；大约慢三分之一。"))  # fmt: skip
    quantize_base: str = setting(
        "none", ("Quantise model", "量化底模"),
        ("Holds the frozen model in fewer bits: int8 halves its memory, nf4 quarters it, each a little less exact.",
         "用更少的位数存放冻结的底模：int8 省一半内存，nf4 省四分之三，精度略降。"), choices=QUANTIZATIONS)  # fmt: skip
    output_path: str = setting(
        "", ("Output folder", "输出文件夹"),
        ("Folder that gets a copy of the finished LoRA, besides models/loras.",
         "除 models/loras 之外，把训练好的 LoRA 另存一份到这个文件夹。"))  # fmt: skip
    pretrained_unet_path: str = setting(
        "", ("UNet path", "UNet 路径"),
        ("Takes the denoiser from here instead of the model's: a diffusers folder, or a .safetensors file in one.",
         "改用此处的去噪网络：diffusers 文件夹，或其中的 .safetensors 文件。"))  # fmt: skip
    pretrained_text_encoder_path: str = setting(
        "", ("Text encoder path", "文本编码器路径"),
        ("Takes the text encoder from this folder instead of the model's.",
         "改用这个文件夹里的文本编码器。"))  # fmt: skip
    pretrained_fp16_vae_path: str = setting(
        "", ("VAE path", "VAE 路径"),
        ("Takes the VAE from here instead of the model's: a diffusers folder, or a .safetensors file in one.",
         "改用此处的 VAE：diffusers 文件夹，或其中的 .safetensors 文件。"))  # fmt: skip
    dataloader_num_workers: int = setting(
        0, ("Loader processes", "读取进程数"),
        ("Kept for the seed's command line; everything is encoded once beforehand, so nothing waits for pictures.",
         "为兼容原始命令行而保留；所有图片都会预先编码一次，训练时无需等待读图。"), 0, 256, 1)  # fmt: skip
    training_strategy: str = setting(
        "auto", ("Strategy", "并行策略"),
        ("How several devices share the work: auto takes DDP; the DeepSpeed stages need that package.",
         "多个设备如何分工：auto 使用 DDP；DeepSpeed 各阶段需另装该软件包。"), choices=STRATEGIES)  # fmt: skip
    devices: int = setting(
        1, ("Devices", "设备数"),
        ("GPUs on each machine; each takes batches of its own.", "每台机器使用几块 GPU；各自处理不同的批次。"),
        1, 1024, 1)  # fmt: skip
    num_nodes: int = setting(
        1, ("Machines", "机器数"),
        ("Machines that train together, started by torchrun or SLURM.",
         "一起训练的机器数，由 torchrun 或 SLURM 启动。"), 1, 10_000, 1)  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        check_name(self.name)
        for name in ("width", "height"):
            if 0 < getattr(self, name) < LEAST_SIDE_PX:
                told = self.settings()[name]
                raise OutOfRange(
                    name, label=told.label, value=getattr(self, name), low=LEAST_SIDE_PX, high=4096
                )
        if not self.targets:
            raise NoTargets("lora_target_modules")

    @property
    def keeps_priors(self) -> bool:
        """Whether some pictures are learnt with other prompts, so that these stay as they are."""
        return self.prior_share > 0 and bool(self.prior_prompts)

    @property
    def targets(self) -> tuple[str, ...]:
        """Ends of the names of the layers to train; `to_out` stands for `to_out.0`, as in the seed's script."""
        names = [name.strip() for name in self.lora_target_modules.split(",")]
        return tuple(dict.fromkeys("to_out.0" if name == "to_out" else name for name in names if name))

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        """As for every request; and a bare 32 is a precision too."""
        return str(value) if name == "precision" and type(value) is int else super()._read(name, value)


def check_name(name: str) -> None:
    """See that a name can be a file's on any system; empty is fine. Raises NameRefused."""
    stem = name.split(".")[0].strip().lower()
    is_fit = (
        len(name) <= MOST_NAME_CHARACTERS
        and name.isprintable()
        and not any(mark in _NOT_IN_FILE_NAMES for mark in name)
        and not name.startswith((".", "-"))
        and not name.endswith(".")
        and name == name.strip()
        and stem not in _TAKEN_BY_WINDOWS
    )
    if not is_fit:
        raise NameRefused("name", name=name[:MOST_NAME_CHARACTERS], most=MOST_NAME_CHARACTERS)
