"""gradio is imported without making stubs, and is gradio all the same."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def run(program: str, *paths: Path) -> str:
    """What a fresh interpreter prints that looks for modules in `paths` first."""
    begin = f"import sys; sys.path[:0] = {[*map(str, paths), str(ROOT)]!r}\n"
    return subprocess.run(
        [sys.executable, "-c", begin + program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_gradio_makes_no_stubs_and_its_components_are_whole():
    program = """
import ast, studio.ui
read = []
parse = ast.parse
ast.parse = lambda source, *given, **named: read.append(source) or parse(source, *given, **named)
import gradio
assert gradio.Textbox(value="x").get_config()["value"] == "x"
assert callable(gradio.Button("go").click)
made = type("Mine", (gradio.HTML,), {"__init__": gradio.HTML.__init__})
print(sum("class " in str(source) for source in read), sum(isinstance(finder, studio.ui.importing._Finder) for finder in sys.meta_path))
"""
    assert run(program) == "0 0"


def test_without_the_hook_gradio_does_make_them():
    """What the hook is for: gone from gradio, it may go from here."""
    program = """
import ast
read = []
parse = ast.parse
ast.parse = lambda source, *given, **named: read.append(source) or parse(source, *given, **named)
import gradio
print(sum("class " in str(source) for source in read) > 100)
"""
    assert run(program) == "True"


def test_another_gradio_is_left_as_it_is(tmp_path):
    (tmp_path / "gradio").mkdir()
    (tmp_path / "gradio" / "__init__.py").write_text("from gradio import component_meta\n", "utf-8")
    (tmp_path / "gradio" / "component_meta.py").write_text("own = 7\n", "utf-8")
    program = "import studio.ui, gradio; print(gradio.component_meta.own, vars(gradio.component_meta).keys() >= {'own'})"
    assert run(program, tmp_path) == "7 True"


def test_gradio_that_is_there_already_stays_as_it_is():
    program = """
import gradio, studio.ui
studio.ui.without_stubs()
print(gradio.component_meta.create_or_modify_pyi.__module__, sys.meta_path[0].__class__.__name__ == "_Finder")
"""
    assert run(program) == "gradio.component_meta False"
