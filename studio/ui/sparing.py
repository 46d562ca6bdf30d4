"""gradio's page, sparing with what nobody asked for."""

from copy import copy
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.blocks import Block
from gradio.state_holder import SessionState


class SparingBlocks(gr.Blocks):
    """A page whose handlers may name many outputs and speak of few. For an output left out of a handler's dictionary
    gradio makes the component anew and describes it, schema and all, though nothing changes: tens of milliseconds of
    the server for every step of a picture. Here it costs nothing; what the browser is sent is the same."""

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: list[Any] | dict[Any, Any], state: SessionState | None
    ) -> list[Any]:
        """The values to send, one for each output, as gradio's own method has them; ValueError for a component that is
        not among the outputs."""
        if not isinstance(predictions, dict) or not predictions or not _are_outputs(predictions, block_fn):
            return await super().postprocess_data(block_fn, predictions, state)
        spoken_of = copy(block_fn)
        spoken_of.outputs = [block for block in block_fn.outputs if block in predictions]
        told = await super().postprocess_data(spoken_of, predictions, state)
        sent = dict(zip((block._id for block in spoken_of.outputs), told, strict=True))
        return [
            sent[block._id] if block._id in sent else None if block.stateful else gr.skip()
            for block in block_fn.outputs
        ]


def _are_outputs(predictions: dict[Any, Any], block_fn: BlockFunction) -> bool:
    """Whether these are components of the page, all of them outputs; gradio has words for what else they may be."""
    outputs = {block._id for block in block_fn.outputs}
    return all(isinstance(key, Block) and key._id in outputs for key in predictions)
