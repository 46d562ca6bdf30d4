"""Captions to conditioning while training: what `KolorsPipeline` makes of 256 tokens, computed from 48.

The pipeline pads every prompt to 256 tokens on the left, and the denoiser attends to the padding. All pads of a prompt
are equal (same word, same position, and each attends to everything), so one pad that counts for all of them gives the
same numbers: its key gets the logarithm of their number added wherever it is attended to. A fifth of the work, exactly.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from studio.storybook.networks import TOKENS

SPOTS = 48
"""Tokens of a compact prompt: the pad, two prefix tokens, and words; a multiple of 8, as fast attention likes."""
FAR = -1e4
"""What is added to keys that must not be attended to."""


@dataclass(frozen=True)
class Compact:
    """Prompts (B, 48): the pad first, then prefix and words, then filler. `count` is how many words and prefix tokens,
    `among` is what self-attention adds (B, 1, 48, 48), `seen` what the denoiser's attention adds (B, 48)."""

    ids: Tensor
    places: Tensor
    count: Tensor
    among: Tensor
    seen: Tensor


@dataclass(frozen=True)
class Prompting:
    """How word ids become the encoder's input, as `ChatGLMTokenizer` orders them."""

    prefix: tuple[int, int]
    pad: int

    def compact(self, words: Tensor) -> Compact:
        """From word ids (B, L) that end with -1, L at most 45."""
        device, batch = words.device, len(words)
        count = (words >= 0).sum(1, keepdim=True) + 2
        prefix = torch.tensor(self.prefix, device=device).expand(batch, 2)
        filler = torch.full((batch, SPOTS - 3 - words.shape[1]), -1, device=device, dtype=words.dtype)
        ids = torch.cat([torch.full_like(prefix[:, :1], self.pad), prefix, words, filler], dim=1)
        spot = torch.arange(SPOTS, device=device)
        is_real = (spot >= 1) & (spot <= count)
        pads = (TOKENS - count).float().log()
        seen = torch.where(is_real, 0.0, FAR)
        seen[:, :1] = pads
        earlier = (spot[None, :] <= spot[:, None]) & (spot[None, :] >= 1)
        among = torch.where(earlier & is_real[:, None, :] & is_real[:, :, None], 0.0, FAR)
        among[:, 0] = seen
        among[:, :, 0] = torch.where(is_real, FAR, torch.cat([pads, torch.zeros_like(seen[:, 1:])], dim=1))
        return Compact(
            torch.where(ids < 0, self.pad, ids), (spot - 1).clamp_min(0).expand(batch, SPOTS), count, among[:, None], seen
        )  # fmt: skip


def encode(text: Any, prompt: Compact) -> tuple[Tensor, Tensor]:
    """What the pipeline takes from a `ChatGLMModel`: the last but one hidden states (B, 48, width), and the last token
    of the last (B, width)."""
    x = text.embedding.word_embeddings(prompt.ids)
    turns = text.rotary_pos_emb(text.seq_length)[prompt.places]
    for layer in text.encoder.layers:
        before = x
        x = x + _attend(layer.self_attention, layer.input_layernorm(x), turns, prompt.among)
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    return before, x.gather(1, prompt.count[:, :, None].expand(-1, 1, x.shape[2]))[:, 0]


def attention_mask(prompt: Compact) -> Tensor:
    """`encoder_attention_mask` of `UNet2DConditionModel` (B, 48), which adds (1 - mask) * -10000 to each key."""
    return 1 + prompt.seen / 1e4


def _attend(attention: Any, x: Tensor, turns: Tensor, bias: Tensor) -> Tensor:
    """Grouped-query attention of a `GLMBlock`: x (B, L, width), `turns` (B, L, half, 2), `bias` (B, 1, L, L)."""
    batch, length, _ = x.shape
    heads, size = attention.num_attention_heads_per_partition, attention.hidden_size_per_attention_head
    groups = attention.num_multi_query_groups_per_partition
    q, k, v = (
        part.view(batch, length, -1, size)
        for part in attention.query_key_value(x).split([heads * size, groups * size, groups * size], dim=-1)
    )
    q, k = _turned(q, turns), _turned(k, turns)
    k, v = (part.repeat_interleave(heads // groups, dim=2) for part in (k, v))
    y = functional.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=bias.to(q.dtype)
    )
    out: Tensor = attention.dense(y.transpose(1, 2).reshape(batch, length, heads * size))
    return out


def _turned(x: Tensor, turns: Tensor) -> Tensor:
    """Rotary positions over the first half of each head, in pairs of neighbours (Su et al., arXiv:2104.09864)."""
    turns = turns[:, :, None].to(x.dtype)
    width = turns.shape[-2] * 2
    a, b = x[..., :width].unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = turns.unbind(-1)
    turned = torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)
    return torch.cat([turned, x[..., width:]], dim=-1)
