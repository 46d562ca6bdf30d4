"""Which files of a repository are fetched, in the ways in which people name them."""

import pytest

from studio.fetch.choosing import PartLacking, needed
from studio.fetch.hubs.hub import Kept

SHARDS = [f"model.fp16-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
LATE = [f"model-0000{n}-of-00002.fp16.safetensors" for n in (1, 2)]
PLAIN = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]


def chosen(*names: str) -> list[str]:
    files = [Kept(f"text_encoder/{name}", 1) for name in names]
    return [
        file.path.removeprefix("text_encoder/") for file in needed(files, {"text_encoder": "ChatGLMModel"})
    ]


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (["model.safetensors", "model.fp16.safetensors"], ["model.fp16.safetensors"]),
        (["model.safetensors", "pytorch_model.bin", "pytorch_model.fp16.bin"], ["model.safetensors"]),
        (["model.safetensors", "model.bf16.safetensors"], ["model.bf16.safetensors"]),
        (["model.non_ema.safetensors", "model.safetensors"], ["model.safetensors"]),
        ([*SHARDS, "model.safetensors.index.fp16.json", *PLAIN, "model.safetensors.index.json"],
         [*SHARDS, "model.safetensors.index.fp16.json"]),
        ([*LATE, "model.fp16.safetensors.index.json"], [*LATE, "model.fp16.safetensors.index.json"]),
        ([*SHARDS[:2], "model.safetensors.index.fp16.json", *PLAIN, "model.safetensors.index.json"],
         [*PLAIN, "model.safetensors.index.json"]),
        ([*PLAIN, "model.safetensors.index.json", "model.safetensors"], ["model.safetensors"]),
        (["openvino_model.xml", "openvino_model.bin", "model.onnx", "flax_model.msgpack", "tf_model.h5",
          "model.safetensors"], ["model.safetensors"]),
    ],
)  # fmt: skip
def test_one_set_of_weights_and_the_best_one(there, wanted):
    assert sorted(chosen(*there)) == sorted(wanted)


@pytest.mark.parametrize(
    "there",
    [[], ["pytorch_model.bin"], SHARDS, [*PLAIN[:1], "model.safetensors.index.json"], ["other.safetensors"]],
)
def test_no_complete_set_is_refused_by_the_name_of_its_part(there):
    with pytest.raises(PartLacking, match="text_encoder"):
        chosen(*there)


def test_settings_are_fetched_and_code_is_not():
    names = [
        "config.json",
        "generation_config.json",
        "modeling.py",
        "configuration.py",
        "openvino_config.json",
    ]
    assert chosen("model.safetensors", *names) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
    ]


def test_a_part_without_weights_needs_none_and_the_index_comes_last():
    paths = [
        "model_index.json",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "tokenizer/a/deep.json",
        "unet/config.json",
    ]
    files = needed([Kept(path, 1) for path in paths], {"tokenizer": "CLIPTokenizer"})
    assert [file.path for file in files] == [
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "model_index.json",
    ]
