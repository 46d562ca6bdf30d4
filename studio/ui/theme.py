"""Ink and paper: warm paper, black ink, one cinnabar seal. Local fonts only; nothing is fetched."""

from typing import Any

from gradio.themes import Base
from gradio.themes.utils import sizes

PAPER, SHEET, WASH, LINE = "#f6f1e6", "#fffdf8", "#efe8d9", "#d9cfbb"
INK, PALE_INK = "#211d17", "#5f5648"
SEAL, SEAL_DEEP, SEAL_WASH = "#b03a20", "#8f2c16", "#f7e3da"

NIGHT, SLATE, SLATE_WASH, SLATE_LINE = "#16130f", "#201c17", "#2a251e", "#453d32"
CHALK, PALE_CHALK = "#efe8da", "#b9ae9b"
EMBER, EMBER_DEEP, EMBER_TEXT, EMBER_WASH = "#c0432a", "#a5341d", "#f19a80", "#3b211a"

_FONTS = (
    "Inter", "system-ui", "-apple-system", "Segoe UI", "Roboto", "PingFang SC", "Hiragino Sans GB",
    "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", "sans-serif",
)  # fmt: skip
_MONO = ("ui-monospace", "SF Mono", "Consolas", "Noto Sans Mono", "monospace")


def ink() -> Base:
    """The studio's theme. Every pair of text and ground keeps WCAG AA (tests/ui/test_theme.py)."""
    theme = Base(radius_size=sizes.radius_md, spacing_size=sizes.spacing_md, font=_FONTS, font_mono=_MONO)
    colours: dict[str, Any] = {}
    for name, (light, dark) in _COLOURS.items():
        colours |= {name: light, f"{name}_dark": dark}
    theme.set(**colours, **_SHAPES)
    return theme


_COLOURS: dict[str, tuple[str, str]] = {
    "body_background_fill": (PAPER, NIGHT),
    "body_text_color": (INK, CHALK),
    "body_text_color_subdued": (PALE_INK, PALE_CHALK),
    "background_fill_primary": (SHEET, SLATE),
    "background_fill_secondary": (WASH, SLATE_WASH),
    "border_color_accent": (SEAL, EMBER),
    "border_color_accent_subdued": (LINE, SLATE_LINE),
    "border_color_primary": (LINE, SLATE_LINE),
    "color_accent_soft": (SEAL_WASH, EMBER_WASH),
    "link_text_color": (SEAL_DEEP, EMBER_TEXT),
    "link_text_color_hover": (SEAL, CHALK),
    "link_text_color_active": (SEAL, CHALK),
    "link_text_color_visited": (SEAL_DEEP, EMBER_TEXT),
    "block_background_fill": (SHEET, SLATE),
    "block_border_color": (LINE, SLATE_LINE),
    "block_info_text_color": (PALE_INK, PALE_CHALK),
    "block_label_background_fill": (SHEET, SLATE),
    "block_label_text_color": (PALE_INK, PALE_CHALK),
    "block_label_border_color": (LINE, SLATE_LINE),
    "block_title_text_color": (INK, CHALK),
    "accordion_text_color": (INK, CHALK),
    "panel_background_fill": (SHEET, SLATE),
    "panel_border_color": (LINE, SLATE_LINE),
    "input_background_fill": ("#ffffff", "#1a1713"),
    "input_background_fill_focus": ("#ffffff", "#1a1713"),
    "input_border_color": (LINE, SLATE_LINE),
    "input_border_color_focus": (SEAL, EMBER),
    "input_border_color_hover": ("#bfb298", "#5d5344"),
    "input_placeholder_color": ("#71685a", "#9c917f"),
    "checkbox_background_color": ("#ffffff", "#1a1713"),
    "checkbox_background_color_selected": (SEAL, EMBER),
    "checkbox_border_color": ("#8f8471", "#7d715f"),
    "checkbox_border_color_selected": (SEAL, EMBER),
    "checkbox_border_color_focus": (SEAL, EMBER),
    "checkbox_label_background_fill": (SHEET, SLATE),
    "checkbox_label_background_fill_hover": (WASH, SLATE_WASH),
    "checkbox_label_background_fill_selected": (SEAL_WASH, EMBER_WASH),
    "checkbox_label_border_color": (LINE, SLATE_LINE),
    "checkbox_label_border_color_selected": (SEAL, EMBER),
    "checkbox_label_text_color": (INK, CHALK),
    "checkbox_label_text_color_selected": (SEAL_DEEP, EMBER_TEXT),
    "slider_color": (SEAL, EMBER),
    "loader_color": (SEAL, EMBER),
    "stat_background_fill": (SEAL_WASH, EMBER_WASH),
    "table_border_color": (LINE, SLATE_LINE),
    "table_even_background_fill": (SHEET, SLATE),
    "table_odd_background_fill": (WASH, SLATE_WASH),
    "error_background_fill": (SEAL_WASH, EMBER_WASH),
    "error_border_color": (SEAL, EMBER),
    "error_text_color": (SEAL_DEEP, EMBER_TEXT),
    "error_icon_color": (SEAL, EMBER_TEXT),
    "button_primary_background_fill": (SEAL, EMBER),
    "button_primary_background_fill_hover": (SEAL_DEEP, EMBER_DEEP),
    "button_primary_border_color": (SEAL_DEEP, EMBER_DEEP),
    "button_primary_border_color_hover": (SEAL_DEEP, EMBER_DEEP),
    "button_primary_text_color": ("#ffffff", "#ffffff"),
    "button_primary_text_color_hover": ("#ffffff", "#ffffff"),
    "button_secondary_background_fill": (SHEET, SLATE_WASH),
    "button_secondary_background_fill_hover": (WASH, SLATE_LINE),
    "button_secondary_border_color": (LINE, SLATE_LINE),
    "button_secondary_border_color_hover": ("#bfb298", "#5d5344"),
    "button_secondary_text_color": (INK, CHALK),
    "button_secondary_text_color_hover": (INK, CHALK),
    "button_cancel_background_fill": (INK, CHALK),
    "button_cancel_background_fill_hover": ("#3a342b", "#ffffff"),
    "button_cancel_border_color": (INK, CHALK),
    "button_cancel_border_color_hover": ("#3a342b", "#ffffff"),
    "button_cancel_text_color": (SHEET, INK),
    "button_cancel_text_color_hover": (SHEET, INK),
}
"""gradio's colour names to ours: by day, by night."""

_SHAPES: dict[str, str] = {
    "color_accent": SEAL,
    "block_shadow": "none",
    "block_border_width": "1px",
    "block_title_text_weight": "600",
    "block_title_text_size": "*text_sm",
    "block_info_text_size": "*text_xs",
    "input_border_width": "1px",
    "checkbox_label_border_width": "1px",
    "checkbox_label_border_width_dark": "1px",
    "button_border_width": "1px",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
    "button_large_text_weight": "600",
    "input_shadow_focus": "0 0 0 2px color-mix(in srgb, *border_color_accent 28%, transparent)",
    "input_shadow_focus_dark": "0 0 0 2px color-mix(in srgb, *border_color_accent 40%, transparent)",
    "checkbox_shadow": "none",
    "checkbox_label_shadow": "none",
}
