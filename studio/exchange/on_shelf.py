"""A recipe from elsewhere names models and LoRAs in its own words; here each becomes one on the shelf where exactly one
fits. Names are compared, never opened; a LoRA is also known by its file's hash, the first digits of the
`sshs_model_hash` that training programs write into the header and A1111 into pictures."""

import re
from collections.abc import Sequence
from dataclasses import replace

from studio.exchange.comfy import seed_lora
from studio.exchange.comfy.names import lora_stem, stem
from studio.exchange.picture import Recalled
from studio.requests import LoraUse
from studio.shelf import LoraCard, ModelCard
from studio.words import Said, Text

MODEL_AS = Text("Model {theirs} is {ours} here.", "模型 {theirs} 对应本机的 {ours}。")
LORA_AS = Text("LoRA {theirs} is {ours} here.", "LoRA {theirs} 对应本机的 {ours}。")
LORA_AMBIGUOUS = Text(
    "Several LoRAs here could be {theirs}: {names}. Choose one.",
    "本机有多个 LoRA 可能是 {theirs}：{names}。请选择其一。",
)
NOT_HERE = Text("LoRAs that are not here were left out: {names}.", "本机没有这些 LoRA，未采用：{names}。")
_HASH = re.compile(r"(?:0x)?([0-9a-f]{10,64})", re.IGNORECASE)
_MOST_DIGITS = 12
_NO_NAMES = frozenset(
    [
        "fp16",
        "bf16",
        "fp32",
        "fp8",
        "e4m3fn",
        "e5m2",
        "scaled",
        "pruned",
        "emaonly",
        "ema",
        "noema",
        "unet",
        "diffusers",
        "ckpt",
        "safetensors",
        "comfy",
    ]
)
"""Words of file names that don't say which model it is."""


def on_shelf(recalled: Recalled, models: Sequence[ModelCard], loras: Sequence[LoraCard]) -> Recalled:
    """The recipe in the shelf's own names, with what was matched told."""
    request, mapped, notices = recalled.request, list(recalled.mapped), list(recalled.notices)
    model = _model(request.model, models) if "model" in recalled.fields else None
    if model is not None and model.name != request.model:
        mapped.append(Said(MODEL_AS, {"theirs": request.model, "ours": model.name}))
        request = request.with_(model=model.name)
    alphas, checkpoints = seed_lora.alphas_in(recalled.facts), seed_lora.checkpoints_in(recalled.facts)
    hashes = recalled.facts.get("lora_hashes")
    near, uses = list(recalled.approximated), []
    for use in request.loras:
        fitting = _hashed(hashes, use.name, loras) or _loras(use.name, loras)
        card = fitting[0] if len(fitting) == 1 else None
        if len(fitting) > 1:
            names = ", ".join(card.name for card in fitting[:6])
            notices.append(Said(LORA_AMBIGUOUS, {"theirs": use.name, "names": names}))
        if card is not None and card.name != use.name:
            mapped.append(Said(LORA_AS, {"theirs": use.name, "ours": card.name}))
        if card is not None and card.trained_alpha and use.name in checkpoints:
            card = replace(card, alpha=card.trained_alpha)  # the recipe speaks of the file as it was before
        uses.append(_settled(use, card, alphas, mapped, near))
    request = request.with_(loras=tuple(uses))
    return replace(
        recalled, request=request, mapped=tuple(mapped), approximated=tuple(near), notices=tuple(notices)
    )


def only_here(recalled: Recalled, loras: Sequence[LoraCard]) -> Recalled:
    """The recipe without the LoRAs that are not on the shelf; those are named."""
    here = {card.name for card in loras}
    missing = [use.name[:60] for use in recalled.request.loras if use.name not in here]
    if not missing:
        return recalled
    request = recalled.request.with_(loras=tuple(use for use in recalled.request.loras if use.name in here))
    notices = (*recalled.notices, Said(NOT_HERE, {"names": ", ".join(missing)}))
    return replace(recalled, request=request, notices=notices)


def ranks_of(loras: Sequence[LoraCard]) -> dict[str, float]:
    """What a weight of 1 is as LoadKolorsLoRA's alpha: the file's alpha, or its rank where it has none, by name."""
    return {card.name: base for card in loras if (base := card.alpha or card.rank)}


def _settled(
    use: LoraUse, card: LoraCard | None, alphas: dict[str, float], mapped: list[Said], near: list[Said]
) -> LoraUse:
    """A LoRA under its shelf name, with the weight that its alpha comes to once its file is known."""
    if card is None:
        return use
    base = ranks_of([card]).get(card.name)
    if use.name not in alphas or not base:
        return replace(use, name=card.name)
    alpha = alphas[use.name]
    weight = max(-4.0, min(4.0, seed_lora.weight_of(alpha, base)))
    said = seed_lora.assumed(use.name, alpha)
    if said in near:
        near.remove(said)
    told: dict[str, object] = {
        "name": card.name,
        "alpha": f"{alpha:g}",
        "rank": f"{base:g}",
        "weight": f"{weight:g}",
    }
    mapped.append(Said(seed_lora.RANK_KNOWN, told))
    return replace(use, name=card.name, weight=weight)


def _model(name: str, cards: Sequence[ModelCard]) -> ModelCard | None:
    """The one card of that name, or the one that is called alike: what is on the disk before what isn't, and what is called
    so here before what is called so elsewhere."""
    exact = next((card for card in cards if card.name == name), None)
    if exact is not None:
        return exact
    key = _key(stem(name))
    alike = [card for card in cards if key and key in _keys(card)]
    alike = [card for card in alike if card.is_present] or alike
    called = [card for card in alike if _key(card.name) == key] or alike
    return called[0] if len(called) == 1 else None


def _keys(card: ModelCard) -> set[str]:
    """What a card's model is called: here, in its title, by its folder, and where it comes from."""
    return {_key(word) for word in (card.name, card.title.en, card.folder.name, stem(card.source_url))} - {""}


def _key(name: str) -> str:
    """A name without number formats, marks and spelling: "sd_xl_base_1.0" and "stable-diffusion-xl-base-1.0" are both
    "sdxlbase10", "v1-5-pruned-emaonly" and "stable-diffusion-v1-5" both "sdv15"."""
    words = [word for word in re.split(r"[^\w]+|_", name.lower()) if word not in _NO_NAMES]
    key = "".join(words).replace("stablediffusion", "sd")
    return f"sd{key}" if re.match(r"v[12]\d", key) else key


def _hashed(hashes: object, name: str, cards: Sequence[LoraCard]) -> list[LoraCard]:
    """The LoRA whose file has the hash that the recipe tells for a name, unless one here is called just so."""
    told = _HASH.fullmatch(str(hashes.get(name, "")).strip()) if isinstance(hashes, dict) else None
    if told is None or any(card.name == name for card in cards):
        return []
    digits = told[1].lower()[:_MOST_DIGITS]
    return [card for card in cards if card.hash and card.hash.startswith(digits)][:1]


def _loras(name: str, cards: Sequence[LoraCard]) -> list[LoraCard]:
    """The LoRAs that a name may mean: of that very name, else of that file name and version folder, else of the file
    name alone."""
    exact = [card for card in cards if card.name == name]
    if exact:
        return exact
    wanted, last = lora_stem(name).lower(), stem(name).lower()
    of_version = [card for card in cards if lora_stem(card.name).lower() == wanted]
    alone = [card for card in cards if stem(card.name).lower() == last] if "/" not in wanted else []
    return of_version or alone
