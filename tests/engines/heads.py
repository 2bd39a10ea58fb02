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
        self._num_starts = 0
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
        self._command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
        self._command += ["--include-dashboard=true", *(f"--{name}={value}" for name, value in flags.items())]
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "RAY_USAGE_STATS_ENABLED": "0",
            # A token lies in the home of whoever has used one; these tests want none.
            "RAY_AUTH_MODE": "disabled",
            **(environment or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        try:
            while not self._start():
                self._end()
        except BaseException:
            self.close()
            raise

    def _start(self) -> bool:
        """Start it; False where Ray gives up, as it does after 30 seconds on a busy machine."""
        self._process = subprocess.Popen(
            self._command,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=self._environment,
            start_new_session=True,
        )
        self._num_starts += 1
        while self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.address}/api/jobs/", timeout=5):
                    pass
                if "Ray runtime started" in self._said():
                    return True
            except OSError:
                pass
            time.sleep(0.2)
        assert self._num_starts < 4, self._said()
        return False

    def _said(self) -> str:
        return Path(self._log.name).read_text(encoding="utf-8")

    def _end(self) -> None:
        if self._process is None:
            return
        try:
            parent = psutil.Process(self._process.pid)
            processes = [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            processes = []
        # A head that gave up leaves what it had started.
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self._folder) in word for word in process.info["cmdline"] or []):
                processes.append(process)
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=30)
        self._process.wait()

    def close(self) -> None:
        """End every process of this head."""
        self._end()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)
