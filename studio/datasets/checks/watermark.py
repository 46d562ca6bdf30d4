"""Whether the same mark lies over many pictures, and whether captions speak of marks."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.datasets.checks.check import Check, Finding, Inspection, about
from studio.datasets.entry import Entry
from studio.words import Text

LEAST_COMPARED, MOST_COMPARED = 10, 48
SIDE_PX = 256
STANDING_EDGE = 40.0
LEAST_MARK, MOST_MARK = 0.0006, 0.2
"""Shares of the picture that a mark covers with its edges; what covers more is the motif itself."""
SAME_EDGES = 0.7
_WORDS = re.compile(
    r"https?://|www\.|\.com\b|©|\bwatermark|\bsignature\b|shutterstock|getty ?images|alamy|dreamstime|水印|署名|图库",
    re.IGNORECASE,
)
MARKED = Text(
    "The same edges stand at the same place in {count} of {all} pictures that were compared ({which}): perhaps "
    "a watermark, a logo or a frame.",
    "抽查的 {all} 张图片中有 {count} 张在同一位置有相同的轮廓（{which}）：可能是水印、标志或边框。",
)
TOLD = Text(
    "{count:caption speaks|captions speak} of a watermark, a signature or an address ({which}).",
    "{count} 条说明提到水印、署名或网址（{which}）。",
)


def look(inspection: Inspection) -> Iterator[Finding]:
    """Edges that stand still over up to 48 pictures of the commonest size; words that name marks."""
    yield from about("note", TOLD, (e for e in inspection.usable if _WORDS.search(e.caption)))
    sample = _sample(inspection)
    if inspection.root is None or len(sample) < LEAST_COMPARED:
        return
    pairs = [(entry, edges) for entry in sample if (edges := _edges(entry.path(inspection.root))) is not None]
    if len(pairs) >= LEAST_COMPARED:
        marked = _marked(np.stack([edges for _, edges in pairs]))
        yield from about("note", MARKED, (pairs[k][0] for k in marked), all=len(pairs))


def _sample(inspection: Inspection) -> Sequence[Entry]:
    """Pictures of the commonest size, evenly from all of the set; only one of each group of look-alikes."""
    extra = {id for group in inspection.groups for id in group[1:]}
    single = [
        entry for entry in inspection.own if entry.id not in extra and not entry.turn and not entry.crop
    ]
    sizes = Counter(entry.size for entry in single).most_common(1)
    same = [entry for entry in single if entry.size == sizes[0][0]] if sizes else []
    stride = max(1, -(-len(same) // MOST_COMPARED))
    return same[::stride]


def _edges(file: Path) -> NDArray[np.float32] | None:
    """The strength of a picture's edges (256, 256); None when it has gone meanwhile."""
    try:
        content = np.frombuffer(file.read_bytes(), np.uint8)
    except OSError:
        return None
    grey: Any = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if content.size else None
    if grey is None:
        return None
    small = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    across, down = cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _marked(edges: NDArray[np.float32]) -> list[int]:
    """Which of the pictures (N, 256, 256) have the edges that stand still, if any do: where even the median picture has
    an edge, far above what is usual elsewhere (Dekel et al., CVPR 2017, estimate watermarks by that median)."""
    middle = np.median(edges, axis=0)
    standing = middle > max(STANDING_EDGE, 4 * float(np.median(middle)))
    if not LEAST_MARK <= float(standing.mean()) <= MOST_MARK:
        return []
    same = (edges[:, standing] > STANDING_EDGE).mean(axis=1)
    marked = [int(k) for k in np.flatnonzero(same >= SAME_EDGES)]
    return marked if 2 * len(marked) > len(edges) else []


CHECK = Check(
    27,
    Text("Watermarks", "水印"),
    Text(
        "A mark that lies over every picture is the first thing that a LoRA learns.",
        "每张图上都有的标记，是 LoRA 最先学会的东西。",
    ),
    look,
    thresholds={
        "least_compared": LEAST_COMPARED, "most_compared": MOST_COMPARED, "standing_edge": STANDING_EDGE,
        "least_mark": LEAST_MARK, "most_mark": MOST_MARK, "same_edges": SAME_EDGES,
    },
)  # fmt: skip
