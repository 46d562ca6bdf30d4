"""Torch files from strangers: whatever they hold, they are answered at once and in little memory."""

import io
import tracemalloc
import zipfile
from collections import Counter

import pytest

from studio.headers import BadHeader
from studio.lora.pickled import read_pickled_header

NESTED = b"\x80\x02})" + b"\x85" * 1_000_000 + b"K\x01s."
DOUBLED = b"\x80\x02})" + b"2\x86" * 60 + b"K\x01s."
WORDLESS = (
    b"\x80\x02cbuiltins\nstr\n]" + b"".join(b"]q%c(h%ch%ce" % (n + 1, n, n) for n in range(1, 60)) + b"\x85R."
)
POISON = b"\x80\x02ccollections\nCounter\nN}X\x06\x00\x00\x00updateNs\x86b."
MEMO = b"\x80\x02]r\xff\xff\xff\x0f}."
CUT = b"\x80\x02}X\x05"


def packed(kind):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}." * 100)
    return bytearray(stream.getvalue())


def locked():
    raw = packed(zipfile.ZIP_STORED)
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def damaged():
    raw = packed(zipfile.ZIP_LZMA)
    at = raw.find(b"data.pkl") + 8 + 9
    raw[at : at + 11] = b"\xff" * 11
    return bytes(raw)


@pytest.mark.parametrize("raw", [NESTED, DOUBLED, WORDLESS, POISON, MEMO, CUT, locked(), damaged()],
                         ids=["nested", "doubled", "wordless", "poison", "memo", "cut", "locked", "damaged"])  # fmt: skip
def test_a_hostile_file_is_refused_and_leaves_no_trace(tmp_path, raw):
    (tmp_path / "a.pt").write_bytes(raw)
    with pytest.raises(BadHeader):
        read_pickled_header(tmp_path / "a.pt")
    assert Counter("aa").most_common(1) == [("a", 2)]


def test_a_memo_takes_no_more_room_than_it_holds(tmp_path):
    (tmp_path / "a.pt").write_bytes(MEMO.replace(b"\xff\xff\xff\x0f", b"\xff\xff\xff\x01"))
    tracemalloc.start()
    try:
        with pytest.raises(BadHeader):
            read_pickled_header(tmp_path / "a.pt")
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
