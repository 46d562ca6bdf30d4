"""The house rules, checked by reading the code: who may import whom, how long a file may be, that everything public
says what it is, and that the page comes up without torch."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 400

LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "words",
        "errors",
        "settings",
        "catalog",
        "requests",
        "headers",
        "disk",
        "origin",
        "toml",
        "train_errors",
        "picture_errors",
        "train_request",
        "train_plan",
        "dataset_requests",
        "weighting",
        "numbers",
        "finite",
        "letters",
        "wildcards",
    ),
    ("families", "lora"),
    ("presets", "shelf"),
    ("schedulers", "exchange", "datasets"),
    ("engine", "history", "starts"),
    ("runs",),
    ("batch",),
    ("studio", "storybook", "training", "captioning"),
    ("sources",),
    ("fetch",),
    ("ui", "commands", "__main__", "app"),
)
"""Rooms from the ground up; imports go down only."""

APART = (
    {"families", "schedulers", "exchange", "datasets"},
    {"engine", "history"},
    {"studio", "training"},
)
"""Rooms side by side that don't know each other."""

EVENTS = "studio.engine.events"
"""Plain values that everyone above the ground may speak of."""

HEAVY = {"torch", "diffusers", "transformers", "peft"}
ALLOWED = {
    "gradio": {"ui", "app"},
    "pytorch_lightning": {"training"},
    **{
        heavy: {"families", "schedulers", "lora", "engine", "training", "storybook", "captioning"}
        for heavy in HEAVY
    },
}
"""Heavy libraries, and the rooms that may use them."""

TORCH_FREE = (
    "families",
    "schedulers",
    "lora",
    "shelf",
    "engine.events",
    "engine.host",
    "engine.needs",
    "engine.plan",
    "runs",
    "studio",
    "shelf",
    "sources",
    "fetch",
    "datasets",
)
"""Where the page looks in: heavy libraries only inside functions."""


@cache
def modules() -> dict[str, Path]:
    """Dotted name to file of every module of ours."""
    files = [*(ROOT / "studio").rglob("*.py"), *ROOT.glob("app.py")]
    return {_dotted(file): file for file in sorted(files)}


@cache
def tree(name: str) -> ast.Module:
    """A module, parsed."""
    return ast.parse(modules()[name].read_text(encoding="utf-8"))


def _dotted(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(name: str) -> str:
    """The room of a module: the part of its name that the layers speak of; the package itself has none."""
    parts = name.split(".")
    return parts[0] if parts[0] != "studio" else parts[1] if len(parts) > 1 else ""


def layer(name: str) -> int:
    """How high a room stands."""
    return next(i for i, rooms in enumerate(LAYERS) if name in rooms)


def imports(name: str, at_import_only: bool = False) -> set[str]:
    """What a module imports; with `at_import_only`, without what functions and type checkers import."""
    found: set[str] = set()
    waiting: list[ast.AST] = [tree(name)]
    while waiting:
        node = waiting.pop()
        if at_import_only and (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types(node)
        ):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            source = str(node.module)
            found |= {
                f"{source}.{a.name}" if f"{source}.{a.name}" in modules() else source for a in node.names
            }
        waiting += ast.iter_child_nodes(node)
    return found


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def ours(name: str, at_import_only: bool = False) -> set[str]:
    """Modules of ours among the imports."""
    return {other for other in imports(name, at_import_only) if other.split(".")[0] in ("studio", "app")}


def all_modules(check):
    """A test of every module in one: it fails with what each of them has against it."""

    def test():
        faults = [fault for name in modules() for fault in check(name)]
        assert not faults, "\n".join(faults)

    test.__name__ = check.__name__
    return test


def test_every_room_has_a_layer():
    known = {name for rooms in LAYERS for name in rooms}
    assert {room(name) for name in modules()} - {""} <= known


@all_modules
def test_imports_go_down(name):
    here = room(name)
    for other in ours(name):
        there = room(other)
        if not here or not there or here == there or other == EVENTS:
            continue
        if layer(there) > layer(here):
            yield f"{name} imports {other} from above"
        if any({here, there} <= rooms for rooms in APART):
            yield f"{name} and {other} stand side by side"


def test_no_import_cycles():
    graph = {name: ours(name, at_import_only=True) & modules().keys() - {name} for name in modules()}
    done: set[str] = set()
    path: list[str] = []

    def visit(name: str) -> None:
        assert name not in path, f"cycle: {' -> '.join([*path[path.index(name) :], name])}"
        if name in done:
            return
        path.append(name)
        for other in sorted(graph[name]):
            visit(other)
        done.add(path.pop())

    for name in graph:
        visit(name)


@all_modules
def test_heavy_libraries_stay_in_their_rooms(name):
    for library in {source.split(".")[0] for source in imports(name)} & ALLOWED.keys():
        if room(name) not in ALLOWED[library]:
            yield f"{name} imports {library}"


@all_modules
def test_what_the_page_imports_is_light(name):
    inside = name.removeprefix("studio.")
    if any(inside == light or inside.startswith(f"{light}.") for light in TORCH_FREE):
        heavy = {source.split(".")[0] for source in imports(name, at_import_only=True)}
        yield from (f"{name} imports {library}" for library in heavy & HEAVY)


@all_modules
def test_files_stay_short(name):
    count = len(modules()[name].read_text(encoding="utf-8").splitlines())
    if count > MOST_LINES:
        yield f"{name} has {count} lines; split it"


@all_modules
def test_everything_public_has_a_docstring(name):
    if not ast.get_docstring(tree(name)):
        yield f"{name} doesn't say what it is for"
    bare = [symbol for symbol, node in _public(tree(name)) if not ast.get_docstring(node)]
    yield from (f"{name}.{symbol} has no docstring" for symbol in bare)


@all_modules
def test_no_state_at_module_level(name):
    kinds = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    for node in tree(name).body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if _is_set(node) else []
        for target in targets:
            is_kept = isinstance(node.value, kinds) and isinstance(target, ast.Name)
            if is_kept and not (target.id.isupper() or target.id == "__all__"):
                yield f"{name}.{target.id} can be changed by anyone"
    if any(isinstance(node, ast.Global) for node in ast.walk(tree(name))):
        yield f"{name} uses global"


@pytest.mark.long
def test_the_page_comes_up_without_torch():
    code = (
        "import sys, studio.ui.page, studio.studio, studio.families.kolors, studio.engine.host\n"
        "from studio.settings import Settings\n"
        "page = studio.ui.page.build_page(studio.studio.Studio(Settings.from_environment()))\n"
        "print(sorted({'torch', 'diffusers', 'transformers', 'peft'} & sys.modules.keys()))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert answer.stdout.splitlines()[-1] == "[]"


def _is_set(node: ast.AST) -> bool:
    return isinstance(node, ast.AnnAssign) and node.value is not None


def _public(parent: ast.AST, prefix: str = "") -> list[tuple[str, ast.AST]]:
    """Public classes, functions and methods; what a class inherits its meaning for (dunders, overrides) is exempt."""
    found: list[tuple[str, ast.AST]] = []
    for node in ast.iter_child_nodes(parent):
        if not isinstance(
            node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) or node.name.startswith("_"):
            continue
        if any(ast.unparse(d) in ("overload", "override", "typing.override") for d in node.decorator_list):
            continue
        found.append((prefix + node.name, node))
        if isinstance(node, ast.ClassDef):
            found += _public(node, f"{node.name}.")
    return found
