"""A proxy before an S3 server that answers badly on demand, and counts what it did."""

import http.client
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import unquote, urlsplit

Kind = Literal["slow_down", "reset", "stall", "cut", "cut_quietly", "expired"]
_ANSWERS = {"slow_down": (503, "SlowDown"), "expired": (400, "ExpiredToken")}
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "host"}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What befalls requests.

    `slow_down` and `expired` refuse any request as S3 words it; the others befall bodies of objects: `reset`
    breaks the connection in the middle, `stall` pauses there, `cut` closes it there, and `cut_quietly` sends
    half the body as if it were all of it.
    """

    kind: Kind
    share: float = 1.0
    """Of the requests, drawn with a seed."""
    after_puts: int = 0
    """So many objects are written first, and all that is asked before the next one is spared."""
    stall_s: float = 0.0


@dataclass(kw_only=True)
class FaultyProxy:
    """Passes requests on, and befalls some of them."""

    upstream: str
    host: str
    port: int = 0
    fault: Fault | None = None
    befallen: Counter[str] = field(default_factory=Counter)
    """Requests by the fault that they met."""
    whole_gets: Counter[str] = field(default_factory=Counter)
    """Objects whose whole body was sent, by `/bucket/key`."""
    spell: int = 0
    """How often it was told what befalls: an answer that stalled into the next spell does not count there."""
    _num_puts: int = 0
    _chance: random.Random = field(default_factory=lambda: random.Random(0))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _end: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    def befall(self, fault: Fault | None) -> None:
        """From now on, and count anew."""
        with self._lock:
            self.fault, self._num_puts, self._chance = fault, 0, random.Random(0)
            self.spell += 1
            self.befallen.clear()
            self.whole_gets.clear()

    def draw(self, *, has_body: bool, is_put: bool) -> Fault | None:
        """What befalls the next request."""
        with self._lock:
            fault = self.fault
            if fault is None or not (has_body or fault.kind in _ANSWERS):
                return None
            self._num_puts += is_put
            if self._num_puts <= fault.after_puts or self._chance.random() >= fault.share:
                return None
            self.befallen[fault.kind] += 1
            return fault

    def count(self, target: str, spell: int) -> None:
        with self._lock:
            if spell == self.spell:
                self.whole_gets[unquote(target)] += 1


@contextmanager
def faulty_proxy(upstream: str, *, host: str = "127.0.0.1") -> Iterator[FaultyProxy]:
    """Serve on a free port of an address of this machine, for the time of the block."""
    state = FaultyProxy(upstream=upstream, host=host)
    server = ThreadingHTTPServer((host, 0), _handler_for(state))
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state._end.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler_for(state: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    host = urlsplit(state.upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_object = self.command == "GET" and "?" not in self.path and self.path.count("/") > 1
            spell, fault = state.spell, state.draw(has_body=is_object, is_put=self.command == "PUT")
            if fault is not None and fault.kind in _ANSWERS:
                status, code = _ANSWERS[fault.kind]
                body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No.</Message></Error>"
                self.reply(status, {}, body.encode(), None)
                return
            connection = http.client.HTTPConnection(host)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            connection.request(self.command, self.path, data or None, headers)
            answer = connection.getresponse()
            body = answer.read()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
            if self.command == "HEAD":
                kept["Content-Length"] = answer.getheader("Content-Length") or "0"
            connection.close()
            if answer.status != 200:
                fault = None
            self.reply(answer.status, kept, body, fault)
            if is_object and answer.status == 200 and (fault is None or fault.kind == "stall"):
                state.count(self.path, spell)

        def reply(self, status: int, headers: dict[str, str], body: bytes, fault: Fault | None) -> None:
            half = body[: len(body) // 2]
            if fault is not None and fault.kind == "cut_quietly":
                body, fault = half, None
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            # The other end may have gone, in a stall or because its work was stopped.
            with suppress(ConnectionError):
                self.send_body(body, half, fault)

        def send_body(self, body: bytes, half: bytes, fault: Fault | None) -> None:
            if fault is None:
                self.wfile.write(body)
                return
            self.wfile.write(half)
            if fault.kind == "stall":
                state._end.wait(fault.stall_s)
                self.wfile.write(body[len(half) :])
                return
            if fault.kind == "reset":
                # Closing a socket that lingers for no time sends a reset instead of an orderly end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = pass_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing on the console."""

    return Handler
