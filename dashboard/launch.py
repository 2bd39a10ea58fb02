"""Starting the dashboard's web server.

Owns: the Streamlit command line: bound to this machine, no usage statistics. Refuses: showing anything.
"""

import subprocess
import sys
from pathlib import Path

APP = Path(__file__).with_name("app.py")


def launch(reports: list[str], *, port: int, no_sign_request: bool = False) -> int:
    """Serve the reports on 127.0.0.1 until interrupted; return the server's exit status."""
    command = [
        *(sys.executable, "-m", "streamlit", "run", str(APP)),
        *("--server.address", "127.0.0.1"),
        *("--server.port", str(port)),
        *("--browser.gatherUsageStats", "false"),
        *("--client.toolbarMode", "minimal"),
        *("--", *reports, *(["--no-sign-request"] if no_sign_request else [])),
    ]
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 0
