"""Hosts with addresses of their own on one machine: network namespaces on a bridge.

Needs root and iproute2. Processes of a host are found by their namespace and ended by their ids.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

DEADLINE_S = 300.0


def can_have_hosts() -> bool:
    """Whether network namespaces can be made here."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"bt{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    if made:
        _ip("netns", "del", name)
    return made


@dataclass(kw_only=True)
class Host:
    """A namespace with an address and a link to the bridge."""

    name: str
    address: str
    link: str
    """The bridge's end of its cable."""
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *command: str, log: Path, **environment: str) -> subprocess.Popen[str]:
        """Start a process there; what it prints goes into a file."""
        with log.open("w") as sink:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command],
                stdout=sink,
                stderr=subprocess.STDOUT,
                text=True,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def cut(self) -> None:
        """Pull the cable."""
        _ip("link", "set", self.link, "down")

    def mend(self) -> None:
        """Put the cable back."""
        _ip("link", "set", self.link, "up")

    def pids(self) -> list[int]:
        """All processes of the host."""
        found = subprocess.run(
            ["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in found.stdout.split()]

    def kill(self) -> None:
        """As when the power fails: every process there is gone at once."""
        deadline = time.monotonic() + DEADLINE_S
        while pids := self.pids():
            assert time.monotonic() < deadline, f"still running on {self.name}: {pids}"
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for process in self.started:
                process.poll()
            time.sleep(0.05)
        for process in self.started:
            process.wait()
        self.started.clear()


@contextmanager
def hosts(*names: str) -> Iterator[list[Host]]:
    """Hosts on a bridge of their own, and this machine as `.254` on it; all is removed at the end."""
    mark = f"bt{os.getpid()}"
    net = f"10.231.{os.getpid() % 250}"
    bridge = f"{mark}-br"
    made: list[Host] = []
    try:
        _ip("link", "add", bridge, "type", "bridge")
        _ip("addr", "add", f"{net}.254/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for number, name in enumerate(names, start=1):
            host = Host(name=f"{mark}-{name}", address=f"{net}.{number}", link=f"{mark}-{number}")
            made.append(host)
            _wire(host, bridge, gateway=f"{net}.254")
        yield made
    finally:
        for host in made:
            host.kill()
            _ip("netns", "del", host.name, check=False)
            _ip("link", "del", host.link, check=False)
            shutil.rmtree(_settings_of(host), ignore_errors=True)
        _ip("link", "del", bridge, check=False)


def _wire(host: Host, bridge: str, *, gateway: str) -> None:
    # As Debian and Ubuntu have it: by its own name a host finds only itself.
    _settings_of(host).mkdir(parents=True, exist_ok=True)
    names = f"127.0.0.1 localhost\n127.0.1.1 {os.uname().nodename}\n{host.address} {host.name}\n"
    (_settings_of(host) / "hosts").write_text(names)
    # Nobody answers for names there; without this a process would wait for somebody.
    (_settings_of(host) / "resolv.conf").write_text("options timeout:1 attempts:1\n")
    _ip("netns", "add", host.name)
    _ip("link", "add", host.link, "type", "veth", "peer", "name", "eth0", "netns", host.name)
    _ip("link", "set", host.link, "master", bridge)
    _ip("link", "set", host.link, "up")
    inside = ["netns", "exec", host.name, "ip"]
    _ip(*inside, "link", "set", "lo", "up")
    _ip(*inside, "addr", "add", f"{host.address}/24", "dev", "eth0")
    _ip(*inside, "link", "set", "eth0", "up")
    _ip(*inside, "route", "add", "default", "via", gateway)


def _settings_of(host: Host) -> Path:
    """Where `ip netns exec` finds files that stand for those of /etc."""
    return Path("/etc/netns") / host.name


def _ip(*arguments: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
