"""Nodes between the text encoder and the sampler."""

from collections.abc import Callable

from studio.exchange.comfy.kind import node
from studio.exchange.comfy.walk import Visit, lacks, passes

_ONE, _TWO = "conditioning:CONDITIONING", "positive:CONDITIONING negative:CONDITIONING"


def _guidance(visit: Visit) -> None:
    visit.found.flux(visit.number("guidance"), visit.node)
    visit.follow("conditioning")


def _zero(visit: Visit) -> None:
    """Nothing is said, whatever the words are."""
    visit.speak("")


def _both(first: str, second: str) -> Callable[[Visit], None]:
    """A reader of a node that puts two conditionings together."""

    def read(visit: Visit) -> None:
        visit.follow(first)
        visit.follow(second)

    return read


def _side(visit: Visit) -> None:
    """A node that takes both sides and has a reason of its own: it is named, and the side asked for goes on."""
    visit.leave(visit.node.name)
    if visit.purpose == "latent":
        visit.follow("pixels", "picture")
    else:
        visit.follow(visit.purpose)


NODES = (
    node("FluxGuidance", _guidance, _ONE, "guidance", "CONDITIONING"),
    node("ConditioningZeroOut", _zero, _ONE, "", "CONDITIONING"),
    node("ConditioningCombine", _both("conditioning_1", "conditioning_2"),
         "conditioning_1:CONDITIONING conditioning_2:CONDITIONING", "", "CONDITIONING"),
    node("ConditioningConcat", _both("conditioning_to", "conditioning_from"),
         "conditioning_to:CONDITIONING conditioning_from:CONDITIONING", "", "CONDITIONING"),
    node("ConditioningAverage", _both("conditioning_to", "conditioning_from"),
         "conditioning_to:CONDITIONING conditioning_from:CONDITIONING", "conditioning_to_strength", "CONDITIONING"),
    node("ConditioningSetTimestepRange", lacks("conditioning"), _ONE, "start end", "CONDITIONING"),
    node("ConditioningSetArea", lacks("conditioning"), _ONE, "width height x y strength", "CONDITIONING"),
    node("ConditioningSetAreaPercentage", lacks("conditioning"), _ONE, "width height x y strength", "CONDITIONING"),
    node("ConditioningSetMask", lacks("conditioning"), f"{_ONE} mask:MASK", "strength set_cond_area", "CONDITIONING"),
    node("unCLIPConditioning", lacks("conditioning"), f"{_ONE} clip_vision_output:CLIP_VISION_OUTPUT",
         "strength noise_augmentation", "CONDITIONING"),
    node("StyleModelApply", lacks("conditioning"),
         f"{_ONE} style_model:STYLE_MODEL clip_vision_output:CLIP_VISION_OUTPUT", "strength strength_type",
         "CONDITIONING"),
    node("ReferenceLatent", lacks("conditioning"), f"{_ONE} latent:LATENT", "", "CONDITIONING"),
    node("ControlNetApply", lacks("conditioning"), f"{_ONE} control_net:CONTROL_NET image:IMAGE", "strength",
         "CONDITIONING"),
    node("ControlNetApplyAdvanced", _side, f"{_TWO} control_net:CONTROL_NET image:IMAGE vae:VAE",
         "strength start_percent end_percent", "CONDITIONING CONDITIONING"),
    node("InpaintModelConditioning", _side, f"{_TWO} vae:VAE pixels:IMAGE mask:MASK", "noise_mask",
         "CONDITIONING CONDITIONING LATENT"),
    node("InstructPixToPixConditioning", _side, f"{_TWO} vae:VAE pixels:IMAGE", "",
         "CONDITIONING CONDITIONING LATENT"),
    node("FluxKontextImageScale", passes("image"), "image:IMAGE", "", "IMAGE"),
)  # fmt: skip
