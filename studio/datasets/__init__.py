"""Folders of captioned pictures to learn from, read without torch."""
