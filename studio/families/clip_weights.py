"""Weighted prompts for the text encoders of the CLIP family, in windows of 77 tokens, as they were trained with.

As A1111 does it: each token's output is multiplied by the weight of its words, and the whole is then scaled so that its
mean is what it was. The pooled output is not weighted. compel was weighed and left: its grammar is another one
(`words++`), and it mixes encodings instead, so that a prompt out of an A1111 picture would paint something else. A text
without marks gives what the pipeline's own call gives, to the bit.

A prompt of more than 75 tokens is read in several windows, each for itself, and their outputs are joined along the
sequence; `BREAK` begins the next one, and a window ends after a comma where one is near its end. What is drawn away from
has as many windows as what is drawn towards: the shorter one gets empty ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from studio.families.family import Conditioning, Sampling, Tokens
from studio.weighting import Piece, sections, weighted

if TYPE_CHECKING:
    import torch

MOST_WINDOWS = 8
_ENDS = 2  # the tokens that begin and end every window
_COMMA, _NEAR = ",</w>", 20
"""A comma among so many last tokens of a window is where it ends."""
EMPTY = "empty_window"
"""What an empty window becomes, beside `prompt_embeds` of more than one."""
_NO_MEAN = 1e-3
"""A mean below this share of the spread is rounding, which no scaling brings back."""

Window = tuple[list[int], list[float]]
"""Tokens and the weight of each."""


@dataclass(frozen=True)
class Encoded:
    """One text: `embeds` (1, 77 x windows, hidden); `pooled` (1, projection), the first window's, of encoders that
    project; and of more than one window `empty` (1, 77, hidden), what an empty one becomes."""

    embeds: "torch.Tensor"
    pooled: "torch.Tensor | None"
    empty: "torch.Tensor | None" = None


def window_tokens(tokenizer: Any, text: str) -> Tokens:
    """How many tokens of the text without its marks are read, in how many windows, and the words beyond them."""
    windows = list(_windows(tokenizer, text))
    most = (tokenizer.model_max_length - _ENDS) * min(len(windows), MOST_WINDOWS)
    beyond = [token for ids, _ in windows[MOST_WINDOWS:] for token in ids]
    used = sum(len(ids) for ids, _ in windows)
    return Tokens(used, most, tokenizer.decode(beyond).strip(), len(windows), MOST_WINDOWS)


def encode_windows(tokenizer: Any, encoder: Any, text: str, layer: int | None = None) -> Encoded:
    """One text through a CLIPTextModel, or one with projection, in as many windows as it takes, `MOST_WINDOWS` at most.

    `layer` None takes the last hidden state with its final norm (SD1.5), -2 the one before the last (SDXL)."""
    import torch

    windows = list(_windows(tokenizer, text))[:MOST_WINDOWS]
    read = [_encode(tokenizer, encoder, window, layer) for window in windows]
    if len(read) == 1:
        return read[0]
    empty = _encode(tokenizer, encoder, ([], []), layer).embeds
    return Encoded(torch.cat([window.embeds for window in read], 1), read[0].pooled, empty)


def encode_window(tokenizer: Any, encoder: Any, text: str, layer: int | None = None) -> Encoded:
    """The same in one window, as captions are learnt: what is beyond 75 tokens is not read, and `BREAK` is passed
    over."""
    return _encode(tokenizer, encoder, _ids(tokenizer, weighted(text)), layer)


def evened(sampling: Sampling) -> Sampling:
    """Both texts with equally many windows, and nothing that the pipeline doesn't take."""
    texts = [text for text in (sampling.positive, sampling.negative) if text is not None]
    most = max(text["prompt_embeds"].shape[1] for text in texts)
    empty = next((text[EMPTY] for text in texts if EMPTY in text), None)
    positive, *negative = (_filled(text, empty, most) for text in texts)
    return replace(sampling, positive=positive, negative=negative[0] if negative else None)


def _filled(text: Conditioning, empty: "torch.Tensor | None", most: int) -> Conditioning:
    """A text whose `prompt_embeds` are `most` long."""
    import torch

    kept, embeds = {name: value for name, value in text.items() if name != EMPTY}, text["prompt_embeds"]
    if empty is None or embeds.shape[1] == most:
        return kept
    missing = (most - embeds.shape[1]) // empty.shape[1]
    return {**kept, "prompt_embeds": torch.cat([embeds, *[empty.to(embeds)] * missing], 1)}


def _encode(tokenizer: Any, encoder: Any, window: Window, layer: int | None) -> Encoded:
    import torch

    ids, weights = window
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


def _windows(tokenizer: Any, text: str) -> Iterator[Window]:
    """The windows of a text, one at least; what ends with `BREAK` has none after it."""
    *before, last = (_ids(tokenizer, pieces) for pieces in sections(text))
    for section in before:
        yield from _cut(tokenizer, section)
    if last[0] or not before:
        yield from _cut(tokenizer, last)


def _cut(tokenizer: Any, section: Window) -> Iterator[Window]:
    """Windows of at most 75 tokens."""
    (ids, weights), most = section, tokenizer.model_max_length - _ENDS
    comma = tokenizer.convert_tokens_to_ids(_COMMA)
    while len(ids) > most:
        seam = next((at + 1 for at in range(most - 1, most - 1 - _NEAR, -1) if ids[at] == comma), most)
        yield ids[:seam], weights[:seam]
        ids, weights = ids[seam:], weights[seam:]
    yield ids, weights


def _ids(tokenizer: Any, pieces: list[Piece]) -> Window:
    """The tokens of the pieces and the weight of each."""
    ids: list[int] = []
    weights: list[float] = []
    for words, weight in pieces:
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
