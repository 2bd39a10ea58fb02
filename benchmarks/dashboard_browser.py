"""A dashboard in a process of its own, and a real browser that looks at it.

The browser is Chromium, as Debian packages it (`apt-get install chromium`), or the one that CHROMIUM names;
playwright drives it.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from blanktrap.core.config import DashboardConfig
from dashboard.launch import server_command

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SETTLED = (
    "() => document.querySelector('h1')"
    " && !document.querySelector('[data-testid=stStatusWidget]')"
    " && !document.querySelector('[data-stale=true]')"
    " && !document.querySelector('[data-testid=stSkeleton]')"
)
# A page asks under its own address first, and then at the root, where the server answers.
_ASKED_TWICE = ("/_stcore/host-config", "/_stcore/health")
# Chromium gives up what it is loading when any network interface of the machine comes or goes.
_NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
_TRIES, _ONE_TRY_MS = 5, 40_000
PATIENCE_MS = 120_000
NO_CHROMIUM = "no Chromium: `apt-get install chromium`, or name one in CHROMIUM"

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The browser; None where there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def serving(locations: Sequence[str], *, within: Path | None = None) -> Iterator[str]:
    """Serve what is named, perhaps relative to a folder, on a free port; the address of the first page."""
    with served(server_command([*locations], DashboardConfig(port=free_port())), within=within) as address:
        yield address


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def served(command: Sequence[str], *, within: Path | None = None) -> Iterator[str]:
    """Run a Streamlit server and give the address that it says it has."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "STREAMLIT_SERVER_HEADLESS": "true"}
    root = str(Path(__file__).parents[1])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        command, env=environment, cwd=within, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:  # ends when the process does
            said.append(line)
            if "URL: http://" in line:
                yield line.partition("URL: ")[2].strip()
                return
        raise AssertionError(f"the server did not start: {''.join(said)}")
    finally:
        process.kill()
        process.wait()


@contextmanager
def browsing() -> Iterator[Browser]:
    """A headless browser."""
    executable = find_chromium()
    if executable is None:
        raise FileNotFoundError(NO_CHROMIUM)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def settle(page: Page) -> None:
    """Wait until the page has nothing more to draw."""
    page.wait_for_function(_SETTLED, timeout=PATIENCE_MS)


def open_at(page: Page, address: str) -> None:
    """Go to a page of the dashboard and wait until it is drawn; again where the network changed meanwhile."""
    for _ in range(_TRIES - 1):
        try:
            page.goto(address, timeout=_ONE_TRY_MS)
            page.wait_for_function(_SETTLED, timeout=_ONE_TRY_MS)
            return
        except PlaywrightError:
            continue
    page.goto(address, timeout=PATIENCE_MS)
    settle(page)


class Complaints:
    """What the browser's console and the network complained about."""

    def __init__(self, page: Page) -> None:
        self.all: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda problem: self.all.append(f"uncaught: {problem}"))

    def _hear(self, message: ConsoleMessage) -> None:
        where = str(message.location.get("url", ""))
        is_passing = _NETWORK_CHANGED in message.text or where.endswith(_ASKED_TWICE)
        if message.type == "error" and not is_passing:
            self.all.append(f"{message.text} ({where})")
