"""Weighted prompts through tiny random CLIP encoders, with a tokenizer that knows a few words."""

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from studio.families.clip_weights import MOST_WINDOWS, encode_window, encode_windows, window_tokens

WORDS = ("a", "red", "cat", "on", "the", "grass", ",", "night")
WIDTH = 16


def merges_of(word):
    """The merges that make a word of its letters, from the left."""
    parts = [*word[:-1], f"{word[-1]}</w>"]
    while len(parts) > 1:
        yield parts[0], parts[1]
        parts[:2] = [parts[0] + parts[1]]


@pytest.fixture(scope="module")
def tokenizer():
    merges = list(dict.fromkeys(pair for word in WORDS for pair in merges_of(word)))
    letters = sorted({letter for word in WORDS for letter in word} | set("()[]:.12"))
    names = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    names = [*dict.fromkeys(names), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer({name: n for n, name in enumerate(names)}, merges, model_max_length=77)


def build(kind, tokenizer):
    torch.manual_seed(0)
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=32, projection_dim=8, num_hidden_layers=3,
        num_attention_heads=2, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    encoder = kind(config).eval()
    for name, parameter in encoder.named_parameters():
        torch.nn.init.normal_(parameter, mean=0.1 if "norm" in name else 0.0, std=0.3)
    return encoder


@pytest.fixture(scope="module", params=[CLIPTextModel, CLIPTextModelWithProjection])
def encoder(request, tokenizer):
    return build(request.param, tokenizer)


def plainly(tokenizer, encoder, text):
    """What a pipeline's own call does."""
    given = tokenizer(
        text, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
    ).input_ids
    with torch.no_grad():
        return encoder(given, output_hidden_states=True)


@pytest.mark.parametrize("text", ["", "a red cat on the grass, night", "a red cat " * 40])
def test_a_text_without_marks_is_encoded_as_the_pipeline_does_it(tokenizer, encoder, text):
    out = plainly(tokenizer, encoder, text)
    assert torch.equal(encode_window(tokenizer, encoder, text).embeds, out.last_hidden_state)
    assert torch.equal(encode_window(tokenizer, encoder, text, -2).embeds, out.hidden_states[-2])
    if isinstance(encoder, CLIPTextModelWithProjection):
        assert torch.equal(encode_window(tokenizer, encoder, text).pooled, out.text_embeds)
    else:
        assert encode_window(tokenizer, encoder, text).pooled is None


@pytest.mark.parametrize("layer", [None, -2])
def test_weights_multiply_the_tokens_of_their_words_and_leave_the_mean(tokenizer, encoder, layer):
    plain = encode_window(tokenizer, encoder, "a red cat on the grass", layer)
    heavy = encode_window(tokenizer, encoder, "a (red cat:1.4) on [the] grass", layer)
    grown = heavy.embeds / plain.embeds
    base = grown[0, 0, 0]  # the mean's share, which all tokens have in common
    expected = torch.ones(77)
    expected[2:4], expected[5] = 1.4, 1 / 1.1  # after the beginning: a, red, cat, on, the
    assert torch.allclose(grown[0] / base, expected[:, None].expand(77, WIDTH), rtol=1e-3)
    assert heavy.embeds.mean() == pytest.approx(plain.embeds.mean().item(), rel=1e-4)
    if plain.pooled is not None:
        assert torch.equal(heavy.pooled, plain.pooled)


def test_a_mean_that_is_nothing_is_not_scaled_to(tokenizer):
    encoder = build(CLIPTextModel, tokenizer)
    norm = encoder.text_model.final_layer_norm if hasattr(encoder, "text_model") else encoder.final_layer_norm
    torch.nn.init.ones_(norm.weight)
    torch.nn.init.zeros_(norm.bias)
    plain, heavy = (encode_window(tokenizer, encoder, text).embeds for text in ("a cat", "a (cat:2)"))
    assert torch.allclose(heavy[0, 2], plain[0, 2] * 2)
    assert torch.allclose(heavy[0, 1], plain[0, 1])


def test_brackets_behind_a_backslash_are_read(tokenizer, encoder):
    escaped = encode_window(tokenizer, encoder, r"a \(red\) cat").embeds
    assert torch.equal(escaped, plainly(tokenizer, encoder, "a (red) cat").last_hidden_state)


def test_marks_are_no_tokens(tokenizer):
    assert window_tokens(tokenizer, "a (red:1.2) cat") == window_tokens(tokenizer, "a red cat")
    told = window_tokens(tokenizer, "(red:1.2) " * 75 + "cat, (night)")
    assert (told.used, told.most, told.cut, told.windows) == (78, 150, "", 2)
    assert window_tokens(tokenizer, "").used == 0


# windows


def embeds(tokenizer, encoder, *texts):
    return torch.cat([encode_window(tokenizer, encoder, text).embeds for text in texts], 1)


@pytest.mark.parametrize("text", ["", "a red cat", "a (red:1.3) cat " * 25, "a " * 75])
@pytest.mark.parametrize("layer", [None, -2])
def test_a_prompt_of_one_window_is_read_as_before(tokenizer, encoder, text, layer):
    one, many = (read(tokenizer, encoder, text, layer) for read in (encode_window, encode_windows))
    assert torch.equal(one.embeds, many.embeds)
    assert many.empty is None
    assert one.pooled is None or torch.equal(one.pooled, many.pooled)


def test_a_long_prompt_is_read_in_windows_of_75_joined_along_the_sequence(tokenizer, encoder):
    read = encode_windows(tokenizer, encoder, "a red (cat:1.2) " * 50 + "night")
    assert read.embeds.shape == (1, 3 * 77, WIDTH)
    full = "a red (cat:1.2) " * 25
    assert torch.equal(read.embeds, embeds(tokenizer, encoder, full, full, "night"))
    assert torch.equal(read.empty, embeds(tokenizer, encoder, ""))
    if read.pooled is not None:
        assert torch.equal(read.pooled, encode_window(tokenizer, encoder, full).pooled)


def test_a_window_ends_after_a_comma_near_its_end(tokenizer, encoder):
    near, far = "a " * 60 + ", " + "red " * 20, "a " * 50 + ", " + "red " * 30
    read = encode_windows(tokenizer, encoder, near).embeds
    assert torch.equal(read, embeds(tokenizer, encoder, "a " * 60 + ",", "red " * 20))
    read = encode_windows(tokenizer, encoder, far).embeds
    assert torch.equal(read, embeds(tokenizer, encoder, "a " * 50 + ", " + "red " * 24, "red " * 6))


def test_break_begins_the_next_window_and_weights_reach_over_it(tokenizer, encoder):
    read = encode_windows(tokenizer, encoder, "a (red BREAK cat:1.3) on BREAK").embeds
    assert torch.equal(read, embeds(tokenizer, encoder, "a (red:1.3)", "(cat:1.3) on"))
    assert encode_windows(tokenizer, encoder, "a BREAK BREAK cat").embeds.shape[1] == 3 * 77
    one = encode_window(tokenizer, encoder, "a red BREAK cat").embeds
    assert torch.equal(one, embeds(tokenizer, encoder, "a red cat"))


def test_what_is_beyond_the_last_window_is_told(tokenizer, encoder):
    told = window_tokens(tokenizer, "a " * 75 * MOST_WINDOWS + "red cat")
    assert (told.used, told.most, told.cut) == (75 * MOST_WINDOWS + 2, 75 * MOST_WINDOWS, "red cat")
    parted = window_tokens(tokenizer, " BREAK ".join(["a"] * MOST_WINDOWS + ["red", "cat"]))
    assert (parted.windows, parted.most_windows, parted.cut) == (MOST_WINDOWS + 2, MOST_WINDOWS, "red cat")
    assert encode_windows(tokenizer, encoder, "a " * 999).embeds.shape[1] == 77 * MOST_WINDOWS
