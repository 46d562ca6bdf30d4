"""Pictures and texts are encoded once, kept by content, and are what the family's encoders say."""

import shutil

import pytest
import torch
from PIL import Image

from studio.datasets.pictures import load_rgb
from studio.engine.load import open_part
from studio.families import families
from studio.training.encoding import Encoding, caption_of
from studio.training.errors import CacheGone, PictureGone
from studio.training.pictures import Pictures
from studio.training.place import Ground, Place
from studio.training.sources import Sources
from studio.training.store import Store, mark_of
from tests.training.conftest import paint_set

FAMILY = families()["kolors"]


@pytest.fixture
def encode(settings, tmp_path):
    """Encodes a request's pictures; gives them, the library, and how far it told to be."""

    def encoded(request, prompts=(), place=None, store=None):
        place = place or Place()
        sources = Sources.of(request, settings)
        pictures = Pictures.of(request, sources.card.sizes, 8)
        ground, told = Ground.found(request, FAMILY, place, 0), []
        work = Encoding(sources, ground, place, store or Store(tmp_path / "cache"), lambda *n: told.append(n))
        return pictures, work.run(request, pictures.items, pictures.sizes, prompts), told

    return encoded


@pytest.fixture
def vae(tiny_kolors):
    return {"vae": open_part(FAMILY.part("vae"), tiny_kolors, "cpu", torch.float32)}


def rgb_of(picture):
    import numpy as np

    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1


