"""Layouts that sets of pictures have on disk: one file each, which holds a `FORMAT`."""
