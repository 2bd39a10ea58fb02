"""A tiny HTTP server on 127.0.0.1 that answers what a test wants, well or badly."""

import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer. `half` closes in mid-body and `reset` resets there, both under the full Content-Length."""

    status: int = 200
    body: bytes = b""
    ending: Literal["whole", "half", "reset"] = "whole"


def refusal(status: int, code: str) -> Answer:
    """An error as S3 words it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No,\nnever.</Message></Error>"
    return Answer(status=status, body=body.encode())


@dataclass(kw_only=True)
class Request:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass(kw_only=True)
class AnsweringServer:
    """Gives the answers in order, the last one again and again, and keeps the requests."""

    port: int = 0
    answers: deque[Answer] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    def answer(self, *answers: Answer) -> None:
        self.answers = deque(answers)
        self.requests.clear()

    def take(self) -> Answer:
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]


@contextmanager
def answering_server() -> Iterator[AnsweringServer]:
    state = AnsweringServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.requests.append(
                Request(method=self.command, target=self.path, headers=dict(self.headers.items()))
            )
            answer = state.take()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            if answer.ending == "whole":
                self.wfile.write(answer.body)
                return
            self.wfile.write(answer.body[: len(answer.body) // 2])
            if answer.ending == "reset":
                # Closing a socket that lingers for no time sends a reset instead of an orderly end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = respond  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
