"""The page: what a visitor sees and types. The only room that knows gradio."""

from studio.ui.importing import without_stubs

without_stubs()
