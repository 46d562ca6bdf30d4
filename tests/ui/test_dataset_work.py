"""Long work as its visitor follows it: several at once, each on lines of its own."""

import gradio as gr
import pytest

from studio.datasets.errors import NothingToExport
from studio.datasets.found import Step
from tests.ui.conftest import drawn
from tests.ui.dataset import draw_bench, fill


@pytest.fixture
def bench(settings, engine):
    return drawn(lambda: draw_bench(settings, engine))


def test_two_imports_at_once_keep_their_own_lines_until_another_begins(bench, settings):
    fill(settings, 1).close()
    work, data = bench.room.bring.work, bench.data()

    def begin(name, *ends):
        def steps(catalogue, turn):
            yield Step(1, 2)
            for end in ends:
                raise end

        return work.run(data, gr.Request(), steps, lambda came, language: f"{name} came in", name)

    first, second = begin("first.zip"), begin("second.zip", NothingToExport(None, left_out=0))
    next(first)
    told = next(second)
    assert told[work.note].count("progressbar") == 2
    assert told[work.note].index("first.zip") < told[work.note].index("second.zip")
    told = list(first)[-1]
    assert "first.zip came in" in told[work.note]
    assert "progressbar" in told[work.note]
    assert told[work.stop]["visible"] is True  # the other one is still under way
    told = list(second)[-1]
    assert "first.zip came in" in told[work.note]
    assert 'role="alert"' in told[work.note]
    assert told[work.stop]["visible"] is False
    assert "first.zip" not in next(begin("third.zip"))[work.note]


def test_a_title_names_the_files_or_the_source(bench):
    bring, data = bench.room.bring, bench.data()
    assert bring.title(data | {bring.source: "upload", bring.drop: ["/x/a.png", "/x/b.png"]}) == "a.png +1"
    held = data | {bring.source: "openverse", bring.form.controls["query"]: "boats"}
    assert bring.title(held) == "Openverse: boats"
