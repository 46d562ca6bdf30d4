"""Tokenizers and text encoders, small enough to be made in a moment."""

from typing import Any

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.content is string %}{{ m.content }}{% else %}{{ m.content[0].text }}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def clip_tokenizer() -> Any:
    """CLIP's own, with its real vocabulary."""
    from pathlib import Path

    from studio.families.clip_tokenizer import clip_tokenizer as part

    return part("tokenizer").open(Path("nowhere"))


def clip(width: int, projects: bool) -> Any:
    """One layer of CLIP's text model, over CLIP's real vocabulary."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        hidden_size=width, intermediate_size=16, num_attention_heads=2, num_hidden_layers=2, projection_dim=width,
        vocab_size=49408, bos_token_id=49406, eos_token_id=49407, pad_token_id=1,
    )  # fmt: skip
    return (CLIPTextModelWithProjection if projects else CLIPTextModel)(config)


def t5_tokenizer() -> Any:
    """Letters and a few words."""
    from transformers import T5TokenizerFast

    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), ("▁red", -3.0), ("▁house", -3.0)]
    letters = [(letter, -5.0) for letter in "abcdefghijklmnopqrstuvwxyz,."]
    return T5TokenizerFast(vocab=words + letters, extra_ids=0, model_max_length=512)


def t5(width: int) -> Any:
    """One layer of T5's encoder."""
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        d_model=width,
        d_kv=8,
        d_ff=16,
        num_layers=1,
        num_heads=2,
        vocab_size=64,
        feed_forward_proj="gated-gelu",
    )
    return T5EncoderModel(config)


def qwen_tokenizer() -> Any:
    """Bytes and the marks of a chat."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2TokenizerFast

    vocabulary = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    return _with_marks(Qwen2TokenizerFast(vocab=vocabulary | {"<|endoftext|>": len(vocabulary)}, merges=[]))


def mistral_tokenizer() -> Any:
    """The same without a class of its own."""
    from transformers import PreTrainedTokenizerFast

    inner = qwen_tokenizer()
    return _with_marks(
        PreTrainedTokenizerFast(
            tokenizer_object=inner._tokenizer, pad_token="<|endoftext|>", padding_side="left"
        )
    )


def qwen3(layers: int, width: int, kind: str) -> Any:
    """Qwen3, of the class `kind`."""
    import transformers

    config = transformers.Qwen3Config(
        hidden_size=width, intermediate_size=16, num_hidden_layers=layers, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, vocab_size=300, tie_word_embeddings=True,
    )  # fmt: skip
    return getattr(transformers, kind)(config)


def qwen_vl(width: int) -> Any:
    """Qwen2.5-VL of one layer."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    text = {
        "hidden_size": width, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 1, "vocab_size": 300, "tie_word_embeddings": False,
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6},
    }  # fmt: skip
    seen = {
        "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": width,
        "fullatt_block_indexes": [0], "patch_size": 4,
    }  # fmt: skip
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=seen))


def mistral(width: int) -> Any:
    """Mistral 3 with as many layers as Flux.2 looks into."""
    from transformers import Mistral3Config, Mistral3ForConditionalGeneration

    text = {
        "model_type": "mistral", "hidden_size": width, "intermediate_size": 16, "num_hidden_layers": 30,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 300,
    }  # fmt: skip
    seen = {
        "model_type": "pixtral", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "head_dim": 8, "image_size": 16, "patch_size": 4,
    }  # fmt: skip
    return Mistral3ForConditionalGeneration(Mistral3Config(text_config=text, vision_config=seen))


def _with_marks(tokenizer: Any) -> Any:
    tokenizer.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    tokenizer.chat_template = CHAT
    tokenizer.model_max_length = 2048
    return tokenizer
