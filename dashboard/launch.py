"""Starting the dashboard's web server.

Owns: the Streamlit command line: bound to this machine, no usage statistics. Refuses: showing anything.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

APP = Path(__file__).with_name("app.py")


def server_command(reports: list[str], *, port: int, no_sign_request: bool = False) -> list[str]:
    """The command that serves the reports on 127.0.0.1."""
    return [
        *(sys.executable, "-m", "streamlit", "run", str(APP)),
        *("--server.address", "127.0.0.1"),
        *("--server.port", str(port)),
        *("--browser.gatherUsageStats", "false"),
        *("--client.toolbarMode", "minimal"),
        *("--", *reports, *(["--no-sign-request"] if no_sign_request else [])),
    ]


def launch(reports: list[str], *, port: int, no_sign_request: bool = False) -> NoReturn:
    """Become the server, so that whatever ends this process ends the server."""
    command = server_command(reports, port=port, no_sign_request=no_sign_request)
    os.execv(command[0], command)
