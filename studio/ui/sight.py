"""The script that brings a part of the page into sight."""


def into_sight(elem_id: str, block: str = "nearest") -> str:
    """Scroll smoothly until the element of that id is seen: `nearest` no further than needed, `start` to the top."""
    return f"() => document.getElementById('{elem_id}')?.scrollIntoView({{behavior: 'smooth', block: '{block}'}})"
