"""SamplerCustomAdvanced and SamplerCustom, and the small nodes that are plugged into them."""

from collections.abc import Callable

from studio.exchange.comfy.kind import CONTROL, node
from studio.exchange.comfy.nodes.sampling import (
    NO_NOISE,
    is_second,
    take,
    take_sampler,
    take_schedule,
    take_sides,
)
from studio.exchange.comfy.samplers import SCHEDULES, nearest
from studio.exchange.comfy.walk import Visit, lacks, passes

_SIDES = "model:MODEL positive:CONDITIONING negative:CONDITIONING"


def _custom_advanced(visit: Visit) -> None:
    if is_second(visit):
        return
    visit.follow("noise", "noise", is_needed=True)
    visit.follow("sampler", "sampler", is_needed=True)
    visit.follow("sigmas", "sigmas", is_needed=True)
    visit.follow("guider", "guider", is_needed=True)


def _custom(visit: Visit) -> None:
    if is_second(visit):
        return
    visit.found.seed(visit.whole("noise_seed"), visit.node)
    if visit.value("add_noise") is False:
        visit.approximate(NO_NOISE)
    visit.follow("sampler", "sampler", is_needed=True)
    visit.follow("sigmas", "sigmas", is_needed=True)
    visit.map("guidance", visit.number("cfg"))
    take_sides(visit)


def _noise(visit: Visit) -> None:
    visit.found.seed(visit.whole("noise_seed"), visit.node)


def _no_noise(visit: Visit) -> None:
    visit.approximate(NO_NOISE)


def _basic_guider(visit: Visit) -> None:
    visit.map("guidance", 1.0)
    visit.follow("model", "model", is_needed=True)
    visit.follow("conditioning", "positive", is_needed=True)


def _cfg_guider(visit: Visit) -> None:
    visit.map("guidance", visit.number("cfg"))
    take_sides(visit)


def _dual_guider(visit: Visit) -> None:
    visit.leave(visit.node.name)
    visit.map("guidance", visit.number("cfg_conds"))
    visit.follow("model", "model", is_needed=True)
    visit.follow("cond1", "positive", is_needed=True)
    visit.follow("negative", "negative")


def _own_grid(schedule: str) -> Callable[[Visit], None]:
    """A reader of a node that stands for one schedule."""

    def read(visit: Visit) -> None:
        take(visit, "schedule", schedule, nearest(schedule, SCHEDULES))
        visit.map("steps", visit.whole("steps"))

    return read


NODES = (
    node("SamplerCustomAdvanced", _custom_advanced,
         "noise:NOISE guider:GUIDER sampler:SAMPLER sigmas:SIGMAS latent_image:LATENT", "", "LATENT LATENT",
         is_sampler=True),
    node("SamplerCustom", _custom, f"{_SIDES} sampler:SAMPLER sigmas:SIGMAS latent_image:LATENT",
         f"add_noise noise_seed {CONTROL} cfg", "LATENT LATENT", is_sampler=True),
    node("RandomNoise", _noise, "", f"noise_seed {CONTROL}", "NOISE"),
    node("DisableNoise", _no_noise, "", "", "NOISE"),
    node("KSamplerSelect", take_sampler, "", "sampler_name", "SAMPLER"),
    node("BasicScheduler", take_schedule, "model:MODEL", "scheduler steps denoise", "SIGMAS"),
    node("KarrasScheduler", _own_grid("karras"), "", "steps sigma_max sigma_min rho", "SIGMAS"),
    node("ExponentialScheduler", _own_grid("exponential"), "", "steps sigma_max sigma_min", "SIGMAS"),
    node("BetaSamplingScheduler", _own_grid("beta"), "model:MODEL", "steps alpha beta", "SIGMAS"),
    node("SplitSigmas", lacks("sigmas"), "sigmas:SIGMAS", "step", "SIGMAS SIGMAS"),
    node("SplitSigmasDenoise", lacks("sigmas"), "sigmas:SIGMAS", "denoise", "SIGMAS SIGMAS"),
    node("FlipSigmas", lacks("sigmas"), "sigmas:SIGMAS", "", "SIGMAS"),
    node("BasicGuider", _basic_guider, "model:MODEL conditioning:CONDITIONING", "", "GUIDER"),
    node("CFGGuider", _cfg_guider, _SIDES, "cfg", "GUIDER"),
    node("DualCFGGuider", _dual_guider, "model:MODEL cond1:CONDITIONING cond2:CONDITIONING negative:CONDITIONING",
         "cfg_conds cfg_cond2_negative", "GUIDER"),
    node("AddNoise", passes("latent_image"), "model:MODEL noise:NOISE sigmas:SIGMAS latent_image:LATENT", "", "LATENT"),
)  # fmt: skip
