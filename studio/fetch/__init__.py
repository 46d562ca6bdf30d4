"""Fetching models from a hub into models/weights, and removing them again: nothing here happens without being asked for."""
