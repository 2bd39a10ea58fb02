"""What machines and S3 cost: the one table of prices.

Owns: EC2 machines that suit the work, with their prices, and what S3 charges. Refuses: asking AWS; prices
here are stated with region and date, they change, and a plan says so.

Sources: AWS's price pages for Linux in us-east-1. Of g5.xlarge and of S3 requests the prices were seen again
on pages dated June and February 2026 (`price_seen`); the others are stated from 2025: check them before you
spend money.
"""

from dataclasses import dataclass
from typing import Final, Literal

Range = tuple[float, float]
"""Low and high."""
Market = Literal["spot", "on-demand"]

REGION: Final = "us-east-1"
PRICES_STATED: Final = "2025"
SPOT_SHARE: Final[Range] = (0.3, 0.7)
"""Share of the on-demand price that spot costs: stated. It moves by hour and zone; AWS shows its history."""

HOURS_PER_MONTH: Final = 730.0


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """One EC2 machine, in us-east-1."""

    name: str
    num_vcpus: int
    vcpu: Literal["thread", "core"]
    """What a vCPU is: one of a core's two hardware threads, or a core."""
    memory_gib: float
    gpu: str | None = None
    """The GPU's name in `speeds.GPU_TERAFLOPS`; None: no GPU."""
    num_gpus: int = 0
    inference: Literal["amx", "avx512_bf16", "float32"]
    """The fastest number format its processor has for a network without a GPU (`speeds`)."""
    network_gbit_per_s: Range
    """Gigabits a second that hold, and in bursts."""
    usd_per_hour: float
    """On demand, Linux, without volume."""
    price_seen: str | None = None
    """Year and month in which that price was seen again; None: as stated in `PRICES_STATED`."""

    def usd_range(self, market: Market) -> Range:
        """Price of an hour, low and high."""
        if market == "on-demand":
            return self.usd_per_hour, self.usd_per_hour
        return SPOT_SHARE[0] * self.usd_per_hour, SPOT_SHARE[1] * self.usd_per_hour


def _gpu(
    name: str,
    num_vcpus: int,
    memory_gib: float,
    gpu: str,
    network: Range,
    usd_per_hour: float,
    price_seen: str | None = None,
) -> InstanceType:
    return InstanceType(
        name=name,
        num_vcpus=num_vcpus,
        vcpu="thread",
        memory_gib=memory_gib,
        gpu=gpu,
        num_gpus=1,
        inference="float32",
        network_gbit_per_s=network,
        usd_per_hour=usd_per_hour,
        price_seen=price_seen,
    )


_ALL: Final = (
    _gpu("g4dn.xlarge", 4, 16.0, "T4", (5.0, 25.0), 0.526),
    _gpu("g4dn.2xlarge", 8, 32.0, "T4", (10.0, 25.0), 0.752),
    _gpu("g5.xlarge", 4, 16.0, "A10G", (2.5, 10.0), 1.006, "2026-06"),
    _gpu("g5.2xlarge", 8, 32.0, "A10G", (5.0, 10.0), 1.212),
    _gpu("g5.4xlarge", 16, 64.0, "A10G", (10.0, 25.0), 1.624),
    _gpu("g6.xlarge", 4, 16.0, "L4", (2.5, 10.0), 0.8048),
    _gpu("g6.2xlarge", 8, 32.0, "L4", (5.0, 10.0), 0.9776),
    _gpu("g6.4xlarge", 16, 64.0, "L4", (10.0, 25.0), 1.3232),
    _gpu("g6.8xlarge", 32, 128.0, "L4", (25.0, 25.0), 2.0144),
    InstanceType(
        name="m7i.large",
        num_vcpus=2,
        vcpu="thread",
        memory_gib=8.0,
        inference="amx",
        network_gbit_per_s=(0.78, 12.5),
        usd_per_hour=0.1008,
    ),
    InstanceType(
        name="m7i.xlarge",
        num_vcpus=4,
        vcpu="thread",
        memory_gib=16.0,
        inference="amx",
        network_gbit_per_s=(1.56, 12.5),
        usd_per_hour=0.2016,
    ),
    InstanceType(
        name="c7i.2xlarge",
        num_vcpus=8,
        vcpu="thread",
        memory_gib=16.0,
        inference="amx",
        network_gbit_per_s=(3.1, 12.5),
        usd_per_hour=0.357,
    ),
    InstanceType(
        name="c7i.4xlarge",
        num_vcpus=16,
        vcpu="thread",
        memory_gib=32.0,
        inference="amx",
        network_gbit_per_s=(6.2, 12.5),
        usd_per_hour=0.714,
    ),
    InstanceType(
        name="c7a.4xlarge",
        num_vcpus=16,
        vcpu="core",
        memory_gib=32.0,
        inference="avx512_bf16",
        network_gbit_per_s=(6.2, 12.5),
        usd_per_hour=0.8211,
    ),
    InstanceType(
        name="c6i.4xlarge",
        num_vcpus=16,
        vcpu="thread",
        memory_gib=32.0,
        inference="float32",
        network_gbit_per_s=(6.2, 12.5),
        usd_per_hour=0.68,
    ),
)
INSTANCE_TYPES: Final[dict[str, InstanceType]] = {one.name: one for one in _ALL}
"""By name."""

HEAD_TYPE: Final = "m7i.large"
"""What the head runs on, on demand: it runs no tasks."""

S3_USD_PER_GET: Final = 0.0004 / 1000
"""GET and HEAD of S3 Standard; Infrequent Access and Glacier Instant Retrieval charge bytes besides."""
S3_USD_PER_PUT: Final = 0.005 / 1000
"""PUT, POST and LIST."""
VOLUME_USD_PER_GIB_MONTH: Final = 0.08
"""A gp3 root volume."""
S3_GETS_PER_S_PER_PREFIX: Final = 5500
"""What S3 promises a prefix at the least; it grows under load, and says 503 SlowDown until it has."""
S3_PUTS_PER_S_PER_PREFIX: Final = 3500
"""As above, for PUT, POST, COPY and DELETE."""
