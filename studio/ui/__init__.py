"""The page: what a visitor sees and types. The only room that knows gradio."""
