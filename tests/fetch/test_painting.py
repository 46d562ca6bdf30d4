"""From a hub to a picture: a tiny Kolors is fetched and the engine paints with it."""

from studio.engine.events import Picture
from studio.engine.host import InlineEngine
from studio.requests import GenerateRequest
from studio.studio import Saved, Studio
from tests.fetch.mirror import LEFT, Toy, mirrored


def test_a_fetched_model_paints_as_the_one_that_was_served(tmp_path, tiny_kolors):
    files = {
        file.relative_to(tiny_kolors).as_posix(): file.read_bytes()
        for file in tiny_kolors.rglob("*")
        if file.is_file()
    }
    with mirrored(tmp_path, Toy({**LEFT, **files})) as house:
        house.get("huggingface")
        assert house.here() == files
        studio = Studio(house.settings, InlineEngine())
        events = list(
            studio.generate(
                GenerateRequest(prompt="a boat", model="toy", width=64, height=64, steps=1, seed=3)
            )
        )
        studio.close()
    assert [event for event in events if isinstance(event, Picture)]
    assert [event for event in events if isinstance(event, Saved)]
