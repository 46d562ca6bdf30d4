"""Inkstone Studio (砚): a one-page text-to-image studio."""

__version__ = "0.1.0"
