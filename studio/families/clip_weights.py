"""Weighted prompts for the text encoders of the CLIP family, in the window of 77 tokens that they were trained with.

As A1111 does it: each token's output is multiplied by the weight of its words, and the whole is then scaled so that its
mean is what it was. The pooled output is not weighted. compel was weighed and left: its grammar is another one
(`words++`), and it mixes encodings instead, so that a prompt out of an A1111 picture would paint something else. A text
without marks gives what the pipeline's own call gives, to the bit.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.families.family import Tokens
from studio.weighting import weighted

if TYPE_CHECKING:
    import torch

_ENDS = 2  # the tokens that begin and end every text
_NO_MEAN = 1e-3
"""A mean below this share of the spread is rounding, which no scaling brings back."""


@dataclass(frozen=True)
class Encoded:
    """One text: `embeds` (1, 77, hidden), and `pooled` (1, projection) of encoders that project."""

    embeds: "torch.Tensor"
    pooled: "torch.Tensor | None"


def weighted_tokens(tokenizer: Any, text: str) -> Tokens:
    """How many tokens of the text without its marks are read, and the words beyond them."""
    ids, _ = _ids(tokenizer, text)
    most = tokenizer.model_max_length - _ENDS
    return Tokens(used=len(ids), most=most, cut=tokenizer.decode(ids[most:]).strip())


def weighted_encode(tokenizer: Any, encoder: Any, text: str, layer: int | None = None) -> Encoded:
    """One text through a CLIPTextModel, or one with projection.

    `layer` None takes the last hidden state with its final norm (SD1.5), -2 the one before the last (SDXL). What is
    beyond 75 tokens is not read."""
    import torch

    ids, weights = _ids(tokenizer, text)
    most = tokenizer.model_max_length - _ENDS
    padding = most - len(ids)
    ids = [tokenizer.bos_token_id, *ids[:most], tokenizer.eos_token_id] + [tokenizer.pad_token_id] * padding
    weights = [1.0, *weights[:most], 1.0] + [1.0] * padding
    with torch.no_grad():
        out = encoder(torch.tensor([ids], device=encoder.device), output_hidden_states=layer is not None)
        embeds = out.last_hidden_state if layer is None else out.hidden_states[layer]
        if any(weight != 1 for weight in weights):
            embeds = _weigh(embeds, torch.tensor(weights, device=embeds.device))
    return Encoded(embeds, getattr(out, "text_embeds", None))


def _ids(tokenizer: Any, text: str) -> tuple[list[int], list[float]]:
    """The tokens of the pieces and the weight of each."""
    ids: list[int] = []
    weights: list[float] = []
    for words, weight in weighted(text):
        piece = tokenizer(words, add_special_tokens=False, verbose=False).input_ids
        ids += piece
        weights += [weight] * len(piece)
    return ids, weights


def _weigh(embeds: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """Embeds (1, T, hidden) times weights (T,), with the mean of all of it as before."""
    plain = embeds.float()
    changed = plain * weights[None, :, None]
    before, after = plain.mean(), changed.mean()
    if after.abs() > _NO_MEAN * changed.std() and before.abs() > _NO_MEAN * plain.std():
        changed = changed * (before / after)
    return changed.to(embeds.dtype)
