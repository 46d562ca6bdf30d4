"""Pictures of random shapes on soft ground, each seed another: no two are near-duplicates, all are sharp and whole."""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Pixels = NDArray[np.uint8]


def pixels(seed: int, width: int = 256, height: int = 256) -> Pixels:
    """RGB pixels (H, W, 3)."""
    draw = np.random.default_rng(seed)
    side = int(draw.integers(4, 14))
    ground = draw.integers(0, 255, (side, side, 3), np.uint8)
    made = cv2.resize(ground, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(draw.integers(4, 24))):
        spot = int(draw.integers(0, width)), int(draw.integers(0, height))
        colour = tuple(int(value) for value in draw.integers(0, 255, 3))
        if draw.random() < 0.5:
            cv2.circle(made, spot, int(draw.integers(4, min(width, height) // 5)), colour, -1, cv2.LINE_AA)
        else:
            far = int(draw.integers(0, width)), int(draw.integers(0, height))
            cv2.rectangle(made, spot, far, colour, -1)
    grain = draw.normal(0, 6, made.shape).astype(np.int16)
    return np.clip(made + grain, 0, 255).astype(np.uint8)


def picture(seed: int, width: int = 256, height: int = 256) -> Image.Image:
    """The same as a picture."""
    return Image.fromarray(pixels(seed, width, height))


def jpeg(image: Image.Image, quality: int = 92, **options: object) -> bytes:
    """A JPEG file's bytes."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality, **options)
    return stream.getvalue()


def recompressed(image: Image.Image) -> Image.Image:
    """Saved once more, badly."""
    return Image.open(io.BytesIO(jpeg(image, 40)))


def halved(image: Image.Image) -> Image.Image:
    """Half the size."""
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def brightened(image: Image.Image) -> Image.Image:
    """A quarter brighter."""
    return image.point(lambda value: min(255, round(value * 1.25)))


def watermarked(image: Image.Image) -> Image.Image:
    """Words across the middle."""
    marked = image.copy()
    ImageDraw.Draw(marked).text(
        (image.width // 4, image.height // 2 - 12), "SAMPLE", fill="white", font_size=24
    )
    return marked


def mirrored(image: Image.Image) -> Image.Image:
    """Left and right exchanged."""
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def greyed(image: Image.Image) -> Image.Image:
    """Without colour."""
    return image.convert("L").convert("RGB")


VARIANTS = (recompressed, halved, brightened, watermarked, mirrored, greyed)
