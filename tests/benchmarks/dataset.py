"""How fast a set is looked at, how fast its near-duplicates are grouped, what memory that takes, and how it grows.

    python tests/benchmarks/dataset.py [--pictures N] [--rows N ...] [--json]

Pictures are made on the spot: JPEGs of quality 92, every tenth a varied copy of another. Speeds are per second of
processor time, which a busy machine blurs less than the clock, the best of three passes; how fast OpenCV merely decodes the same files is measured
in turns with the check, as a yardstick of the machine. Where imagehash and cleanvision are installed they look at the same files."""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from studio.dataset_requests import Need, SplitRequest  # noqa: E402
from studio.datasets.catalogue import Catalogue  # noqa: E402
from studio.datasets.duplicates import GROUP_BITS, alike, clusters, clusters_of  # noqa: E402
from studio.datasets.entry import Entry, Measures, New  # noqa: E402
from studio.datasets.measure import measure, measure_many  # noqa: E402
from studio.datasets.phash import as_hashes  # noqa: E402
from studio.datasets.query import Query  # noqa: E402
from studio.datasets.split import split  # noqa: E402

SIDE_PX, CANVAS_PX, CANVASES = 512, 1400, 12
VARIED_EVERY = 10
WARM, PASSES = 100, 3
PAIRWISE = 1000


def main() -> None:
    """Measure and print."""
    given = _arguments()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        files = _made_elsewhere(Path(scratch) / "pictures", given.pictures)
        result = {
            "pictures": given.pictures,
            "mean_kb": round(sum(file.stat().st_size for file in files) / len(files) / 1000, 1),
            "one_process": alone(files[: given.alone]),
            "many_processes": together(files),
            "others": others(Path(scratch), files[: given.others]),
            "growth": {str(rows): growth(Path(scratch) / str(rows), rows) for rows in given.rows},
        }
    print(json.dumps(result, indent=2)) if given.json else _print(result)


def _made_elsewhere(folder: Path, count: int) -> list[Path]:
    """Pictures made by another process, so that this one's memory is that of the check."""
    code = "import sys, pathlib, tests.benchmarks.dataset as b; b.make_pictures(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"
    subprocess.run([sys.executable, "-c", code, str(folder), str(count)], check=True, cwd=ROOT)
    return sorted(folder.iterdir())


