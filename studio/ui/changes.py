"""Changes to the page: properties to set, by component; gathered from many hands, sent as gradio's updates."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

Changes = dict[Any, dict[str, Any]]


def merged(*parts: Mapping[Any, Mapping[str, Any]]) -> Changes:
    """All parts in one; where two set the same property, the later one wins."""
    told: Changes = {}
    for part in parts:
        for component, props in part.items():
            told[component] = {**told.get(component, {}), **props}
    return told


def updates(*parts: Mapping[Any, Mapping[str, Any]]) -> dict[Any, Any]:
    """All parts as gradio takes them."""
    return {component: gr.update(**props) for component, props in merged(*parts).items()}
