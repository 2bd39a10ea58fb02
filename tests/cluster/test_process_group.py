"""Workers on two hosts whose own names stand for 127.0.1.1, as Debian has it, find each other."""

import sys
from pathlib import Path

import pytest

from tests.cluster.hosts import DEADLINE_S, can_have_hosts, hosts

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not can_have_hosts(), reason="network namespaces need root and iproute2"),
]
WORKER = """
import sys, datetime
import torch.distributed as workers
import ray.util
from blanktrap.engines.process_group import name_interface
import torch

rank, first, own = int(sys.argv[1]), sys.argv[2], sys.argv[3]
ray.util.get_node_ip_address = lambda: own
name_interface()
place, minute = f"tcp://{first}:29500", datetime.timedelta(seconds=60)
workers.init_process_group("gloo", init_method=place, rank=rank, world_size=2, timeout=minute)
number = torch.tensor([rank + 1.0])
workers.all_reduce(number)
print("sum", number.item())
"""


def test_workers_of_two_hosts_add_their_numbers(tmp_path: Path) -> None:
    with hosts("one", "two") as both:
        logs = [tmp_path / f"{number}.log" for number in range(2)]
        processes = [
            host.start(sys.executable, "-c", WORKER, str(rank), both[0].address, host.address, log=log)
            for rank, (host, log) in enumerate(zip(both, logs, strict=True))
        ]
        for process, log in zip(processes, logs, strict=True):
            process.wait(timeout=DEADLINE_S)
            assert "sum 3.0" in log.read_text(), log.read_text()