def make_pictures(folder: Path, count: int) -> None:
    """Pictures cut from large canvases, warped, mixed and grained; every tenth is the one before it, brighter, smaller
    and saved again."""
    folder.mkdir()
    draw = np.random.default_rng(0)
    canvases = [_canvas(draw) for _ in range(min(CANVASES, 3 + count // 50))]
    last = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    for k in range(count):
        is_varied = k % VARIED_EVERY == VARIED_EVERY - 1
        last = _varied(last) if is_varied else _scene(canvases, draw)
        cv2.imwrite(str(folder / f"{k:06}.jpg"), last, [cv2.IMWRITE_JPEG_QUALITY, 92])


def _canvas(draw: np.random.Generator) -> Any:
    """Noise of a natural spectrum (1/f) with shapes on it."""
    radius = np.hypot(np.fft.fftfreq(CANVAS_PX)[:, None], np.fft.rfftfreq(CANVAS_PX)[None])
    radius[0, 0] = 1
    layers = []
    for _ in range(3):
        spectrum = np.fft.rfft2(draw.normal(size=(CANVAS_PX, CANVAS_PX))) / radius**1.1
        layer = np.fft.irfft2(spectrum)
        layers.append(128 + 48 * (layer - layer.mean()) / layer.std())
    made = np.clip(np.stack(layers, 2), 0, 255).astype(np.uint8)
    for _ in range(120):
        spot = tuple(int(v) for v in draw.integers(0, CANVAS_PX, 2))
        colour = tuple(int(v) for v in draw.integers(0, 255, 3))
        cv2.circle(made, spot, int(draw.integers(8, 110)), colour, -1, cv2.LINE_AA)
    return made


def _scene(canvases: list[Any], draw: np.random.Generator) -> Any:
    """Two turned and scaled cuts of canvases, mixed."""
    cuts = []
    for canvas in (canvases[k] for k in draw.choice(len(canvases), 2, replace=False)):
        middle = tuple(float(v) for v in draw.integers(450, CANVAS_PX - 450, 2))
        turn = cv2.getRotationMatrix2D(middle, float(draw.uniform(0, 360)), float(draw.uniform(0.9, 1.8)))
        turn[:, 2] += SIDE_PX / 2 - np.array(middle)
        cuts.append(cv2.warpAffine(canvas, turn, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REFLECT))
    share = float(draw.uniform(0.55, 0.9))
    mixed = cv2.addWeighted(cuts[0], share, cuts[1], 1 - share, 0)
    grain = cv2.randn(np.empty(mixed.shape, np.int8), 0, 16)
    return cv2.add(mixed, grain, dtype=cv2.CV_8U)


def _varied(scene: Any) -> Any:
    small = cv2.resize(scene, (384, 384), interpolation=cv2.INTER_AREA)
    return cv2.convertScaleAbs(small, alpha=1.1, beta=6)


def alone(files: list[Path]) -> dict[str, float]:
    """The check in this process, in turns with decoding only: pictures a second of processor time, the best of three
    passes over all of them, and the slowest. A pass is slower than another only by what else the machine does."""
    for file in files[:WARM]:
        measure(file)
    checked, decoded = [], []
    for _ in range(PASSES):
        checked.append(len(files) / _processor(lambda: [measure(file) for file in files]))
        decoded.append(len(files) / _processor(lambda: [_decode(file).size for file in files]))
    return {
        "checks_per_cpu_s": max(checked),
        "slowest_checks_per_cpu_s": min(checked),
        "decodes_per_cpu_s": max(decoded),
        "slowest_decodes_per_cpu_s": min(decoded),
    }


def _decode(file: Path) -> Any:
    return cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)


def together(files: list[Path]) -> dict[str, float]:
    """The check by all cores, then the near-duplicates of what it found. Memory is what all processes hold together,
    looked at every hundred pictures."""
    processes = len(os.sched_getaffinity(0))
    own, theirs, clock = time.process_time(), _of_children(), time.perf_counter()
    entries, peak = [], 0
    for file, (k, seen) in zip(files, measure_many(files), strict=True):
        entries.append(Entry(id=k, file=file.name, name=file.name, sha256=str(k), measures=seen))
        peak = max(peak, _memory()) if k % 100 == 0 else peak
    spent, clock = time.process_time() - own + _of_children() - theirs, time.perf_counter() - clock
    found: list[Any] = []
    grouping = _processor(lambda: found.extend(clusters_of(entries, GROUP_BITS)))
    planted = {(k - 1, k) for k in range(VARIED_EVERY - 1, len(files), VARIED_EVERY)}
    paired = planted & {*found}
    return {
        "processes": processes,
        "checks_per_cpu_s": len(files) / spent,
        "checks_per_s": len(files) / clock,
        "faults": sum(1 for entry in entries if entry.measures and entry.measures.fault),
        "clustering_cpu_s": grouping,
        "planted": len(planted),
        "found": len(paired),
        "other_groups": len(found) - len(paired),
        "peak_mb": max(peak, _memory()) / 2**20,
    }  # fmt: skip


def others(scratch: Path, files: list[Path]) -> dict[str, dict[str, float]]:
    """The same by imagehash and cleanvision, those that are there, one core."""
    found: dict[str, dict[str, float]] = {"ours": _ours(files)}
    if importlib.util.find_spec("imagehash"):
        found["imagehash"] = _by_imagehash(files)
    if importlib.util.find_spec("cleanvision"):
        found["cleanvision"] = _by_cleanvision(scratch / "sample", files)
    return found


def _ours(files: list[Path]) -> dict[str, float]:
    seen: list[Measures] = []
    spent = _processor(lambda: seen.extend(measure(file) for file in files))
    own, mirror = (
        as_hashes(m.phash for m in seen[:PAIRWISE]),
        as_hashes(m.mirror_phash for m in seen[:PAIRWISE]),
    )
    groups: list[Any] = []
    grouping = _processor(lambda: groups.extend(alike(own, mirror, GROUP_BITS, None)))
    return {"checks_per_cpu_s": len(files) / spent, "grouping_cpu_s": grouping, "groups": len(groups)}


def _by_imagehash(files: list[Path]) -> dict[str, float]:
    """Its pHash alone, and all pairs the only way that it has."""
    import imagehash
    from PIL import Image

    hashes: list[Any] = []
    spent = _processor(lambda: hashes.extend(imagehash.phash(Image.open(file)) for file in files))
    some = hashes[:PAIRWISE]
    near: list[Any] = []
    grouping = _processor(
        lambda: near.extend(1 for i, a in enumerate(some) for b in some[i + 1 :] if a - b <= GROUP_BITS)
    )
    return {"checks_per_cpu_s": len(files) / spent, "grouping_cpu_s": grouping, "groups": len(near)}


def _by_cleanvision(folder: Path, files: list[Path]) -> dict[str, float]:
    """All its checks, near-duplicates included."""
    from cleanvision import Imagelab

    folder.mkdir()
    for file in files:
        (folder / file.name).symlink_to(file)
    with _silence():
        lab = Imagelab(data_path=str(folder))
        spent = _processor(lambda: lab.find_issues(n_jobs=1, verbose=False))
    groups = len(lab.info["near_duplicates"]["sets"])
    return {"checks_per_cpu_s": len(files) / spent, "groups": groups}


def growth(folder: Path, rows: int) -> dict[str, float]:
    """Seconds of processor time for clustering and for the catalogue at a number of pictures."""
    draw = np.random.default_rng(rows)
    own, mirror = (draw.integers(0, 2**64, rows, dtype=np.uint64) for _ in range(2))
    own[1::10] = own[:-1:10][: len(own[1::10])] ^ np.uint64(0b1001001)
    spent = {"clustering": _processor(lambda: clusters(own, mirror, GROUP_BITS))}
    with Catalogue.create(folder, Need()) as catalogue:
        news = (_row(k, int(a), int(b)) for k, (a, b) in enumerate(zip(own, mirror, strict=True)))
        spent["add"] = _processor(lambda: catalogue.add(news))
        spent["page"] = _processor(lambda: catalogue.page(Query(), rows // 2, 60))
        spent["sorted_page"] = _processor(lambda: catalogue.page(Query(order="sharpness"), rows // 2, 60))
        spent["filter"] = _processor(lambda: catalogue.count(Query(words="boat 77")))
        spent["edit"] = _processor(lambda: catalogue.edit(rows // 2, 0, caption="a red boat"))
        spent["split"] = _processor(lambda: split(catalogue, SplitRequest()))
    return spent


def _row(k: int, own: int, mirror: int) -> New:
    seen = Measures(
        width=512 + k % 7, height=512, phash=own, mirror_phash=mirror, colours="5" * 20, sharpness=k % 997
    )
    return New(
        file=f"{k}.jpg", name=f"{k}.jpg", sha256=f"{k:064x}", caption=f"boat {k} at sea", measures=seen
    )


def _processor(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _of_children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _memory() -> int:
    """Bytes that this process and its children hold now."""
    own = psutil.Process()
    return sum(int(one.memory_info().rss) for one in (own, *own.children()))


@contextmanager
def _silence() -> Iterator[None]:
    """Without what others print: its numbers are asked for, not its words."""
    kept = os.dup(1), os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        for number, held in zip((1, 2), kept, strict=True):
            os.dup2(held, number)
            os.close(held)


def _print(result: dict[str, Any]) -> None:
    one, many = result["one_process"], result["many_processes"]
    print(f"{result['pictures']} pictures of {SIDE_PX} px, {result['mean_kb']} kB each")
    print(
        f"  one process     {one['checks_per_cpu_s']:.0f} checks a CPU second, best of {PASSES} passes (slowest"
        f" {one['slowest_checks_per_cpu_s']:.0f}); OpenCV merely decodes {one['decodes_per_cpu_s']:.0f}"
        f" (slowest {one['slowest_decodes_per_cpu_s']:.0f})"
    )
    print(
        f"  {many['processes']} processes     {many['checks_per_cpu_s']:.0f} a CPU second, {many['checks_per_s']:.0f} a second"
    )
    print(
        f"  near-duplicates {many['clustering_cpu_s']:.2f} CPU s; {many['found']} of {many['planted']} planted, {many['other_groups']} other groups"
    )
    print(f"  peak memory     {many['peak_mb']:.0f} MB, all processes")
    print(
        "side by side, one core: checks a CPU second; CPU seconds to group up to 1000; groups or pairs found"
    )
    for name, told in result["others"].items():
        print(
            f"  {name:12} {told['checks_per_cpu_s']:7.0f} {told.get('grouping_cpu_s', float('nan')):9.3f} {told['groups']:6}"
        )
    print("growth, CPU seconds")
    for rows, spent in result["growth"].items():
        print(f"  {rows:>8}  " + "  ".join(f"{name} {value:.4f}" for name, value in spent.items()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--alone", type=int, default=2000, help="how many of them one process looks at")
    parser.add_argument("--others", type=int, default=400, help="how many of them other libraries look at")
    parser.add_argument("--rows", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
