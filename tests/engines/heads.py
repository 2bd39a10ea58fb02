"""A Ray head with its job server in processes of its own, on free ports, ended by process id."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import psutil


def free_ports(num_ports: int) -> list[int]:
    """Ports that nobody listens on; held together while they are drawn, so that all differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(num_ports)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Head:
    """`ray start --head`, with the dashboard on 127.0.0.1."""

    def __init__(self, *, num_cpus: int, environment: dict[str, str] | None = None) -> None:
        # Ray's sockets lie below this folder, and their names may have 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="bt-", dir="/tmp"))
        gcs, dashboard, client, agent, metrics = free_ports(5)
        self.address = f"http://127.0.0.1:{dashboard}"
        self._log = (self._folder / "head.log").open("w+")
        flags = {
            "port": gcs,
            "dashboard-port": dashboard,
            "ray-client-server-port": client,
            "dashboard-agent-listen-port": agent,
            "metrics-export-port": metrics,
            "node-ip-address": "127.0.0.1",
            "dashboard-host": "127.0.0.1",
            "num-cpus": num_cpus,
            "object-store-memory": 160 * 1024 * 1024,
            "temp-dir": self._folder / "ray",
        }
        command = ["ray.scripts.scripts", "start", "--head", "--block", "--include-dashboard=true"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command, *(f"--{name}={value}" for name, value in flags.items())],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={
                **{name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "RAY_USAGE_STATS_ENABLED": "0",
                **(environment or {}),
            },
            start_new_session=True,
        )
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self) -> None:
        """Until the job server answers."""
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"{self.address}/api/jobs/", timeout=5):
                    return
            except OSError:
                assert self._process.poll() is None, self._said()
                assert time.monotonic() < deadline, self._said()
                time.sleep(0.2)

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def close(self) -> None:
        """End every process of this head."""
        try:
            parent = psutil.Process(self._process.pid)
            processes = [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            processes = []
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=30)
        self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)
