"""The server is bound to this machine, or asks for a password, and gets nothing but what was named."""

import os
import subprocess
import sys

import pytest
from pydantic import SecretStr

from blanktrap.core.config import DashboardConfig, resolve
from blanktrap.core.errors import UsageError
from dashboard.launch import APP, launch, server_command
from dashboard.navigation import PAGES
from dashboard.password import PASSWORD_VARIABLE


def test_server_listens_on_this_machine_alone_and_reports_nothing_home() -> None:
    command = server_command(["/a report", "s3://b/r"], DashboardConfig(port=8511), no_sign_request=True)
    assert command[command.index("--server.address") + 1] == "127.0.0.1"
    assert command[command.index("--server.port") + 1] == "8511"
    assert command[command.index("--browser.gatherUsageStats") + 1] == "false"
    assert command[command.index("--") + 1 :] == ["/a report", "s3://b/r", "--no-sign-request"]
    assert APP.is_file()


def test_a_link_to_a_page_is_answered_by_the_frame() -> None:
    # Streamlit would take the modules of such a folder for scripts, and run them without the password.
    assert not (APP.parent / "pages").exists()


def test_every_page_is_loaded_before_the_server_listens() -> None:
    there = (
        "import sys; from streamlit.web import cli; from dashboard.entry import server; "
        "cli.main = lambda **_: print(*(name for name in sys.modules if 'dashboard.pages.' in name)); "
        "server.main()"
    )
    loaded = subprocess.run([sys.executable, "-c", there], capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()) >= {f"dashboard.pages.{name}" for name in PAGES}


def test_the_server_starts_without_a_word_and_runs_nothing_from_where_the_user_stands(tmp_path) -> None:
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "__init__.py").write_text("raise SystemExit('not blanktrap')")
    command = server_command([], DashboardConfig())
    asked = [*command[: command.index("run") + 1], "--help"]
    answer = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "streamlit run" in answer.stdout


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.7", "traps.example.org"])
def test_other_machines_need_a_password(address) -> None:
    with pytest.raises(UsageError, match="--password"):
        resolve(DashboardConfig, {"address": address})
    resolve(DashboardConfig, {"address": address, "password": "capybara"})


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_none(address) -> None:
    assert resolve(DashboardConfig, {"address": address}).password is None


def test_an_empty_password_is_refused() -> None:
    with pytest.raises(UsageError, match="keeps nobody out"):
        resolve(DashboardConfig, {"password": ""})


def test_the_password_is_in_no_argument_and_in_no_message(monkeypatch) -> None:
    called = []
    monkeypatch.setattr(os, "execve", lambda *arguments: called.append(arguments))
    config = DashboardConfig(address="0.0.0.0", password=SecretStr("capybara"))
    launch(["/r"], config)
    _, command, environment = called[0]
    assert "capybara" not in " ".join(command) + repr(config)
    assert environment[PASSWORD_VARIABLE] == "capybara"
