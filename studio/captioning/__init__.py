"""Captions written by models, in a process of their own."""
