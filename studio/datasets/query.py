"""Which pictures of a set somebody wants to see, and in which order."""

from dataclasses import dataclass
from typing import Any, Literal

Order = Literal["added", "name", "size", "sharpness", "caption"]
_ORDERS: dict[str, str] = {
    "added": "id",
    "name": "name COLLATE NOCASE, id",
    "size": "m_width * m_height, id",
    "sharpness": "m_sharpness, id",
    "caption": "length(caption), id",
}
_RANGES = {
    "side": "min(m_width, m_height)",
    "aspect": "CAST(m_width AS REAL) / max(m_height, 1)",
    "caption": "length(caption)",
    "brightness": "m_brightness",
    "sharpness": "m_sharpness",
}
"""What can be drawn as a histogram and filtered by a stretch of it: name to SQL."""


@dataclass(frozen=True)
class Query:
    """All that is given must hold. `stretch` is a measure (a key of the histograms), from, up to but without."""

    words: str = ""
    tag: str = ""
    check: str = ""
    license: str = ""
    split: str = ""
    source: str = ""
    is_uncaptioned: bool = False
    is_deleted: bool = False
    stretch: tuple[str, float, float] | None = None
    order: Order = "added"
    is_descending: bool = False

    @property
    def condition(self) -> tuple[str, list[Any]]:
        """The SQL condition with its values."""
        parts, values = ["is_deleted = ?"], list[Any]([int(self.is_deleted)])
        for word in self.words.split():
            like = f"%{_escaped(word)}%"
            parts.append("(caption LIKE ? ESCAPE '\\' OR name LIKE ? ESCAPE '\\')")
            values += [like, like]
        if self.tag:
            parts.append("tags LIKE ? ESCAPE '\\'")
            values.append(f"%\n{_escaped(self.tag)}\n%")
        if self.check:
            parts.append("id IN (SELECT picture FROM findings WHERE check_name = ?)")
            values.append(self.check)
        for column, value in (("license", self.license), ("split", self.split), ("source", self.source)):
            if value:
                parts.append(f"{column} = ?")
                values.append("" if value == "none" else value)
        if self.is_uncaptioned:
            parts.append("trim(caption) = ''")
        if self.stretch is not None:
            measure, low, high = self.stretch
            parts.append(f"{measured(measure)} >= ? AND {measured(measure)} < ?")
            values += [low, high]
        return " AND ".join(parts), values

    @property
    def sorting(self) -> str:
        """The SQL order."""
        wanted = _ORDERS[self.order]
        return ", ".join(f"{part} DESC" for part in wanted.split(", ")) if self.is_descending else wanted


def measured(name: str) -> str:
    """The SQL of a measure that pictures can be filtered by."""
    return _RANGES[name]


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
