"""Nodes of latents: empty ones say the size; others change a picture's size on its way."""

from studio.exchange.comfy.kind import node
from studio.exchange.comfy.walk import Visit, lacks, passes
from studio.words import Said, Text

FLOORED = Text(
    "{theirs} pixels are not a multiple of 8; ComfyUI draws {ours}, and so does this.",
    "{theirs} 像素不是 8 的倍数；ComfyUI 实际画 {ours}，这里也一样。",
)
ONE_GENERATOR = Text(
    "A batch of {count}: ComfyUI draws all its noise from one seed; here each picture has its own, counting up, so only "
    "the first is the same.",
    "一批 {count} 张：ComfyUI 用同一个种子抽取整批噪声；这里每张各用一个递增的种子，因此只有第一张相同。",
)
FROM_PICTURE = Text(
    "Node {node} starts from a picture; this form starts from noise.",
    "节点 {node} 从一张图片开始；本表单从噪声开始。",
)
STEP_PX = 8


def take_side(visit: Visit, field: str, pixels: int | None) -> None:
    """A width or height in pixels, as what is really drawn of it."""
    if pixels is None:
        return
    drawn = pixels // STEP_PX * STEP_PX
    if drawn != pixels:
        visit.approximate(FLOORED, theirs=pixels, ours=drawn)
    visit.map(field, drawn)


def take_count(visit: Visit, count: int | None) -> None:
    """How many pictures at once."""
    visit.map("count", count)
    if count is not None and count > 1:
        visit.approximate(ONE_GENERATOR, count=count)


def _empty(visit: Visit) -> None:
    take_side(visit, "width", visit.whole("width"))
    take_side(visit, "height", visit.whole("height"))
    take_count(visit, visit.whole("batch_size"))


def _encoded(visit: Visit) -> None:
    """A picture made into latents: another sampler's, or one from a file."""
    visit.follow("pixels", "picture")
    if not visit.found.has_sampler:
        visit.leave(Said(FROM_PICTURE, {"node": visit.node.name}))


_SIZE, _SAMPLES = "width height batch_size", "samples:LATENT"
NODES = (
    node("EmptyLatentImage", _empty, "", _SIZE, "LATENT"),
    node("EmptySD3LatentImage", _empty, "", _SIZE, "LATENT"),
    node("EmptyFlux2LatentImage", _empty, "", _SIZE, "LATENT"),
    node("VAEEncode", _encoded, "pixels:IMAGE vae:VAE", "", "LATENT"),
    node("VAEEncodeForInpaint", _encoded, "pixels:IMAGE vae:VAE mask:MASK", "grow_mask_by", "LATENT"),
    node("VAEEncodeTiled", _encoded, "pixels:IMAGE vae:VAE", "tile_size overlap temporal_size temporal_overlap", "LATENT"),
    node("LatentUpscale", lacks("samples"), _SAMPLES, "upscale_method width height crop", "LATENT"),
    node("LatentUpscaleBy", lacks("samples"), _SAMPLES, "upscale_method scale_by", "LATENT"),
    node("SetLatentNoiseMask", lacks("samples"), f"{_SAMPLES} mask:MASK", "", "LATENT"),
    node("RepeatLatentBatch", lacks("samples"), _SAMPLES, "amount", "LATENT"),
    node("LatentFromBatch", passes("samples"), _SAMPLES, "batch_index length", "LATENT"),
)  # fmt: skip
