"""The [numbers] of model cards: how many numbers the published networks hold, counted on torch's meta device.

    python tests/benchmarks/card_numbers.py [CARD ...]

Configurations are diffusers' and the families' own, and below what differs from them. Nothing is fetched, and nothing is
computed; a table whose sum in half precision is far from the card's `files_gb` is marked."""

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

CLIP_L = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12,
          "projection_dim": 768, "vocab_size": 49408}  # fmt: skip
CLIP_BIG_G = {"hidden_size": 1280, "intermediate_size": 5120, "num_attention_heads": 20, "num_hidden_layers": 32,
              "projection_dim": 1280, "vocab_size": 49408}  # fmt: skip
T5_XXL = {"d_model": 4096, "d_ff": 10240, "num_layers": 24, "num_heads": 64, "d_kv": 64, "vocab_size": 32128,
          "feed_forward_proj": "gated-gelu", "is_encoder_decoder": False, "tie_word_embeddings": False}  # fmt: skip
QWEN3_4B = {"hidden_size": 2560, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8,
            "head_dim": 128, "intermediate_size": 9728, "vocab_size": 151936, "tie_word_embeddings": True}  # fmt: skip
QWEN_VL_7B = {
    "text_config": {"hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
                    "intermediate_size": 18944, "vocab_size": 152064, "tie_word_embeddings": False},
    "vision_config": {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 3584},
    "tie_word_embeddings": False,
}  # fmt: skip
MISTRAL_SMALL = {
    "text_config": {"model_type": "mistral", "hidden_size": 5120, "num_hidden_layers": 40, "num_attention_heads": 32,
                    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 32768, "vocab_size": 131072,
                    "tie_word_embeddings": False},
    "vision_config": {"model_type": "pixtral", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
                      "intermediate_size": 4096, "patch_size": 14},
    "multimodal_projector_bias": False, "spatial_merge_size": 2, "tie_word_embeddings": False,
}  # fmt: skip
VAE = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "down_block_types": ("DownEncoderBlock2D",) * 4,
       "up_block_types": ("UpDecoderBlock2D",) * 4}  # fmt: skip
VAE_16 = {**VAE, "latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False}
FLUX = {"text_encoder": CLIP_L, "text_encoder_2": T5_XXL, "vae": VAE_16}
SD3 = {"text_encoder": CLIP_L, "text_encoder_2": CLIP_BIG_G, "text_encoder_3": T5_XXL, "vae": VAE_16}
SD3_MEDIUM = {"num_layers": 24, "num_attention_heads": 24, "caption_projection_dim": 1536, "pos_embed_max_size": 384,
              "qk_norm": "rms_norm", "dual_attention_layers": tuple(range(13))}  # fmt: skip
SD3_LARGE = {"num_layers": 38, "num_attention_heads": 38, "caption_projection_dim": 2432, "pos_embed_max_size": 192,
             "qk_norm": "rms_norm"}  # fmt: skip
KLEIN_4B = {"num_layers": 5, "num_single_layers": 20, "num_attention_heads": 24, "joint_attention_dim": 7680,
            "guidance_embeds": False}  # fmt: skip

Configurations = Mapping[str, Mapping[str, Any]]
MODELS: Mapping[str, Configurations] = {
    "kolors": {},
    "kolors-first": {},
    "sd15": {},
    "sdxl": {},
    "sdxl-turbo": {},
    "sd3.5-medium": {**SD3, "transformer": SD3_MEDIUM},
    "sd3.5-large": {**SD3, "transformer": SD3_LARGE},
    "flux1-dev": {**FLUX, "transformer": {"guidance_embeds": True}},
    "flux1-schnell": {**FLUX, "transformer": {}},
    "flux2-dev": {"text_encoder": MISTRAL_SMALL, "transformer": {}, "vae": {}},
    "flux2-klein": {"text_encoder": QWEN3_4B, "transformer": KLEIN_4B, "vae": {}},
    "qwen-image": {"text_encoder": QWEN_VL_7B, "transformer": {}, "vae": {}},
    "z-image": {"text_encoder": QWEN3_4B, "transformer": {}, "vae": VAE_16},
    "z-image-turbo": {"text_encoder": QWEN3_4B, "transformer": {}, "vae": VAE_16},
}
"""By card: the configuration of each network that the family has no constants for."""


def numbers(family_name: str, configurations: Configurations) -> dict[str, Any]:
    """The table of a card."""
    import torch

    from studio.engine.weigh import sizes_of
    from studio.families import families

    family = families()[family_name]
    held = {}
    with tempfile.TemporaryDirectory() as scratch:
        for part in (part for part in family.parts if part.is_network):
            folder = Path(scratch) / part.name
            folder.mkdir()
            if part.name in configurations:
                (folder / "config.json").write_text(json.dumps(configurations[part.name]))
            with torch.device("meta"):
                network = part.open(folder)
            for unused in part.unused:
                setattr(network, unused, None)
            tensors = {id(tensor): (name, tuple(tensor.shape)) for name, tensor in _tensors(network)}
            held[part.name] = [*tensors.values()]  # those that two layers share stand once in a file
    return asdict(sizes_of(family, held))


def _tensors(network: Any) -> Iterable[tuple[str, Any]]:
    """What a file of the network holds, the whole numbers left out."""
    return ((n, t) for n, t in network.state_dict(keep_vars=True).items() if t.is_floating_point())


def main() -> None:
    """Print the tables."""
    from studio.settings import Settings
    from studio.shelf import Shelf

    cards = {card.name: card for card in Shelf(Settings.from_environment(root=ROOT)).models()}
    for name in sys.argv[1:] or MODELS:
        told, gb = numbers(cards[name].family, MODELS[name]), cards[name].files_gb or 0.0
        count = 2e-9 * (told["encoders"] + told["denoiser"] + told["decoder"])
        print(
            f"# {name}: {count:.1f} GB in half precision{'' if abs(count - gb) < 0.02 * gb + 0.1 else f', NOT {gb}'}"
        )
        print("[numbers]")
        for field, value in told.items():
            print(f"{field} = {value:_}" if isinstance(value, int) else f'{field} = "{value}"')
        print(flush=True)


if __name__ == "__main__":
    main()
