"""The samplers, each a diffusers scheduler class that follows any grid of sigmas given to it.

DDIM is Euler: without added noise the two are the same formula, and diffusers' own DDIM class takes no grid. Left out:
samplers that divide by zero or look up a grid of their own when the last sigma is 0 (DEIS, LMS, KDPM2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.words import Text


@dataclass(frozen=True)
class Sampler:
    """A name for the reader, the diffusers class behind it, and the settings that make the class this sampler."""

    label: Text
    module: str
    scheduler: str
    settings: Mapping[str, Any] = field(default_factory=dict)


_DPM = ("dpmsolver_multistep", "DPMSolverMultistepScheduler")
_PLUS = {"algorithm_type": "dpmsolver++", "final_sigmas_type": "zero"}
_SDE = {"algorithm_type": "sde-dpmsolver++", "final_sigmas_type": "zero"}

SAMPLERS: dict[str, Sampler] = {
    "euler": Sampler(Text("Euler", "Euler"), "euler_discrete", "EulerDiscreteScheduler"),
    "euler_ancestral": Sampler(
        Text("Euler ancestral", "Euler ancestral"),
        "euler_ancestral_discrete",
        "EulerAncestralDiscreteScheduler",
    ),
    "heun": Sampler(
        Text("Heun (twice the work)", "Heun(计算量加倍)"), "heun_discrete", "HeunDiscreteScheduler"
    ),
    "dpmpp_2m": Sampler(Text("DPM++ 2M", "DPM++ 2M"), *_DPM, {**_PLUS, "solver_order": 2}),
    "dpmpp_2m_sde": Sampler(Text("DPM++ 2M SDE", "DPM++ 2M SDE"), *_DPM, {**_SDE, "solver_order": 2}),
    "ddim": Sampler(
        Text("DDIM (same as Euler)", "DDIM(与 Euler 相同)"), "euler_discrete", "EulerDiscreteScheduler"
    ),
    "uni_pc": Sampler(
        Text("UniPC", "UniPC"), "unipc_multistep", "UniPCMultistepScheduler", {"final_sigmas_type": "zero"}
    ),
    "lcm": Sampler(
        Text("LCM (for LCM LoRAs)", "LCM(配合 LCM LoRA)"),
        "lcm",
        "LCMScheduler",
        {"original_inference_steps": 1000},
    ),
}
