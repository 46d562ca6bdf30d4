"""Layouts that sets of pictures have on disk: one file each, which holds a `FORMAT`; found by name or by looking."""

from pathlib import Path

from studio.catalog import scan
from studio.datasets.errors import FormatUnknown, LayoutUnknown
from studio.datasets.formats.format import Format


def formats() -> dict[str, Format]:
    """Every layout by name, in the order in which they are asked whether a place is theirs."""
    found = scan("studio.datasets.formats", "FORMAT", Format)
    return dict(sorted(found.items(), key=lambda named: (named[1].order, named[0])))


def recognise(path: Path, called: str | Path = "") -> Format:
    """The layout of a folder or file; raises LayoutUnknown, with the name of the archive that it was unpacked from where
    it is `called` otherwise."""
    known = formats()
    for layout in known.values():
        if path.exists() and layout.recognises(path):
            return layout
    raise LayoutUnknown("where", path=str(called or path), known=", ".join(known))


def writable(name: str) -> Format:
    """The layout of this name, which can be written; raises FormatUnknown."""
    known = {key: layout for key, layout in formats().items() if layout.write is not None}
    if name not in known:
        raise FormatUnknown("format", name=name, known=", ".join(sorted(known)))
    return known[name]
