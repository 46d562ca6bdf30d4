"""What is written is read back equal."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from studio import toml

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.text(st.characters(exclude_categories=["Cs"])) | NUMBERS | st.booleans()


@given(st.dictionaries(st.from_regex(r"\A[a-z_]{1,8}\Z"), VALUES | st.lists(VALUES)))
def test_values_come_back_equal(values):
    back = tomllib.loads(toml.dumps(values))
    assert back == values
    assert [type(v) for v in back.values()] == [type(v) for v in values.values()]
