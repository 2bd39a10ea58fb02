"""How workers on several machines find each other.

Owns: the network interface that gloo is told to use. Refuses: everything else of the process group, which is
Ray Train's.

Gloo listens on the address that a machine's own name stands for. Debian and Ubuntu give the name to
127.0.1.1, where no other machine gets through. Ray knows by which address the machines reach each other.
"""

import os
import socket
import struct
import sys
from typing import Any

import ray
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend

_ASKS_ADDRESS = 0x8915  # SIOCGIFADDR
_NAMED_BY = "GLOO_SOCKET_IFNAME"


class HostsTorchConfig(TorchConfig):
    """As Ray Train's, for machines whose name may stand for nothing that others reach."""

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        return _HostsTorchBackend


class _HostsTorchBackend(_TorchBackend):
    def on_start(self, worker_group: Any, backend_config: Any) -> None:
        if len(set(worker_group.execute(ray.util.get_node_ip_address))) > 1:
            worker_group.execute(name_interface)
        super().on_start(worker_group, backend_config)


def name_interface() -> None:
    """Tell gloo in this process by which interface other machines reach this one; what is set stays."""
    name = interface_of(ray.util.get_node_ip_address())
    if name is not None:
        os.environ.setdefault(_NAMED_BY, name)


def interface_of(address: str) -> str | None:
    """The interface that has an IPv4 address; None where there is none, or where the system cannot say."""
    if sys.platform != "linux":
        return None
    import fcntl

    for _, name in socket.if_nameindex():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(asking.fileno(), _ASKS_ADDRESS, request)
            except OSError:
                continue  # it has no address
        if socket.inet_ntoa(answer[20:24]) == address:
            return name
    return None
