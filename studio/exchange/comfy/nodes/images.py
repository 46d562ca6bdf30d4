"""Nodes of finished pictures: where they go, and what is done to them after sampling. File names are never used."""

from studio.exchange.comfy.kind import UPLOAD, node
from studio.exchange.comfy.walk import Visit, lacks, passes


def _decoded(visit: Visit) -> None:
    visit.follow("samples", "latent")
    visit.follow("vae", "vae")


def _saved(visit: Visit) -> None:
    visit.follow("images", "picture")


_IMAGE = "image:IMAGE"
NODES = (
    node("SaveImage", _saved, "images:IMAGE", "filename_prefix", "", is_output=True),
    node("PreviewImage", _saved, "images:IMAGE", "", "", is_output=True),
    node("VAEDecode", _decoded, "samples:LATENT vae:VAE", "", "IMAGE"),
    node("VAEDecodeTiled", _decoded, "samples:LATENT vae:VAE", "tile_size overlap temporal_size temporal_overlap", "IMAGE"),
    node("LoadImage", passes(), "", f"image {UPLOAD}", "IMAGE MASK"),
    node("ImageScale", lacks("image"), _IMAGE, "upscale_method width height crop", "IMAGE"),
    node("ImageScaleBy", lacks("image"), _IMAGE, "upscale_method scale_by", "IMAGE"),
    node("ImageScaleToTotalPixels", lacks("image"), _IMAGE, "upscale_method megapixels", "IMAGE"),
    node("ImageUpscaleWithModel", lacks("image"), f"upscale_model:UPSCALE_MODEL {_IMAGE}", "", "IMAGE"),
    node("ImageSharpen", lacks("image"), _IMAGE, "sharpen_radius sigma alpha", "IMAGE"),
)  # fmt: skip
