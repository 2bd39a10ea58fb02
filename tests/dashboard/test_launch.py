"""The server is bound to this machine and gets nothing but what was named."""

from dashboard.launch import APP, server_command


def test_server_listens_on_this_machine_alone_and_reports_nothing_home() -> None:
    command = server_command(["/a report", "s3://b/r"], port=8511, no_sign_request=True)
    assert command[command.index("--server.address") + 1] == "127.0.0.1"
    assert command[command.index("--server.port") + 1] == "8511"
    assert command[command.index("--browser.gatherUsageStats") + 1] == "false"
    assert command[command.index("--") + 1 :] == ["/a report", "s3://b/r", "--no-sign-request"]
    assert APP.is_file()
