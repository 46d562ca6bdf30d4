"""Every text can be read on its ground: WCAG AA, by day and by night."""

import re

import pytest

from studio.settings import ROOT
from studio.ui import theme

PAIRS = [
    ("body_text_color", "body_background_fill"), ("body_text_color", "block_background_fill"),
    ("body_text_color_subdued", "body_background_fill"), ("body_text_color_subdued", "block_background_fill"),
    ("body_text_color_subdued", "background_fill_secondary"), ("block_info_text_color", "block_background_fill"),
    ("block_title_text_color", "block_background_fill"), ("block_label_text_color", "block_label_background_fill"),
    ("input_placeholder_color", "input_background_fill"), ("error_text_color", "error_background_fill"),
    ("error_text_color", "block_background_fill"), ("checkbox_label_text_color_selected", "block_background_fill"),
    ("checkbox_label_text_color_selected", "checkbox_label_background_fill_selected"),
    ("checkbox_label_text_color_selected", "color_accent_soft"), ("body_text_color", "color_accent_soft"),
    ("button_primary_text_color", "button_primary_background_fill"),
    ("button_primary_text_color", "button_primary_background_fill_hover"),
    ("button_secondary_text_color", "button_secondary_background_fill"),
    ("button_secondary_text_color", "button_secondary_background_fill_hover"),
    ("button_cancel_text_color", "button_cancel_background_fill"), ("link_text_color", "block_background_fill"),
]  # fmt: skip


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("ending", ["", "_dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_contrast_is_at_least_four_and_a_half(text, ground, ending):
    made = theme.ink()
    light, dark = sorted((luminance(getattr(made, text + ending)), luminance(getattr(made, ground + ending))))
    assert (dark + 0.05) / (light + 0.05) >= 4.5


def test_nothing_is_fetched_for_the_looks():
    made = theme.ink()
    assert made._stylesheets == []
    for file in (ROOT / "studio" / "ui" / "assets").iterdir():
        words = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|@import|url\(", words), file.name


@pytest.mark.parametrize(
    "file", sorted((ROOT / "studio" / "ui" / "assets").iterdir()), ids=lambda file: file.name
)
def test_no_hook_on_gradios_generated_class_names(file):
    assert "svelte-" not in file.read_text("utf-8")
