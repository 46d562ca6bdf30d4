"""Safetensors headers: whole files are read, all others refused with the right reason, none of them slowly."""

import json
import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.headers import (
    CUT_SHORT,
    NOT_SAFETENSORS,
    PICKLED,
    UNREADABLE,
    BadHeader,
    read_header,
    read_scalar,
)


def written(file, tensors, metadata=None, body=None):
    """A safetensors file of (dtype, shape, bytes) by name."""
    header, at = {}, 0
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(raw)]}
        at += len(raw)
    if metadata:
        header["__metadata__"] = metadata
    told = json.dumps(header).encode()
    content = b"".join(raw for _, _, raw in tensors.values())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(len(told).to_bytes(8, "little") + told + (content if body is None else body))
    return file


def headed(told):
    """The bytes of a file that is a header and no more."""
    return len(told).to_bytes(8, "little") + told


def test_a_whole_file_is_read(tmp_path):
    file = written(tmp_path / "a.safetensors", {"x": ("F32", (2, 3), bytes(24)), "alpha": ("F16", (), struct.pack("<e", 8))},
                   {"made": "here"})  # fmt: skip
    header = read_header(file)
    assert header.tensors["x"].shape == (2, 3)
    assert header.metadata == {"made": "here"}
    assert read_scalar(file, header, "alpha") == 8.0


def test_torch_and_we_agree(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file(
        {"a": torch.tensor(3.5, dtype=torch.bfloat16), "b": torch.zeros(4, 5)}, tmp_path / "t.safetensors"
    )
    header = read_header(tmp_path / "t.safetensors")
    assert header.tensors["b"].shape == (4, 5)
    assert read_scalar(tmp_path / "t.safetensors", header, "a") == 3.5


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", CUT_SHORT),
        (b"PK\x03\x04 and so on", PICKLED),
        (b"\x80\x02}q\x00.........", PICKLED),
        (b"\xff" * 64, NOT_SAFETENSORS),
        ((100).to_bytes(8, "little") + b'{"a":', CUT_SHORT),
        ((2).to_bytes(8, "little") + b"[]", NOT_SAFETENSORS),
        ((30).to_bytes(8, "little") + b"[" * 30, NOT_SAFETENSORS),
        ((2).to_bytes(8, "little") + b"{}more", CUT_SHORT),
        (headed(b'{"a":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,0]}}'), NOT_SAFETENSORS),
        (headed(b'{"a":{"dtype":"X","shape":[%d],"data_offsets":[0,0]}}' % 10**400), NOT_SAFETENSORS),
        (headed(b'{"a":{"dtype":"F32","shape":[],"data_offsets":[1e999,4]}}'), NOT_SAFETENSORS),
        (headed(b'{"\\ud800":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'), NOT_SAFETENSORS),
        (headed(b'{"__metadata__":{"modelspec.title":"\\ud800"}}'), NOT_SAFETENSORS),
    ],
)
def test_anything_else_is_refused(tmp_path, content, reason):
    file = tmp_path / "a.safetensors"
    file.write_bytes(content)
    with pytest.raises(BadHeader) as caught:
        read_header(file)
    assert caught.value.reason is reason


def test_a_truncated_file_is_noticed(tmp_path):
    file = written(tmp_path / "a.safetensors", {"x": ("F32", (4,), bytes(16))})
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BadHeader) as caught:
        read_header(file)
    assert caught.value.reason is CUT_SHORT


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadHeader) as caught:
        read_header(tmp_path / "none")
    assert caught.value.reason is UNREADABLE


json_values = st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=14), inner, max_size=3), max_leaves=8)  # fmt: skip
entries = st.fixed_dictionaries({}, optional={"dtype": st.sampled_from(["F32", "X", 3]), "shape": json_values, "data_offsets": json_values})  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(told=st.dictionaries(st.sampled_from(["a", "__metadata__"]), entries | json_values) | json_values)
def test_hostile_headers_are_refused_or_read_but_never_crash(tmp_path_factory, told):
    file = tmp_path_factory.getbasetemp() / "hostile.safetensors"
    raw = json.dumps(told).encode()
    file.write_bytes(len(raw).to_bytes(8, "little") + raw)
    with suppress(BadHeader):
        read_header(file)


@pytest.mark.parametrize("length", [640, 896, 1152])
def test_a_header_as_long_as_a_pickle_begins_is_read(tmp_path, length):
    """Its length's bytes are 80 02, 80 03 and 80 04: the first bytes of pickles."""
    entries = json.dumps({"__metadata__": {"made": "by hand"}}).encode()
    file = tmp_path / "long.safetensors"
    file.write_bytes(length.to_bytes(8, "little") + entries + b" " * (length - len(entries)))
    assert read_header(file).metadata == {"made": "by hand"}
