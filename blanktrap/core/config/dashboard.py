"""`blanktrap dashboard`: where its page is served, and to whom."""

from ipaddress import ip_address
from typing import Annotated

from pydantic import Field, SecretStr, model_validator

from blanktrap.core.config.base import Config


class DashboardConfig(Config):
    """`blanktrap dashboard`."""

    address: str = "127.0.0.1"
    """The address that is listened on; by default this machine alone can reach it."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 8501
    """TCP port."""
    password: SecretStr | None = None
    """What a visitor has to give; None asks for none, and is allowed on this machine alone."""

    @model_validator(mode="after")
    def _others_need_a_password(self) -> "DashboardConfig":
        if self.password is not None and not self.password.get_secret_value():
            raise ValueError("an empty --password keeps nobody out: give one, or leave it out")
        if self.password is None and not is_this_machine(self.address):
            raise ValueError(
                f"an --address of {self.address} shows the archive to everybody who can reach it: give "
                f"--password too, or leave --address out and put a web server with a login before it"
            )
        return self


def is_this_machine(address: str) -> bool:
    """Whether only programs on this machine can reach an address that is listened on."""
    if address == "localhost":
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
