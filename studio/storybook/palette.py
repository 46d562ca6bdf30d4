"""Which paint answers which role: ten named colours with their tones, the fixed paints, and the light of the hour."""

import colorsys
import random

from studio.storybook.shapes import RGB, Role

Palette = dict[Role, RGB]

_TONES: dict[str, tuple[RGB, RGB, RGB, RGB, RGB]] = {
    "red": ((222, 46, 44), (178, 28, 42), (242, 88, 70), (112, 16, 32), (255, 208, 104)),
    "orange": ((247, 136, 28), (218, 102, 16), (255, 170, 74), (146, 62, 8), (255, 244, 214)),
    "yellow": ((253, 212, 46), (241, 188, 32), (255, 232, 120), (168, 108, 10), (240, 120, 60)),
    "green": ((68, 166, 72), (42, 126, 62), (122, 200, 98), (20, 78, 46), (255, 226, 120)),
    "blue": ((44, 110, 216), (30, 78, 172), (94, 156, 242), (16, 44, 108), (255, 214, 110)),
    "purple": ((136, 72, 190), (100, 48, 150), (172, 116, 220), (58, 26, 98), (255, 206, 110)),
    "pink": ((249, 142, 184), (228, 104, 156), (255, 182, 208), (164, 58, 108), (255, 246, 226)),
    "brown": ((138, 86, 48), (104, 62, 36), (174, 118, 72), (64, 36, 22), (250, 214, 140)),
    "white": ((246, 246, 243), (213, 219, 230), (255, 255, 255), (122, 134, 158), (240, 128, 110)),
    "black": ((48, 46, 56), (30, 28, 36), (80, 78, 94), (14, 12, 20), (250, 206, 96)),
}
"""Main, shade, light, deep (the contour) and accent. Tones stay inside the colour's name: light red is no pink."""

_TONE_ROLES: tuple[Role, ...] = ("main", "shade", "light", "deep")

_FIXED: Palette = {
    "dark": (58, 48, 56), "pale": (255, 249, 236), "glass": (190, 229, 245), "wood": (142, 98, 66),
    "leaf": (84, 152, 74), "metal": (158, 166, 180), "gold": (252, 206, 92), "blush": (248, 150, 156),
    "eye": (44, 36, 44), "pupil": (44, 36, 44),
}  # fmt: skip

_OWN: dict[str, Palette] = {
    "white": {"pale": (226, 231, 240)},
    "black": {"dark": (96, 92, 108), "eye": (255, 226, 130)},
    "brown": {"wood": (96, 62, 42), "dark": (48, 36, 38)},
    "green": {"leaf": (122, 150, 52)},
    "pink": {"blush": (255, 216, 224)},
}
"""Where a fixed paint would vanish against the main colour."""

_LIGHT: dict[str, tuple[float, float, float]] = {
    "day": (1.0, 1.0, 1.0),
    "sunset": (1.0, 0.965, 0.93),
    "night": (0.90, 0.92, 0.97),
    "rain": (0.95, 0.965, 0.98),
}


def palette(colour: str, time: str, rng: random.Random) -> Palette:
    """The paints of one thing, its main tones a little off by lot: hue by 4 degrees, saturation and value by 6 %; white
    only by 2 %, lest it turn grey."""
    spread = 0.02 if colour == "white" else 0.06
    hue = rng.uniform(-4, 4) / 360
    saturation, value = 1 + rng.uniform(-spread, spread), 1 + rng.uniform(-spread, spread)
    paints = {**_FIXED, **_OWN.get(colour, {})}
    tones = _TONES[colour]
    for role, tone in zip(_TONE_ROLES, tones, strict=False):
        paints[role] = _nudged(tone, hue, saturation, value)
    paints["accent"] = tones[4]
    return {role: lit(paint, time) for role, paint in paints.items()}


def lit(paint: RGB, time: str) -> RGB:
    """A thing's paint under the light of the hour; only slightly off, so that its name stays true."""
    red, green, blue = _LIGHT[time]
    return round(paint[0] * red), round(paint[1] * green), round(paint[2] * blue)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """`a` with a `share` in [0, 1] of `b`."""
    red, green, blue = (round(p + (q - p) * share) for p, q in zip(a, b, strict=True))
    return red, green, blue


def luminance(paint: RGB) -> float:
    """Perceived brightness in [0, 1] (Rec. 601 weights)."""
    return (0.299 * paint[0] + 0.587 * paint[1] + 0.114 * paint[2]) / 255


def _nudged(paint: RGB, hue: float, saturation: float, value: float) -> RGB:
    h, s, v = colorsys.rgb_to_hsv(*(channel / 255 for channel in paint))
    red, green, blue = colorsys.hsv_to_rgb((h + hue) % 1, min(1.0, s * saturation), min(1.0, v * value))
    return round(red * 255), round(green * 255), round(blue * 255)
