"""Everything that can go wrong in words that a reader can act on.

Each class is one fact, with its sentence in both languages: it names the thing, the value and the way out.

    StudioError
    ├── RequestError            a value that a request can't hold; `field` names it
    │   ├── OutOfRange
    │   ├── WrongType
    │   ├── UnknownField
    │   ├── UnknownChoice
    │   ├── NotForFlow
    │   ├── PresetBroken
    │   ├── MaskAlone
    │   ├── MaskBlack
    │   ├── StartMissing
    │   ├── TooManyDrawn        (studio.wildcards)
    │   └── TooManyLoras
    ├── ModelError
    │   ├── ModelMissing
    │   ├── ModelNotHere
    │   ├── ModelUnknown
    │   ├── WeightsMissing
    │   │   └── TokenizerMissing
    │   ├── WeightsBroken
    │   ├── WeightsIncomplete
    │   └── PickleRefused
    ├── LoraError
    │   ├── LoraMissing
    │   ├── LoraBroken
    │   ├── LoraHoldsCode
    │   ├── LoraKindUnknown
    │   ├── LoraFitsNothing
    │   └── LoraForAnotherFamily
    ├── EngineError
    │   ├── OutOfMemory
    │   ├── NotFinite
    │   ├── EngineDied
    │   └── Unexpected
    ├── StorageError
    │   ├── DiskFull
    │   └── NotWritable
    ├── PictureError            (studio.picture_errors)
    └── ServeError
        ├── AddressTaken
        └── SharingRefused
"""

from typing import ClassVar

from studio.words import Language, Said, Text


class StudioError(Exception):
    """A sentence for the reader. `field` names the request field whose control it belongs to, if any."""

    text: ClassVar[Text]
    field: str | None

    def __init__(self, field: str | None = None, /, **values: object) -> None:
        self.field = field
        self.values = values
        super().__init__(self.say("en"))

    def say(self, language: Language) -> str:
        """The sentence in one language."""
        return self.text.say(language, **self.values)

    def __reduce__(self) -> tuple[object, ...]:
        return (_again, (type(self), self.field, self.values))


def _again(kind: type[StudioError], field: str | None, values: dict[str, object]) -> StudioError:
    return kind(field, **values)


class RequestError(StudioError):
    """A value that a request can't hold."""


class OutOfRange(RequestError):
    """A number outside its field's range."""

    text = Text(
        "{label} is {value}; it must be between {low} and {high}.",
        "“{label}”现在是 {value}，应在 {low} 到 {high} 之间。",
    )


class WrongType(RequestError):
    """A value of the wrong sort."""

    text = Text("{label} is {value!r}; it must be {wanted}.", "“{label}”现在是 {value!r}，应为{wanted}。")


class UnknownField(RequestError):
    """A key that no field has."""

    text = Text(
        "{where} sets '{key}', which does not exist. Known settings: {known}.",
        "{where} 设置了不存在的“{key}”。可用的设置：{known}。",
    )


class UnknownChoice(RequestError):
    """A name that is not among the choices."""

    text = Text(
        "{label} '{value}' does not exist here. Choose one of: {known}.",
        "这里没有名为“{value}”的{label}。可选：{known}。",
    )


class NotForFlow(RequestError):
    """A sampler that a flow model can't be sampled with."""

    text = Text(
        "The sampler '{value}' does not fit flow models such as Flux, SD3 and Z-Image. Choose one of: {known}.",
        "采样器“{value}”不适用于 Flux、SD3、Z-Image 这类流匹配模型。可选：{known}。",
    )


class PresetBroken(RequestError):
    """A preset or style file that can't be read, or holds what no request can."""

    text = Text(
        "{file} can't be used: {reason} Mend or remove that file.",
        "{file} 无法使用：{reason}请修正或删除该文件。",
    )

    @classmethod
    def because(cls, file: str, error: Exception) -> "PresetBroken":
        """What an exception met while reading `file` means to its reader."""
        if isinstance(error, StudioError):
            return cls(error.field, file=file, reason=Said(error.text, error.values))
        if isinstance(error, KeyError):
            return cls(None, file=file, reason=Said(Text("it lacks {key}.", "缺少 {key}。"), {"key": error}))
        return cls(None, file=file, reason=Said(Text("{why}.", "{why}。"), {"why": str(error)[:200]}))


