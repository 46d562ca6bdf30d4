"""Tiny captioners with random weights, of the same classes as the real ones, in folders that look like theirs."""

import csv
import json
import string
from pathlib import Path
from typing import Any

WORDS = [
    "a", "an", "the", "boat", "cat", "dog", "tree", "house", "sits", "stands", "floats", "on", "in", "under", "near",
    "sea", "grass", "snow", "red", "blue", "green", "white", "small", "large", "old", "calm", "night", "day", "picture",
]  # fmt: skip
FLORENCE_IMAGE = "<image>"
QWEN_SPECIALS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_blip(folder: Path) -> Path:
    """A BLIP of two layers that reads 32-pixel pictures."""
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipTextConfig,
        BlipVisionConfig,
    )
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    torch.manual_seed(0)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    tokenizer = BertTokenizer(vocab={word: k for k, word in enumerate(vocabulary)})
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = BlipTextConfig(
        vocab_size=len(vocabulary) + 1, encoder_hidden_size=16, projection_dim=16, max_position_embeddings=64,
        bos_token_id=len(vocabulary), sep_token_id=3, eos_token_id=3, pad_token_id=0, **sizes,
    )  # fmt: skip
    vision = BlipVisionConfig(image_size=32, patch_size=8, initializer_range=0.5, **sizes)
    model = BlipForConditionalGeneration(
        BlipConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=16)
    )
    _stir(model)
    model.text_decoder.cls.predictions.bias.data.fill_(-1e4)
    model.text_decoder.cls.predictions.bias.data[len(vocabulary) - len(WORDS) : len(vocabulary)] = 0
    _keep(folder, model, tokenizer, BlipImageProcessorPil(size={"height": 32, "width": 32}))
    return folder


def build_florence(folder: Path) -> Path:
    """A Florence-2 of one layer a stage that reads 32-pixel pictures."""
    import torch
    from transformers import (
        BartConfig,
        Florence2Config,
        Florence2ForConditionalGeneration,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.florence2.configuration_florence2 import Florence2VisionConfig

    torch.manual_seed(0)
    tokenizer = _bytes_tokenizer(["<s>", "<pad>", "</s>", "<unk>", "<mask>", FLORENCE_IMAGE], "BartTokenizer")
    image_id = tokenizer.convert_tokens_to_ids(FLORENCE_IMAGE)
    text = BartConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=256,
        bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=2,
    )  # fmt: skip
    vision = Florence2VisionConfig(
        depths=(1, 1), patch_size=(7, 3), patch_stride=(4, 2), patch_padding=(3, 1), patch_prenorm=(False, True),
        embed_dim=(8, 16), num_heads=(2, 2), num_groups=(2, 2), window_size=4, drop_path_rate=0.0, projection_dim=16,
    )  # fmt: skip
    model = Florence2ForConditionalGeneration(
        Florence2Config(text_config=text.to_dict(), vision_config=vision.to_dict(), image_token_id=image_id)
    )
    _stir(model)
    _speak(model.get_output_embeddings().weight.data, _letters(tokenizer))
    pictures = CLIPImageProcessorPil(
        size={"height": 32, "width": 32}, crop_size={"height": 32, "width": 32}, do_center_crop=False
    )
    pictures.image_seq_length = 17  # 4 x 4 places and one mean
    _keep(folder, model, tokenizer, pictures)
    return folder


def build_qwen(folder: Path) -> Path:
    """A Qwen2.5-VL of two layers."""
    import torch
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    torch.manual_seed(0)
    tokenizer = _bytes_tokenizer(QWEN_SPECIALS, "Qwen2Tokenizer")
    tokenizer.chat_template = CHAT_TEMPLATE
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in QWEN_SPECIALS}
    text = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 4096, "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"], "pad_token_id": ids["<|endoftext|>"],
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
    }  # fmt: skip
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": 32,
        "window_size": 56, "fullatt_block_indexes": [1],
    }  # fmt: skip
    config = Qwen2_5_VLConfig(
        text_config=text, vision_config=vision, image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
    )  # fmt: skip
    model = Qwen2_5_VLForConditionalGeneration(config)
    _stir(model)
    _speak(model.lm_head.weight.data, _letters(tokenizer))
    _keep(folder, model, tokenizer, Qwen2VLImageProcessorPil(min_pixels=56 * 56, max_pixels=112 * 112))
    return folder


