"""A local S3 server (moto) in a process of its own: prints its port, then serves until it is ended.

`python benchmarks/s3_server.py [NUM_KEYS [LATENCY_MS [ADDRESS]]]` puts small objects of a camera-trap layout
into the bucket `archive`, and waits that long before each answer. Benchmarks and tests start it.
"""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import psutil


class S3Server:
    """moto in a process of its own, for the time of the block."""

    def __init__(self, num_keys: int = 0, latency_ms: float = 0.0) -> None:
        self._num_keys, self._latency_ms = num_keys, latency_ms

    def __enter__(self) -> "S3Server":
        command = [sys.executable, __file__, str(self._num_keys), str(self._latency_ms)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._port = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def environment(self) -> dict[str, str]:
        """The AWS settings that lead to it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
        }

    def cpu_s(self) -> float:
        """Seconds of processor time the server has used."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)


def serve(num_keys: int, latency_s: float, address: str) -> None:
    """Serve on a free port of an address of this machine; port 0 lets the system choose: two never meet."""
    from moto.s3.models import s3_backends
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    if num_keys:
        backend = s3_backends["123456789012"]["aws"]
        backend.create_bucket("archive", "us-east-1")
        for number in range(num_keys):
            place, roll = number % 40, number // 40 % 5
            backend.put_object("archive", f"S1/L{place:02d}/R{roll}/IMG_{number:07d}.JPG", b"x")
    application = DomainDispatcherApplication(create_backend_app)

    def delayed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        time.sleep(latency_s)
        answer: Iterable[bytes] = application(environ, start_response)
        return answer

    server = make_server(address, 0, delayed if latency_s else application, threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    defaults = ["0", "0", "127.0.0.1"]
    num_keys, latency_ms, address = [*sys.argv[1:], *defaults[len(sys.argv) - 1 :]]
    serve(int(num_keys), float(latency_ms) / 1000, address)