def test_latents_are_the_posterior_of_the_cut_picture(encode, ask, vae):
    pictures, library, _ = encode(ask(center_crop=True, random_flip=True))
    for item, entry in zip(pictures.items, library.entries, strict=True):
        kept = library.store.get(entry.latents)
        assert entry.variants == 2
        assert kept["mean"].shape == kept["std"].shape == (2, 4, entry.size[1] // 8, entry.size[0] // 8)
        assert (kept["std"] > 0).all()
        picture = load_rgb(item.file)
        scale = max(entry.size[0] / item.width, entry.size[1] / item.height)
        scaled = picture.resize(
            (round(item.width * scale), round(item.height * scale)), Image.Resampling.LANCZOS
        )
        left, top = ((a - b) // 2 for a, b in zip(scaled.size, entry.size, strict=True))
        rgb = rgb_of(scaled.crop((left, top, left + entry.size[0], top + entry.size[1])))
        for number, seen in enumerate((rgb, rgb.flip(-1))):
            mean, deviation = FAMILY.encode_picture(vae, seen)
            assert torch.allclose(kept["mean"][number], mean[0], atol=1e-5)
            assert torch.allclose(kept["std"][number], deviation[0], atol=1e-5)
        wanted = [item.height, item.width, top, left, entry.size[1], entry.size[0]]
        assert kept["sizes"][0].tolist() == wanted


def test_random_cuts_tell_where_they_were_cut(encode, ask, tmp_path):
    folder = paint_set(tmp_path / "wide", [(300, 64)])
    _, library, _ = encode(ask(dataset_path=str(folder), crops=4, aspect_buckets=False))
    sizes = library.store.get(library.entries[0].latents)["sizes"]
    assert library.entries[0].variants == len(sizes) == 4
    assert (sizes[:, :2] == torch.tensor([64.0, 300.0])).all()
    assert len({float(left) for left in sizes[:, 3]}) == 4


def test_flipped_cut_counts_its_left_from_the_other_side(encode, ask, tmp_path):
    folder = paint_set(tmp_path / "wide", [(100, 64)])
    _, library, _ = encode(ask(dataset_path=str(folder), random_flip=True, aspect_buckets=False))
    sizes = library.store.get(library.entries[0].latents)["sizes"]
    assert float(sizes[0, 3] + sizes[1, 3]) == 36


def test_texts_are_what_the_encoder_says_with_the_trigger_before(encode, ask, tiny_kolors):
    request = ask(trigger_word="zhoodle")
    pictures, library, _ = encode(request, prompts=("a red house",))
    names = FAMILY.for_encode
    parts = {name: open_part(FAMILY.part(name), tiny_kolors, "cpu", torch.float32) for name in names}
    item = pictures.items[0]
    assert caption_of(item, request) == f"zhoodle, {item.caption}"
    assert caption_of(pictures.items[1], request).startswith("zhoodle，")
    texts = {
        library.entries[0].text: f"zhoodle, {item.caption}",
        library.empty: "",
        library.prompts[0]: "a red house",
    }
    for key, text in texts.items():
        for name, states in FAMILY.encode(parts, text).items():
            assert torch.equal(library.text(key)[name], states[0])


def test_what_is_kept_is_not_encoded_again(encode, ask, tmp_path):
    _, first, told = encode(ask())
    assert told[0] == (0, 11)
    assert told[-1] == (11, 11)
    files = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.safetensors")}
    _, second, told = encode(ask(name="other", seed=7, learning_rate=1e-5))
    assert told == [(6, 11), (11, 11)]
    assert first.entries == second.entries
    assert files == {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.safetensors")}


def test_changed_picture_caption_or_cut_is_encoded_anew(encode, ask, tmp_path, pictures):
    own = shutil.copytree(pictures, tmp_path / "own")
    _, before, _ = encode(ask(dataset_path=str(own)))
    Image.new("RGB", (64, 64), "red").save(own / "train" / "00.png")
    table = own / "train" / "metadata.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("white cat", "black cat"), encoding="utf-8")
    _, after, told = encode(ask(dataset_path=str(own)))
    assert [a.latents != b.latents for a, b in zip(before.entries, after.entries, strict=True)] == [True] + [
        False
    ] * 4
    assert [a.text != b.text for a, b in zip(before.entries, after.entries, strict=True)].count(True) == 1
    assert told[-1] == (11, 11)
    _, flipped, _ = encode(ask(dataset_path=str(own), random_flip=True))
    assert not {e.latents for e in flipped.entries} & {e.latents for e in after.entries}


def test_torn_file_in_the_cache_is_made_again(encode, ask, tmp_path):
    _, library, _ = encode(ask())
    key = library.entries[0].latents
    file = next((tmp_path / "cache").rglob(f"{key}.safetensors"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    encode(ask())
    assert file.read_bytes() == whole


def test_shares_of_several_processes_make_up_the_whole(encode, ask, tmp_path):
    """Whenever each of them looks: what the first has done by then changes nothing in the second's share."""
    _, library, _ = encode(ask())
    texts = [*dict.fromkeys(entry.text for entry in library.entries), library.empty]
    store = Store(tmp_path / "theirs")
    for key in [*texts[::2], *(entry.latents for entry in library.entries[::2])]:
        store.put(key, library.store.get(key))
    _, again, told = encode(ask(), place=Place(1, 1, 2), store=store)
    assert again.entries == library.entries
    assert all(store.has(key) for key in [*texts, *(entry.latents for entry in library.entries)])
    assert told[-1] == (11, 11)


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_picture_that_went_away_since_is_named(settings, ask, tmp_path, pictures, damage):
    own = shutil.copytree(pictures, tmp_path / "own")
    request = ask(dataset_path=str(own))
    found, sources = Pictures.of(request, [(64, 64)], 8), Sources.of(request, settings)
    file = own / "train" / "00.png"
    file.unlink() if damage == "gone" else file.write_bytes(file.read_bytes()[:70])
    ground = Ground.found(request, FAMILY, Place(), 0)
    work = Encoding(sources, ground, Place(), Store(tmp_path / "cache"), lambda *_: None)
    with pytest.raises(PictureGone, match=r"train/00\.png can't be read"):
        work.run(request, found.items, found.sizes, ())


def test_emptied_store_says_so(tmp_path):
    store = Store(tmp_path)
    store.put(mark_of("a"), {"x": torch.ones(2)})
    assert torch.equal(store.get(mark_of("a"))["x"], torch.ones(2))
    shutil.rmtree(tmp_path)
    assert torch.equal(store.get(mark_of("a"))["x"], torch.ones(2))
    with pytest.raises(CacheGone, match="Resume the run"):
        Store(tmp_path).get(mark_of("a"))


def test_store_holds_no_more_than_it_may(tmp_path):
    store = Store(tmp_path, memory_bytes=100)
    for number in range(5):
        store.put(f"k{number}", {"x": torch.full((10,), float(number))})
    for number in range(5):
        assert float(store.get(f"k{number}")["x"][0]) == number
    assert len(store._held) == 2


def test_facts_of_a_mark_never_run_together():
    assert mark_of("ab", "c") != mark_of("a", "bc")
