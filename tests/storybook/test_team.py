"""Processes that train together end up with the same weights as one that saw all of it."""

import os
import socket
from pathlib import Path

import pytest
import torch
from torch import multiprocessing, nn

from studio.storybook.recipe import Pace
from studio.storybook.team import Team


def model() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def batch() -> torch.Tensor:
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(1))


def member(rank: int, port: int, folder: str) -> None:
    os.environ |= {
        "WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    team = Team.gather("cpu")
    net = model()
    with torch.no_grad():
        net.bias += rank  # out of step, until aligned
    team.align([p.data for p in net.parameters()])
    net(batch()[rank * 4 : rank * 4 + 4]).square().mean().backward()
    team.average(net.parameters())
    pace = Pace(1000, 3600.0, agree=team.agree)
    pace.step = 100 * rank  # the leader's clock counts
    for _ in range(10):
        pace.advance()
    told = {
        "gradients": [p.grad for p in net.parameters()],
        "agreed": team.agree(7.0 + rank),
        "share": pace.share,
    }
    torch.save(told, Path(folder) / f"{rank}.pt")
    team.close()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_two_processes_equal_one_with_both_batches(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(member, (port, str(tmp_path)), nprocs=2)
    alone = model()
    alone(batch()).square().mean().backward()
    told = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for one in told:
        assert one["agreed"] == 7.0
        assert one["share"] == told[0]["share"]
        for gradient, parameter in zip(one["gradients"], alone.parameters(), strict=True):
            assert torch.allclose(gradient, parameter.grad, atol=1e-6)


def test_a_team_of_one_changes_nothing() -> None:
    team, net = Team("cpu"), model()
    net(batch()).sum().backward()
    before = [p.grad.clone() for p in net.parameters()]
    team.average(net.parameters())
    team.align(net.parameters())
    team.wait()
    assert team.agree(3.5) == 3.5
    assert all(torch.equal(a, p.grad) for a, p in zip(before, net.parameters(), strict=True))
