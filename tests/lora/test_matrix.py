"""Every layout on every family that it is written for: each layer arrives, as strong as it was trained, or the file is
refused by name."""

import pytest

from studio.lora.match import match
from studio.lora.names import dotted, flat
from studio.lora.read import read
from tests.lora import layouts as lay
from tests.lora.layouts import DITS, UNETS, deltas, diffusers_names, first_names, layers, save, tensors_of
from tests.lora.networks import shapes

EVERY = (*UNETS, *DITS)
TABLE = [
    *[(family, "diffusers", lay.DIFFUSERS if family in UNETS else lay.TRANSFORMER) for family in EVERY],
    *[(family, "diffusers", spelling) for family in EVERY
      for spelling in (lay.KOHYA, lay.PEFT, lay.BARE, lay.COMFY, lay.LIGHTNING)],
    *[(family, "first", spelling) for family in EVERY
      for spelling in (lay.KOHYA, lay.COMFY, lay.COMFY_OLD, lay.BARE)],
    *[(family, "diffusers", spelling) for family in UNETS for spelling in (lay.OLD, lay.WITH_DEFAULT)],
    *[(family, "attention", spelling) for family in UNETS for spelling in (lay.PROCESSORS, lay.BARE_PROCESSORS)],
    *[(family, "diffsynth", lay.DIFFSYNTH) for family in ("sdxl", "kolors")],
    ("flux", "xflux", lay.XFLUX),
    ("sdxl", "first", lay.LYCORIS),
    ("sd15", "diffusers", lay.LYCORIS),
    ("sd3", "diffusers", lay.ONETRAINER),
]  # fmt: skip
NAMES = {name: spelling for name, spelling in vars(lay).items() if isinstance(spelling, lay.Spelling)}
IDS = [f"{f}-{n}-{next(k for k, s in NAMES.items() if s is spelling)}" for f, n, spelling in TABLE]


def groups(family, names):
    known = shapes(family)
    return {
        "diffusers": lambda: diffusers_names(known), "first": lambda: first_names(known, family),
        "attention": lambda: lay.attention_names(known), "diffsynth": lambda: lay.diffsynth_names(known),
        "xflux": lambda: lay.xflux_names(known),
    }[names]()  # fmt: skip


def changes(matched, known):
    return {
        name: (layer.up.flatten(1) @ layer.down.flatten(1) * layer.scale).reshape(known[name])
        for name, layer in matched.layers.items()
    }


def assert_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for name, delta in wanted.items():
        assert (found[name] - delta).abs().max() < 1e-5, name


@pytest.mark.long
@pytest.mark.parametrize(("family", "names", "spelling"), TABLE, ids=IDS)
def test_every_layer_arrives_as_strong_as_it_was_trained(tmp_path, family, names, spelling):
    known = shapes(family)
    written = layers(known, groups(family, names))
    lora = read(save(tmp_path, tensors_of(written, spelling), spelling.ending))
    matched = match(lora, known, family, "tiny", "lora")
    assert (matched.matched, matched.total, matched.unmatched) == (len(written), len(written), ())
    strength = None if spelling.has_alpha else 1.0
    assert lora.alpha_source == ("file" if spelling.has_alpha else "assumed")
    assert (matched.rank, matched.scale) == (2, 0.25 if spelling.has_alpha else 1.0)
    assert_equal(changes(matched, known), deltas(known, written, strength))


@pytest.mark.parametrize("family", EVERY)
def test_tables_reach_every_layer_of_a_released_model(family):
    reached = {module for _, modules in first_names(shapes(family), family) for module in modules}
    assert shapes(family).keys() - reached <= {"encoder_hid_proj"}


@pytest.mark.parametrize("family", EVERY)
def test_flat_names_find_their_dots_again(family):
    assert [dotted(flat(name)) for name in shapes(family)] == list(shapes(family))
