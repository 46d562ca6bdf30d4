"""Runs and pictures for the commands that train, as for the runs themselves."""

from tests.runs.conftest import dataset, settings

__all__ = ["dataset", "settings"]