class MaskAlone(RequestError):
    """A mask without the picture that it masks."""

    text = Text(
        "There is a mask but no start picture; give the picture that it belongs to, or take the mask away.",
        "只有遮罩，没有起始图；请提供遮罩对应的图片，或去掉遮罩。",
    )


class MaskBlack(RequestError):
    """A mask that leaves nothing to paint."""

    text = Text(
        "The mask is black everywhere, so nothing would be painted; make the parts to paint anew white.",
        "遮罩全黑，没有可重绘的部分；请把要重绘的地方涂白。",
    )


class StartMissing(RequestError):
    """A picture to begin with, or a mask, that isn't kept here."""

    text = Text(
        "The picture that this recipe begins with is not kept here; give the picture again.",
        "这份参数所用的起始图或遮罩不在本机；请重新提供图片。",
    )


class TooManyLoras(RequestError):
    """More LoRAs than one picture may mix."""

    text = Text(
        "{count} LoRAs were asked for; at most {most} can be mixed.",
        "选了 {count} 个 LoRA；最多可同时使用 {most} 个。",
    )


class ModelError(StudioError):
    """A model that can't be used."""


class ModelMissing(ModelError):
    """A model name without a card or a folder."""

    text = Text(
        "There is no model '{name}' here. Models found: {known}.",
        "这里没有名为“{name}”的模型。已有模型：{known}。",
    )


class ModelNotHere(ModelError):
    """A model that has a card, but whose weights were not downloaded yet."""

    text = Text(
        "Model '{name}' is not on this disk yet. Get it under Models on the page, or with: python -m studio models get {name} "
        "(from {url} into {folder}); or choose another model.",
        "模型“{name}”尚未下载。请在页面的“模型库”里获取，或运行：python -m studio models get {name}"
        "（从 {url} 下载到 {folder}）；也可改用其他模型。",
    )


class ModelUnknown(ModelError):
    """Something in models/weights that looks like a model and can't be used."""

    text = Text(
        "models/weights/{file} can't be used: {reason}.",
        "无法使用 models/weights/{file}：{reason}。",
    )


class WeightsMissing(ModelError):
    """A file that a model's folder should hold."""

    text = Text(
        "Model '{name}' lacks its file {file}. Copy the model's folder again, complete.",
        "模型“{name}”缺少文件 {file}。请重新复制完整的模型文件夹。",
    )


class TokenizerMissing(WeightsMissing):
    """A tokenizer, which some layouts of a model come without."""

    text = Text(
        "Model '{name}' lacks its tokenizer. Copy {source} to {file} in the model's folder.",
        "模型“{name}”缺少分词器。请把 {source} 复制到模型文件夹中的 {file}。",
    )


class WeightsBroken(ModelError):
    """A weight file that can't be read."""

    text = Text(
        "The file {file} of model '{name}' is damaged ({reason}). Copy it again.",
        "模型“{name}”的文件 {file} 已损坏（{reason}）。请重新复制该文件。",
    )


class WeightsIncomplete(ModelError):
    """Weights without some of the tensors that the network needs."""

    text = Text(
        "Model '{name}': {part} lacks {missing} of {total} tensors, first {first}. Copy its weights again.",
        "模型“{name}”的 {part} 缺少 {missing}/{total} 个张量，首个为 {first}。请重新复制权重。",
    )


class PickleRefused(ModelError):
    """A pickle, which can run code, where safetensors is expected."""

    text = Text(
        "{file} is a pickle, which can run code when opened. Use a .safetensors file instead.",
        "{file} 是 pickle 文件，打开时可能执行代码。请改用 .safetensors 文件。",
    )


class LoraError(StudioError):
    """A LoRA that can't be used."""


class LoraMissing(LoraError):
    """A LoRA name without a file."""

    text = Text(
        "There is no LoRA '{name}'. Put its .safetensors file into models/loras and press Refresh.",
        "找不到 LoRA“{name}”。请把它的 .safetensors 文件放进 models/loras，然后点“刷新”。",
    )


class LoraBroken(LoraError):
    """A LoRA file that can't be read."""

    text = Text(
        "The LoRA file {name} is damaged ({reason}). Copy or download it again.",
        "LoRA 文件 {name} 已损坏（{reason}）。请重新复制或下载。",
    )


