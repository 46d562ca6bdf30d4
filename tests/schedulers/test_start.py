"""How many steps a picture is begun with, at which strength."""

import pytest

from studio.schedulers.start import shortened


@pytest.mark.parametrize(
    ("steps", "strength", "wanted"),
    [(25, 0.6, (15, 25)), (20, 1.0, (20, 20)), (4, 0.9, (4, 5)), (1, 0.6, (1, 2)), (4, 0.05, (1, 20))],
)
def test_part_of_the_steps_is_taken_and_never_none_or_all(steps, strength, wanted):
    assert shortened(steps, strength) == wanted
