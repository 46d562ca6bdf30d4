"""ComfyUI's samplers and schedulers, and diffusers' classes as kijai's node lists them, beside ours. Where nothing of
ours computes the same, the nearest stands for it, with the reason."""

import re
from dataclasses import dataclass

from studio.words import Text

TRAIN_STEPS = 1000

OTHER_NOISE = Text(
    "the formula is the same, but its random noise is drawn otherwise", "公式相同，但随机噪声的取法不同"
)
SECOND_ORDER = Text("both take two looks a step", "二者每步都计算两次")
MULTISTEP = Text("both draw on earlier steps", "二者都利用之前几步的结果")
STOCHASTIC = Text("both add fresh noise at every step", "二者每步都加入新的噪声")
NO_CFG_PP = Text("its CFG++ correction is not here", "本程序没有 CFG++ 修正")
VARIANT = Text("the same method in another variant", "同一方法的另一种变体")
NEAR_GRID = Text("its noise levels come nearest", "噪声分布最接近")
OWN_GRID = Text("the model's own spacing for this sampler differs a little", "该采样器的步长分布与此略有差异")


@dataclass(frozen=True)
class Match:
    """What of ours stands for a foreign name, and why that is not the same; no reason when it is."""

    name: str
    why: Text | None = None


def _all(names: str, ours: str, why: Text | None) -> dict[str, Match]:
    return {name: Match(ours, why) for name in names.split()}


SAMPLERS: dict[str, Match] = {
    **{name: Match(name) for name in ("euler", "heun", "dpmpp_2m", "ddim")},
    **{name: Match(name, OTHER_NOISE) for name in ("euler_ancestral", "dpmpp_2m_sde", "lcm")},
    "uni_pc_bh2": Match("uni_pc", VARIANT),
    "uni_pc": Match("uni_pc", VARIANT),
    **_all("dpmpp_2m_sde_gpu", "dpmpp_2m_sde", OTHER_NOISE),
    **_all("heunpp2 dpm_2 exp_heun_2_x0", "heun", SECOND_ORDER),
    **_all("lms ipndm ipndm_v deis res_multistep gradient_estimation dpm_fast dpm_adaptive", "dpmpp_2m", MULTISTEP),
    **_all("dpm_2_ancestral dpmpp_2s_ancestral res_multistep_ancestral ddpm seeds_2 seeds_3", "euler_ancestral", STOCHASTIC),
    **_all("dpmpp_sde dpmpp_sde_gpu dpmpp_3m_sde dpmpp_3m_sde_gpu dpmpp_2m_sde_heun dpmpp_2m_sde_heun_gpu er_sde "
           "sa_solver sa_solver_pece exp_heun_2_x0_sde", "dpmpp_2m_sde", STOCHASTIC),
    **_all("euler_cfg_pp", "euler", NO_CFG_PP),
    **_all("euler_ancestral_cfg_pp dpmpp_2s_ancestral_cfg_pp res_multistep_ancestral_cfg_pp", "euler_ancestral", NO_CFG_PP),
    **_all("dpmpp_2m_cfg_pp res_multistep_cfg_pp gradient_estimation_cfg_pp cfgpp_ud10_ab", "dpmpp_2m", NO_CFG_PP),
}  # fmt: skip
"""`sampler_name` of KSampler and KSamplerSelect."""

SCHEDULES: dict[str, Match] = {
    **{name: Match(name) for name in ("normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform", "beta")},
    "linear_quadratic": Match("simple", NEAR_GRID),
    "kl_optimal": Match("karras", NEAR_GRID),
}  # fmt: skip
"""`scheduler` of KSampler and BasicScheduler."""

CLASSES: dict[str, tuple[Match, Match]] = {
    "EulerDiscreteScheduler": (Match("euler"), Match("auto")),
    "EulerAncestralDiscreteScheduler": (Match("euler_ancestral", OTHER_NOISE), Match("auto")),
    "DPMSolverMultistepScheduler": (Match("dpmpp_2m"), Match("auto", OWN_GRID)),
    "DPMSolverMultistepScheduler_SDE_karras": (Match("dpmpp_2m_sde", OTHER_NOISE), Match("karras")),
    "UniPCMultistepScheduler": (Match("uni_pc"), Match("auto", OWN_GRID)),
    "DEISMultistepScheduler": (Match("dpmpp_2m", MULTISTEP), Match("auto", OWN_GRID)),
}
"""`scheduler` of kijai's KolorsSampler: a sampler of ours, and a schedule."""

TO_COMFY = {name: name for name in ("euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde", "ddim", "uni_pc", "lcm")}  # fmt: skip
"""Our samplers as KSampler names them."""


def nearest(name: str, table: dict[str, Match]) -> Match | None:
    """What stands for a name, however it is spelt ("DPM++ 2M", "dpmpp-2m")."""
    key = re.sub(r"[\s\-]+", "_", name.strip().lower().replace("++", "pp")).replace("dpm_pp", "dpmpp")
    return table.get(name) or table.get(key)


def ddim_steps(steps: int) -> int:
    """How many steps ComfyUI takes with `ddim_uniform`: one more than asked for where the count does not divide its
    1000 training timesteps."""
    if not 0 < steps < TRAIN_STEPS:
        return steps
    stride = TRAIN_STEPS // steps
    return len(range(1, TRAIN_STEPS, stride))