def build_tagger(folder: Path, side: int = 16) -> Path:
    """A tagger whose network says how red, green and blue a picture is: sigmoid(8 x mean - 4) of each colour, and of a
    character and a rating that go with red."""
    import numpy as np

    folder.mkdir(parents=True)
    rows = [(1, "very_red", 0), (2, "very_green", 0), (3, "^_^", 0), (4, "red_queen", 4), (5, "general", 9)]
    with (folder / "selected_tags.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("tag_id", "name", "category", "count"), *((*row, 1) for row in rows)])
    weights = np.zeros((3, len(rows)), np.float32)
    for place, colour in enumerate((2, 1, 0, 2, 2)):  # blue comes first
        weights[colour, place] = 8 / 255
    (folder / "model.onnx").write_bytes(_onnx(weights, np.full(len(rows), -4, np.float32), side))
    return folder


def _onnx(weights: Any, bias: Any, side: int) -> bytes:
    """An ONNX file, written field by field (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): the mean over all
    places, a matrix, a bias, a sigmoid."""
    one = [(1, 1)]
    axes = [(1, "axes"), (8, 1), (8, 2), (20, 7)]
    nodes = [
        [(1, "x"), (2, "m"), (4, "ReduceMean"), (5, axes), (5, [(1, "keepdims"), (3, 0), (20, 2)])],
        [(1, "m"), (1, "w"), (2, "y"), (4, "MatMul")],
        [(1, "y"), (1, "b"), (2, "z"), (4, "Add")],
        [(1, "z"), (2, "out"), (4, "Sigmoid")],
    ]
    held = [
        [*((1, size) for size in array.shape), (2, 1), (8, name), (9, array.tobytes())]
        for name, array in (("w", weights), ("b", bias))
    ]

    def value(name: str, *shape: int) -> Any:
        return [(1, name), (2, [(1, [*one, (2, [(1, [(1, size)]) for size in shape])])])]

    graph = [
        *((1, node) for node in nodes), (2, "tagger"), *((5, tensor) for tensor in held),
        (11, value("x", 1, side, side, 3)), (12, value("out", 1, len(bias))),
    ]  # fmt: skip
    return _protobuf([(1, 7), (7, graph), (8, [(2, 13)])])


def _protobuf(fields: Any) -> bytes:
    """Numbers as varints, everything else with its length before it (https://protobuf.dev/programming-guides/encoding)."""

    def varint(number: int) -> bytes:
        low, rest = number & 127, number >> 7
        return bytes([low | 128]) + varint(rest) if rest else bytes([low])

    written = b""
    for number, content in fields:
        if isinstance(content, int):
            written += varint(number << 3) + varint(content)
            continue
        body = content.encode() if isinstance(content, str) else content
        body = body if isinstance(body, bytes) else _protobuf(body)
        written += varint(number << 3 | 2) + varint(len(body)) + body
    return written


def _bytes_tokenizer(specials: list[str], kind: str) -> Any:
    """A byte-level tokenizer with a word for every byte: it can say anything, Chinese too."""
    import transformers
    from tokenizers.pre_tokenizers import ByteLevel

    vocabulary = {word: k for k, word in enumerate([*specials, *sorted(ByteLevel.alphabet())])}
    if kind == "BartTokenizer":
        told = {"extra_special_tokens": {"image_token": FLORENCE_IMAGE}}
        return transformers.BartTokenizer(vocab=vocabulary, merges=[], **told)
    tokenizer = transformers.Qwen2Tokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": specials[1:]})
    return tokenizer


def _stir(model: Any) -> None:
    """Weights large enough that another picture gives another caption."""
    import torch

    for name, weights in model.named_parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.3)
        elif "bias" in name:
            torch.nn.init.normal_(weights, std=0.1)


def _speak(head: Any, words: list[int]) -> None:
    """Let a model say these words: all others are as likely as a coin that never falls."""
    heard = head[words].clone()
    head.zero_()
    head[words] = heard


def _letters(tokenizer: Any) -> list[int]:
    return [int(tokenizer.convert_tokens_to_ids(letter)) for letter in string.ascii_lowercase]


def _keep(folder: Path, model: Any, tokenizer: Any, pictures: Any) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    pictures.save_pretrained(folder)
    told = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    assert told["image_processor_type"], told
