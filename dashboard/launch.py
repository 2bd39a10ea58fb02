"""Starting the dashboard's web server.

Owns: the Streamlit command line: where it listens, the theme, no usage statistics; and handing the password
over by the environment, which other users of the machine cannot read. Refuses: showing anything.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

from blanktrap.core.config import DashboardConfig
from dashboard.password import PASSWORD_VARIABLE

APP = Path(__file__).parent / "entry" / "script.py"

# Contrast of at least 4.5 against the background, in either theme.
_THEME = {
    "theme.light.primaryColor": "#0072B2",
    "theme.dark.primaryColor": "#56B4E9",
    "theme.baseRadius": "0.4rem",
    "theme.showWidgetBorder": "true",
    "theme.metricValueFontSize": "1.9rem",
}


def server_command(
    locations: list[str], config: DashboardConfig, *, no_sign_request: bool = False
) -> list[str]:
    """The command that serves what was named, at the address of the configuration."""
    options = {
        "server.address": config.address,
        "server.port": str(config.port),
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
        # Buttons move sliders that have a beginning of their own.
        "global.disableWidgetStateDuplicationWarning": "true",
        **_THEME,
    }
    return [
        # -P: a folder `dashboard` where the user stands is not ours, and nothing in it is run.
        *(sys.executable, "-P", "-m", "dashboard.entry.server", "run", str(APP)),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
        *("--", *locations, *(["--no-sign-request"] if no_sign_request else [])),
    ]


def launch(locations: list[str], config: DashboardConfig, *, no_sign_request: bool = False) -> NoReturn:
    """Become the server, so that whatever ends this process ends the server."""
    command = server_command(locations, config, no_sign_request=no_sign_request)
    environment = dict(os.environ)
    environment.pop(PASSWORD_VARIABLE, None)
    if config.password is not None:
        environment[PASSWORD_VARIABLE] = config.password.get_secret_value()
    os.execve(command[0], command, environment)
