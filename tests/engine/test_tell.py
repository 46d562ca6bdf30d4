"""Numbers as each language counts them, and where failures are written down."""

import logging
from types import SimpleNamespace

import pytest
import torch

from studio.engine.tell import log_name, model


@pytest.mark.parametrize(
    ("count", "english", "chinese"),
    [(20_040_000, "20.0 M", "2004 万参数"), (99_990_000, "100.0 M", "9999 万参数"),
     (100_000_000, "100.0 M", "1.0 亿参数"), (2_579_000_000, "2579.0 M", "25.8 亿参数")],
)  # fmt: skip
def test_parameters_are_counted_as_each_language_counts(count, english, chinese):
    told = model("toy", count, SimpleNamespace(name="CPU"), torch.float32, SimpleNamespace(said="fits"))
    assert english in told.say("en")
    assert chinese in told.say("zh")


def test_a_log_is_named_with_its_folder_and_without_the_rest_of_the_machine(tmp_path):
    (tmp_path / "outputs").mkdir()
    log = logging.Logger("apart")
    assert log_name(log) == "terminal"
    handler = logging.FileHandler(tmp_path / "outputs" / "engine.log", delay=True)
    log.addHandler(handler)
    assert log_name(log) == "outputs/engine.log"
    handler.close()
