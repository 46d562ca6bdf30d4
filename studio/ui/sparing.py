"""gradio's page, sparing with what nobody asked for."""

from copy import copy
from typing import Any, cast

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.blocks import Block, BlocksConfig
from gradio.state_holder import SessionState


class SparingBlocks(gr.Blocks):
    """A page whose handlers may name many outputs and speak of few. For an output left out of a handler's dictionary
    gradio makes the component anew and describes it, schema and all, though nothing changes: tens of milliseconds of
    the server for every step of a picture. Here it costs nothing; what the browser is sent is the same."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.default_config = SparingConfig(self)

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


class SparingConfig(BlocksConfig):
    """The components of a page. A visitor's session keeps a description of each, made anew at every change, of which
    gradio makes links to a page as it stands; the door has no such links, so nothing is described for a session."""

    def __copy__(self) -> "SparingConfig":
        """What a session begins with."""
        made = SparingConfig(self.root_block)
        vars(made).update(vars(cast(Any, super()).__copy__()))
        return made

    @staticmethod
    def config_for_block(
        _id: int, rendered_ids: list[int], block: Block | gr.components.Component, renderable: Any = None
    ) -> dict[str, Any]:
        """The description of a component on the page; empty for a session, which names no rendered components."""
        if not rendered_ids:
            return {}
        return cast(dict[str, Any], BlocksConfig.config_for_block(_id, rendered_ids, block, renderable))


def _are_outputs(predictions: dict[Any, Any], block_fn: BlockFunction) -> bool:
    """Whether these are components of the page, all of them outputs; gradio has words for what else they may be."""
    outputs = {block._id for block in block_fn.outputs}
    return all(isinstance(key, Block) and key._id in outputs for key in predictions)
