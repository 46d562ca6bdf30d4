"""Numbers from strangers' files are answered, whatever they are."""

import math

import pytest

from studio.finite import as_float, as_number


@pytest.mark.parametrize("value", [10**400, math.inf, math.nan, "9" * 400, "x", None, [1], {}])
def test_what_is_no_finite_number_is_none(value):
    assert as_number(value) is None


def test_a_number_in_words_is_one():
    assert as_number("4") == as_number(4) == 4.0


def test_a_whole_number_beyond_all_floats_is_infinite():
    assert (as_float(3), as_float(10**400), as_float(-(10**400))) == (3.0, math.inf, -math.inf)
