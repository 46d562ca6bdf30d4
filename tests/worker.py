"""A worker that speaks a run folder's protocol and learns nothing: a real process for tests of the queue, started as
`python tests/worker.py FOLDER`. The trigger word tells it how to misbehave: fail, die, or slow."""

import json
import os
import struct
import sys
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from studio.runs import RunFolder, Runs
from studio.settings import Settings

COMMAND = (sys.executable, str(Path(__file__).resolve()))
STEP_S = 0.02


def main(path: Path) -> int:
    """Train as told; the exit code is 1 after a failure."""
    folder = RunFolder(path)
    record, request = folder.claim(), folder.request()
    folder.append("started", pid=os.getpid(), resumed_from=record.resumed_from)
    print(f"worker of {request.name}", flush=True)
    if request.trigger_word == "die":
        os.abort()
    state = "failed" if request.trigger_word == "fail" else _learn(folder, record.resumed_from or 0)
    message = {"en": "It went wrong.", "zh": "出错了。"} if state == "failed" else None
    lora = str(path / "lora.safetensors")
    result = {"lora": lora, "seconds": 1.5, "peak_bytes": 2**20} if state == "finished" else None
    folder.append("ended", state=state)
    folder.update(state=state, ended_at=time.time(), message=message, result=result)
    Runs(Settings.from_environment(), worker=COMMAND).tick()
    return int(state == "failed")


def _learn(folder: RunFolder, step: int) -> str:
    request = folder.request()
    steps = request.max_steps
    folder.update(steps=steps)
    folder.append("stage", name="train", done=step, total=steps)
    while step < steps:
        step += 1
        time.sleep(STEP_S * (25 if request.trigger_word == "slow" else 1))
        folder.append("step", step=step, loss=1 / step, smoothed=1 / step, lr=1e-4, pictures_per_s=50.0,
                      eta_s=(steps - step) * STEP_S, memory_bytes=2**20)  # fmt: skip
        folder.update(step=step, heartbeat_at=time.time())
        orders = folder.take_orders()
        if "sample" in orders:
            folder.append(
                "sample", step=step, index=0, prompt="a boat", seed=12, file=f"samples/{step}-0.png"
            )
        if orders & {"stop", "save"} or (request.checkpoint_every and step % request.checkpoint_every == 0):
            keep(folder, step)
        if "stop" in orders:
            return "stopped"
    return "finished"


def keep(folder: RunFolder, step: int) -> None:
    """Write a checkpoint of nothing: whole files of the right kinds."""
    state_file = folder.checkpoints_dir / f"step-{step:06d}.ckpt"
    lora_file = state_file.with_suffix(".safetensors")
    header = json.dumps(
        {"a.lora_down.weight": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}}
    ).encode()
    lora_file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with zipfile.ZipFile(state_file, "w") as archive:
        archive.writestr("state", str(step))
    folder.append("checkpoint", step=step, file=f"checkpoints/{state_file.name}",
                  lora=f"checkpoints/{lora_file.name}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
