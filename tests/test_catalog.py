"""A folder is a register: its modules are found by their constant, and a wrong one is told to the programmer."""

import sys

import pytest

from studio.catalog import scan


@pytest.fixture
def register(tmp_path, monkeypatch):
    """Makes a package of modules with these contents."""

    def makes(name, **modules):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        for module, content in modules.items():
            (folder / f"{module}.py").write_text(content)
        return name

    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    yield makes
    for added in set(sys.modules) - known:
        del sys.modules[added]


def test_modules_with_the_constant_are_found_by_name(register):
    package = register("rooms_a", two="ENTRY = 2", one="ENTRY = 1", other="OTHER = 3")
    assert list(scan(package, "ENTRY", int).items()) == [("one", 1), ("two", 2)]


def test_a_constant_of_another_type_is_a_slip_of_the_programmer(register):
    with pytest.raises(TypeError, match=r"rooms_b\.one\.ENTRY is a str, not a int"):
        scan(register("rooms_b", one="ENTRY = 'x'"), "ENTRY", int)