class LoraHoldsCode(LoraError):
    """A torch file that asks for more than tensors."""

    text = Text(
        "The LoRA file {file} asks to run code when opened ({what}); it was not opened. Use a .safetensors file instead.",
        "LoRA 文件 {file} 打开时要求执行代码（{what}），因此没有打开。请改用 .safetensors 文件。",
    )


class LoraKindUnknown(LoraError):
    """A file whose layers change a model in a way that nothing here can hold."""

    text = Text(
        "The LoRA file {name} is of the kind {kind}, which can't be used here. Use a LoRA, DoRA, LoHa or LoKr file.",
        "LoRA 文件 {name} 属于 {kind} 类型，这里无法使用。请改用 LoRA、DoRA、LoHa 或 LoKr 文件。",
    )


class LoraFitsNothing(LoraError):
    """A LoRA none of whose layers match the model."""

    text = Text(
        "LoRA '{name}' fits none of the {total} layers of {model}; it was made for another model. "
        "Pick a LoRA for {model}, or switch it off.",
        "LoRA“{name}”与 {model} 的 {total} 个层都不匹配，它是为别的模型训练的。请换一个适用于 {model} 的 LoRA，或将其关闭。",
    )


class LoraForAnotherFamily(LoraError):
    """A LoRA whose header or layer sizes name another family."""

    text = Text(
        "LoRA '{name}' was made for {made_for}, but {model} is {family}. Pick a {made_for} model or another LoRA.",
        "LoRA“{name}”是为 {made_for} 训练的，而 {model} 属于 {family}。请选 {made_for} 模型，或换一个 LoRA。",
    )


class EngineError(StudioError):
    """A failure while a picture was being made."""


class OutOfMemory(EngineError):
    """The device's memory ran out."""

    text = Text(
        "{device} ran out of memory at {stage}. Choose a smaller size or fewer pictures at once.",
        "{device} 在“{stage}”阶段内存不足。请减小尺寸，或减少一次生成的张数。",
    )


class NotFinite(EngineError):
    """Latents that hold NaN or infinity, which would decode to black."""

    text = Text(
        "The picture came out empty (NaN after {stage}). Lower the LoRA weights or guidance, or set precision to fp32.",
        "画面计算溢出（{stage} 之后出现 NaN）。请降低 LoRA 权重或引导强度，或把精度设为 fp32。",
    )


class EngineDied(EngineError):
    """The worker process ended on its own."""

    text = Text(
        "The engine stopped unexpectedly ({reason}). It is being started again; your settings are kept. "
        "Press Generate once more.",
        "引擎意外停止（{reason}），正在重新启动；你的设置都还在。请再点一次“生成”。",
    )


class Unexpected(EngineError):
    """A failure that nobody foresaw; the log has the details under this number."""

    text = Text(
        "Something unforeseen went wrong (number {number}, see the log: {log}). Your settings are kept; try again.",
        "发生了意料之外的错误（编号 {number}，详见日志 {log}）。你的设置都还在，请重试。",
    )


class StorageError(StudioError):
    """A disk that doesn't take what is written."""


class DiskFull(StorageError):
    """No room left for a picture."""

    text = Text(
        "The disk of {folder} is full ({free_mb} MB free). Free some space, then generate again.",
        "{folder} 所在磁盘已满（剩余 {free_mb} MB）。请腾出空间后再生成。",
    )


class NotWritable(StorageError):
    """A folder that can't be written."""

    text = Text(
        "{folder} can't be written ({reason}). Choose another folder with --output or mend its permissions.",
        "无法写入 {folder}（{reason}）。请用 --output 指定其他文件夹，或修改其权限。",
    )


class ServeError(StudioError):
    """A page that can't be served as asked."""


class AddressTaken(ServeError):
    """An address that can't be listened on."""

    text = Text(
        "Port {port} of {host} can't be used ({reason}). If a studio runs there already, open http://{host}:{port}; "
        "otherwise choose another port: python app.py --port {other}",
        "无法使用 {host} 的端口 {port}（{reason}）。如果程序已在运行，请直接打开 http://{host}:{port}；"
        "否则请换一个端口：python app.py --port {other}",
    )


class SharingRefused(ServeError):
    """A public link on a host that has one already."""

    text = Text(
        "No public link is needed on {host}: it has its own address. Leave --share out.",
        "{host} 上已有自己的网址，不需要公开链接。请去掉 --share。",
    )
