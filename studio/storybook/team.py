"""Several processes that train one network together, one a GPU; a team of one costs nothing.

Started by torchrun, which sets RANK, WORLD_SIZE and LOCAL_RANK. Gradients are averaged by hand after `backward`, in
one message, because the trainers compile parts of their step and accumulate nothing: `DistributedDataParallel`'s
hooks would split what is compiled.
"""

import os
from collections.abc import Iterable
from typing import Self

import torch
from torch import Tensor, nn
from torch import distributed as dist


def see_own_gpu() -> None:
    """Let a process that torchrun started see its own GPU alone, so that compiled code, which names the GPU, serves
    all of them. To be called before CUDA is touched."""
    if "LOCAL_RANK" in os.environ:
        rank = os.environ["LOCAL_RANK"]
        seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        os.environ["CUDA_VISIBLE_DEVICES"] = seen.split(",")[int(rank)] if seen else rank


class Team:
    """The processes of one training; `rank` counts them from 0, and rank 0 leads: it paints, saves and speaks."""

    def __init__(self, device: str, size: int = 1, rank: int = 0) -> None:
        self.size, self.rank = size, rank
        self.device = torch.device(device)

    @classmethod
    def gather(cls, device: str) -> Self:
        """The team that torchrun started, or one of one."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls(device)
        if device == "cuda":  # each process sees one GPU, which is its number 0 whatever its rank
            dist.init_process_group("nccl", device_id=torch.device("cuda", 0))
        else:
            dist.init_process_group("gloo")
        return cls(device, size, int(os.environ["RANK"]))

    @property
    def is_leader(self) -> bool:
        """Whether this process is rank 0."""
        return self.rank == 0

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the team."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        together = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(together)
        together /= self.size
        for gradient, mean in zip(gradients, together.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def agree(self, value: float) -> float:
        """The leader's value, for all."""
        if self.size == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(told, 0)
        return float(told)

    def align(self, tensors: Iterable[Tensor]) -> None:
        """Everybody takes the leader's tensors."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def wait(self) -> None:
        """Go on when everybody is here."""
        if self.size > 1:
            dist.barrier()

    def close(self) -> None:
        """Leave the group."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()
