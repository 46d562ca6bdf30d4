"""What can be asked for around a set of pictures: what it is needed for, what to bring in, how to check, split, vary,
caption and export it. Page and command line read these field lines."""

from dataclasses import dataclass

from studio.requests import MOST_SEED, Request, setting

GOALS = ("style", "character", "object", "product", "place", "other")
KINDS = ("any", "photo", "drawing")
TONES = ("any", "colour", "black-and-white")
USES = ("private", "public", "commercial")
LICENCE_FILTERS = ("open", "public-domain")
CAPTION_LANGUAGES = ("en", "zh")
WHICH = ("missing", "all", "selected")
VARIATIONS = ("flip", "rotate", "scale", "crop", "colour")
TRIGGER_EDITS = ("keep", "put", "remove")


@dataclass(frozen=True, kw_only=True)
class Need(Request):
    """What a set of pictures is for; the checks measure against it."""

    goal: str = setting(
        "style", ("Goal", "目标"),
        ("What the LoRA should learn; decides how many pictures are enough.", "LoRA 要学什么；决定需要多少图片。"),
        choices=GOALS)  # fmt: skip
    kind: str = setting(
        "any", ("Kind of picture", "图片种类"),
        ("Photos, drawings, or either; pictures of the other kind are pointed out.",
         "照片、绘画或不限；不符合的图片会被指出。"), choices=KINDS)  # fmt: skip
    tone: str = setting(
        "any", ("Tone", "色调"),
        ("Colour, black-and-white, or either; pictures of the other sort are pointed out.",
         "彩色、黑白或不限；不符合的图片会被指出。"), choices=TONES)  # fmt: skip
    model: str = setting(
        "storybook", ("Base model", "底模"),
        ("The model that will learn; its caption limit is the one that counts.",
         "将要学习的模型；说明文字的长度上限以它为准。"))  # fmt: skip
    resolution: int = setting(
        256, ("Resolution", "分辨率"),
        ("Side in pixels of the square the model learns at: 256 for Storybook, 1024 for Kolors and SDXL.",
         "模型训练所用正方形的边长（像素）：Storybook 为 256，Kolors 与 SDXL 为 1024。"), 64, 4096, 8)  # fmt: skip
    train_count: int = setting(
        24, ("Training pictures", "训练图片数"),
        ("How many pictures to learn from; 15-50 for a character, 24-200 for a style.",
         "用多少张图片来学习；角色 15-50 张，风格 24-200 张。"), 1, 10_000_000, 1)  # fmt: skip
    validation_count: int = setting(
        0, ("Validation pictures", "验证图片数"),
        ("How many are kept aside to measure progress; 0 takes a tenth of sets of 40 or more.",
         "留出多少张来衡量进展；0 表示 40 张以上的数据集取十分之一。"), 0, 1_000_000, 1)  # fmt: skip
    use: str = setting(
        "private", ("Use", "用途"),
        ("Where the LoRA will be used; licences are judged by it.", "LoRA 的用途；据此判断各图片的许可是否合适。"),
        choices=USES)  # fmt: skip
    trigger_word: str = setting(
        "", ("Trigger word", "触发词"),
        ("Word that calls up what is learnt; best an invented one. Empty if captions need none.",
         "用来唤出所学内容的词，最好是自造的；不需要可留空。"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ImportRequest(Request):
    """Pictures to bring into a set."""

    source: str = setting(
        "folder", ("Source", "来源"),
        ("Where the pictures come from.", "图片从哪里来。"))  # fmt: skip
    where: str = setting(
        "", ("Where", "位置"),
        ("A folder, archive, dataset id or list of addresses, as the source wants it.",
         "文件夹、压缩包、数据集编号或网址列表，视来源而定。"))  # fmt: skip
    query: str = setting(
        "", ("Search words", "搜索词"),
        ("What to look for; for synthetic and generated pictures, what to paint.",
         "搜索内容；对合成与生成的图片，则是要画的内容。"))  # fmt: skip
    count: int = setting(
        50, ("At most", "最多"),
        ("How many pictures at most; 0 takes all there are.", "最多取多少张；0 表示全部。"), 0, 10_000_000, 1)  # fmt: skip
    licence: str = setting(
        "open", ("Licences", "许可"),
        ("Open takes public domain and attribution licences; public-domain takes only what needs no credit.",
         "open 包括公有领域和署名许可；public-domain 只取无需署名的。"), choices=LICENCE_FILTERS)  # fmt: skip
    caption: str = setting(
        "", ("Caption", "说明"),
        ("Given to pictures that bring no caption of their own.", "用于自身没有说明的图片。"))  # fmt: skip
    caption_language: str = setting(
        "en", ("Caption language", "说明语言"),
        ("Language of captions, where a source has several.", "来源提供多种语言时采用哪一种。"),
        choices=CAPTION_LANGUAGES)  # fmt: skip
    style: str = setting(
        "flat", ("Drawing style", "画风"),
        ("How synthetic scenes are drawn.", "合成场景的画法。"))  # fmt: skip
    seed: int = setting(
        0, ("Seed", "种子"),
        ("Another seed gives other synthetic or generated pictures.", "换一个种子会得到不同的合成或生成图片。"),
        0, MOST_SEED, 1)  # fmt: skip
    honour_opt_outs: bool = setting(
        True, ("Honour opt-outs", "尊重退出声明"),
        ("Leave out pictures whose site or file says that they are not for training.",
         "跳过网站或文件声明不可用于训练的图片。"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CheckRequest(Request):
    """How a set is to be checked; what it is for is its `Need`."""

    batch_size: int = setting(
        1, ("Batch size", "批大小"),
        ("Batch that training will use; shows how many pictures its buckets would drop.",
         "训练时的批大小；用来看分桶会漏掉多少图片。"), 1, 1024, 1)  # fmt: skip
    random_flip: bool = setting(
        False, ("Random flip", "随机翻转"),
        ("Whether training will mirror pictures; then captions with left, right or letters are pointed out.",
         "训练时是否随机翻转；若是，则指出含左右或文字的说明。"))  # fmt: skip
    steps: int = setting(
        0, ("Steps", "总步数"),
        ("Steps that training will take; 0 leaves the balance of steps and pictures unjudged.",
         "训练总步数；0 表示不判断步数与图片数是否相称。"), 0, 10_000_000, 1)  # fmt: skip
    uses_buckets: bool = setting(
        True, ("Aspect buckets", "按比例分桶"),
        ("Whether training keeps each picture's shape; off, all are cut to one square.",
         "训练时是否保留图片比例；关闭则全部裁成正方形。"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SplitRequest(Request):
    """How many pictures to keep aside, and how they are drawn."""

    validation_share: float = setting(
        0.1, ("Validation share", "验证比例"),
        ("Share of the pictures kept aside, whole groups of near-duplicates together; 0.05-0.2 is usual.",
         "留作验证的图片比例，近似重复的图片整组在一起；常用 0.05-0.2。"), 0.0, 0.5, 0.01)  # fmt: skip
    validation_count: int = setting(
        0, ("Validation pictures", "验证图片数"),
        ("How many to keep aside; 0 goes by the share.", "留出多少张；0 表示按比例。"), 0, 1_000_000, 1)  # fmt: skip
    seed: int = setting(
        0, ("Seed", "种子"),
        ("Another seed keeps other pictures aside.", "换一个种子会留出不同的图片。"), 0, MOST_SEED, 1)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class AugmentRequest(Request):
    """Varied copies of training pictures."""

    variations: tuple[str, ...] = setting(
        ("flip", "crop"), ("Variations", "变化方式"),
        ("What is varied: flip, rotate, scale, crop, colour.", "变化哪些方面：翻转、旋转、缩放、裁剪、色彩。"))  # fmt: skip
    copies: int = setting(
        1, ("Copies", "份数"),
        ("Varied copies of each picture; 1-3 is usual, real pictures are better.",
         "每张图片做几份；常用 1-3，真实图片总是更好。"), 1, 16, 1)  # fmt: skip
    degrees: float = setting(
        4.0, ("Rotation", "旋转角度"),
        ("Largest turn in degrees either way; edges are cut off.", "向两侧最多旋转多少度；边缘会被裁去。"), 0.0, 45.0, 0.5)  # fmt: skip
    zoom: float = setting(
        1.15, ("Scale", "缩放"),
        ("Largest enlargement, 1 is none.", "最大放大倍数，1 表示不变。"), 1.0, 2.0, 0.01)  # fmt: skip
    cut: float = setting(
        0.1, ("Crop", "裁剪"),
        ("Largest share of each side that is cut off.", "每边最多裁去的比例。"), 0.0, 0.5, 0.01)  # fmt: skip
    colour: float = setting(
        0.1, ("Colour", "色彩"),
        ("Largest change of brightness, contrast and saturation.", "亮度、对比度与饱和度的最大变化。"), 0.0, 0.5, 0.01)  # fmt: skip
    seed: int = setting(
        0, ("Seed", "种子"),
        ("Another seed varies otherwise.", "换一个种子会得到不同的变化。"), 0, MOST_SEED, 1)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CaptionRequest(Request):
    """Captions to be written by a model."""

    captioner: str = setting(
        "blip", ("Captioner", "描述模型"),
        ("Which kind of model describes the pictures.", "用哪类模型描述图片。"))  # fmt: skip
    weights: str = setting(
        "", ("Weights", "权重"),
        ("Folder with the captioner's weights; empty looks in models/weights.", "描述模型的权重文件夹；留空则在 models/weights 中查找。"))  # fmt: skip
    caption_language: str = setting(
        "en", ("Language", "语言"),
        ("Language to ask for; only some captioners know Chinese.", "用什么语言描述；只有部分模型会中文。"),
        choices=CAPTION_LANGUAGES)  # fmt: skip
    prompt: str = setting(
        "", ("Instruction", "指令"),
        ("What to tell the captioner; empty takes its usual one.", "给描述模型的指令；留空用默认指令。"))  # fmt: skip
    template: str = setting(
        "{caption}", ("Template", "模板"),
        ("What the caption becomes; {caption} and {trigger} are filled in.",
         "说明的最终形式；{caption} 和 {trigger} 会被替换。"))  # fmt: skip
    which: str = setting(
        "missing", ("Which pictures", "哪些图片"),
        ("Only those without a caption, all, or those selected.", "仅缺少说明的、全部，或所选的。"), choices=WHICH)  # fmt: skip
    most_tokens: int = setting(
        96, ("Longest caption", "最长说明"),
        ("Tokens at most in a caption.", "说明最多多少个词元。"), 8, 512, 1)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wording(Request):
    """A change to many captions at once; what is left as it stands here changes nothing."""

    find: str = setting(
        "", ("Find", "查找"),
        ("Words to look for, as they stand; empty looks for none.", "要查找的文字，按原样匹配；留空则不查找。"))  # fmt: skip
    replace: str = setting(
        "", ("Replace with", "替换为"),
        ("What comes in their place; empty takes them out.", "替换成什么；留空则删去。"))  # fmt: skip
    whole_word: bool = setting(
        False, ("Whole words", "整词匹配"),
        ("Find 'cat' but not in 'cattle'; Chinese is found anywhere.", "查找 cat 时不会命中 cattle；中文不受影响。"))  # fmt: skip
    ignore_case: bool = setting(
        False, ("Ignore case", "忽略大小写"),
        ("Find 'cat' in 'Cat' too.", "查找 cat 时也会命中 Cat。"))  # fmt: skip
    prefix: str = setting(
        "", ("Prefix", "前缀"),
        ("Put before every caption that doesn't begin with it, exactly as typed.", "加在每条说明之前，按原样；已有的不重复加。"))  # fmt: skip
    suffix: str = setting(
        "", ("Suffix", "后缀"),
        ("Put after every caption that doesn't end with it, exactly as typed.", "加在每条说明之后，按原样；已有的不重复加。"))  # fmt: skip
    trigger: str = setting(
        "keep", ("Trigger word is", "触发词处理"),
        ("Put moves it to the start of every caption, remove takes it out.", "put 把它放到每条说明开头，remove 把它删去。"),
        choices=TRIGGER_EDITS)  # fmt: skip
    trigger_word: str = setting(
        "", ("Trigger word", "触发词"),
        ("The word that is put or removed.", "要放置或删去的词。"))  # fmt: skip
    template: str = setting(
        "{caption}", ("Template", "模板"),
        ("What each caption becomes; {caption}, {trigger} and {tags} are filled in.",
         "每条说明的新形式；{caption}、{trigger} 和 {tags} 会被替换。"))  # fmt: skip
    add_tags: str = setting(
        "", ("Add tags", "添加标签"),
        ("Put at the end of captions that haven't them, between commas.", "加到没有它们的说明末尾，用逗号分隔。"))  # fmt: skip
    remove_tags: str = setting(
        "", ("Remove tags", "删除标签"),
        ("Parts between commas to take out.", "要删去的、逗号之间的部分。"))  # fmt: skip
    drop_repeated_tags: bool = setting(
        False, ("Drop repeated tags", "去除重复标签"),
        ("Keep each part between commas only once.", "逗号之间的相同部分只保留一次。"))  # fmt: skip
    tidy: bool = setting(
        False, ("Tidy up", "整理"),
        ("Mend spaces, line breaks and stray commas.", "整理空格、换行和多余的逗号。"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ExportRequest(Request):
    """A set written for a trainer or for others."""

    format: str = setting(
        "imagefolder", ("Format", "格式"),
        ("Layout to write: imagefolder is what training here reads.", "写成哪种布局；imagefolder 供本程序训练使用。"))  # fmt: skip
    out: str = setting(
        "", ("Folder", "文件夹"),
        ("Where to write; must be new or empty.", "写到哪里；应为新建或空文件夹。"))  # fmt: skip
    picture_format: str = setting(
        "png", ("Picture format", "图片格式"),
        ("png keeps every pixel; jpeg is a tenth of the size.", "png 无损；jpeg 体积约为十分之一。"),
        choices=("png", "jpeg", "webp"))  # fmt: skip
    longest_side: int = setting(
        0, ("Longest side", "最长边"),
        ("Larger pictures are scaled down to this many pixels; 0 keeps them.", "更大的图片缩小到这么多像素；0 表示不缩小。"),
        0, 16384, 8)  # fmt: skip
    repeats: int = setting(
        1, ("Repeats", "重复次数"),
        ("How often an epoch shows each picture, for layouts that write it down (kohya).",
         "每轮重复每张图片几次，仅用于会记录它的布局（kohya）。"), 1, 10_000, 1)  # fmt: skip
