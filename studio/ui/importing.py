"""gradio's import without what only an editor needs.

At every import gradio reads the source of each component anew, makes a stub (.pyi) of it and writes that beside the
installed file: half of what its import takes. Nothing here reads stubs. Where gradio has been imported before, or no
longer makes them in this way, nothing is changed."""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

_MODULE = "gradio.component_meta"
_MAKER = "create_or_modify_pyi"


def without_stubs() -> None:
    """Have gradio, when it is imported, make no stubs."""
    if _MODULE not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds that one module, once, as everybody else would, and has its maker of stubs put away."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Loads as `loader` does, and then puts the maker of stubs away."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if hasattr(module, _MAKER):
            setattr(module, _MAKER, lambda *_: None)
