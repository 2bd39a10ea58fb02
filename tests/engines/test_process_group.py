"""Gloo is told the interface by which other machines reach this one."""

import os
import sys

import pytest
import ray.util

from blanktrap.engines.process_group import interface_of, name_interface

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")


def test_interface_is_found_by_its_address() -> None:
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("192.0.2.1") is None  # an address of documentation, which nobody has


def test_interface_is_named_unless_somebody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray.util, "get_node_ip_address", lambda: "127.0.0.1")
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "mine0")
    name_interface()
    assert os.environ["GLOO_SOCKET_IFNAME"] == "mine0"
    monkeypatch.delenv("GLOO_SOCKET_IFNAME")
    name_interface()
    assert os.environ["GLOO_SOCKET_IFNAME"] == "lo"
