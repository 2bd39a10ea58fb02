"""What scoring an archive would take on a cluster: machines, hours, requests, money, low and high.

Owns: the arithmetic from the tables of speeds and prices. Refuses: reading a manifest (`files.planning`), and
knowing what machines cost today: the prices are those of `prices`, with their region and date.

A plan is a range, not a promise: low speed with high price, high speed with low price.
"""

import math
from dataclasses import dataclass
from typing import Final

from blanktrap.core.config.plan import InstanceChoice, PlanConfig
from blanktrap.core.planning.prices import (
    HOURS_PER_MONTH,
    INSTANCE_TYPES,
    S3_USD_PER_GET,
    S3_USD_PER_PUT,
    VOLUME_USD_PER_GIB_MONTH,
    Range,
)
from blanktrap.core.planning.speeds import DRIVER_IMAGES_PER_S, Workload, machine_speed

# Booting, installing what is not in the machine image, loading the network: machines are paid for it.
STARTUP_HOURS: Final[Range] = (4.0 / 60.0, 15.0 / 60.0)
VOLUME_GIB: Final = 150
"""Root volume of each machine, as in cluster.yaml."""
KEYS_PER_LIST: Final = 1000
DRIVER: Final = "driver"
CHECKPOINT_GETS: Final = 2
"""Each inference actor reads the model card and the weights."""


@dataclass(frozen=True, kw_only=True)
class Requests:
    """What S3 is asked."""

    num_gets: int
    """One for each media, and the manifest's part for each chunk."""
    num_puts: int
    """One for each chunk of scores, a few for the run, and lists."""

    @property
    def usd(self) -> float:
        """What that costs."""
        return self.num_gets * S3_USD_PER_GET + self.num_puts * S3_USD_PER_PUT


@dataclass(frozen=True, kw_only=True)
class MachinePlan:
    """Scoring on machines of one kind."""

    choice: InstanceChoice
    num_machines: int
    images_per_s: Range
    """Of all machines together."""
    hours: Range
    """Until all is scored, starting up included."""
    usd: Range
    """Machines, head, volumes and S3 requests."""
    bottleneck: str
    """The stage that bounds one machine, or `DRIVER` where the machines are too many for one run."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a run that has ended really took."""

    num_media: int
    images_per_s: float
    """Over all its starts, starting up included."""
    hours: float
    """The sum of its starts."""
    usd: Range
    """Machines and head for that time, low and high price, and S3 requests."""
    num_starts: int


def count_requests(num_media: int, chunk_size: int, *, num_actors: int = 1) -> Requests:
    """What one undisturbed scoring run asks of S3, with archive, manifest, model and scores there.

    A media that is read whole is one GET. Retries, and starts after an interruption, come on top.
    """
    num_chunks = -(-num_media // chunk_size)
    num_lists = -(-(num_chunks + 2) // KEYS_PER_LIST) + 2
    return Requests(
        num_gets=num_media + num_chunks + CHECKPOINT_GETS * num_actors + 8,
        num_puts=num_chunks + num_lists + 3,
    )


def plan_machines(
    choice: InstanceChoice, workload: Workload, requests: Requests, config: PlanConfig
) -> MachinePlan:
    """Plan scoring on machines of one kind.

    Args:
        choice: the kind.
        workload: what is to be scored.
        requests: what S3 is asked.
        config: how many machines, or in what time.
    """
    instance = INSTANCE_TYPES[choice.name]
    speed = machine_speed(instance, workload)
    slow_hours = workload.num_media / speed.images_per_s[0] / 3600.0
    needed = math.ceil(slow_hours / max(config.within_hours - STARTUP_HOURS[1], config.within_hours / 2.0))
    # More than the quickest driver can feed would only wait.
    fed = math.ceil(DRIVER_IMAGES_PER_S[1] / speed.images_per_s[0])
    num_machines = config.num_machines or max(1, min(needed, fed))
    low, high = (
        min(num_machines * one, driver)
        for one, driver in zip(speed.images_per_s, DRIVER_IMAGES_PER_S, strict=True)
    )
    hours = (
        workload.num_media / high / 3600.0 + STARTUP_HOURS[0],
        workload.num_media / low / 3600.0 + STARTUP_HOURS[1],
    )
    usd = tuple(
        cost_usd(choice, num_machines, hours[which], config.head)[which] + requests.usd for which in (0, 1)
    )
    return MachinePlan(
        choice=choice,
        num_machines=num_machines,
        images_per_s=(low, high),
        hours=hours,
        usd=(usd[0], usd[1]),
        bottleneck=DRIVER
        if num_machines * speed.images_per_s[0] > DRIVER_IMAGES_PER_S[0]
        else speed.bottleneck,
    )


def cost_usd(choice: InstanceChoice, num_machines: int, hours: float, head: InstanceChoice) -> Range:
    """What machines cost that run for so many hours with their head, volumes included; low and high price."""
    volume = VOLUME_GIB * VOLUME_USD_PER_GIB_MONTH / HOURS_PER_MONTH
    workers = INSTANCE_TYPES[choice.name].usd_range(choice.market)
    heads = INSTANCE_TYPES[head.name].usd_range(head.market)
    low, high = (
        hours * (num_machines * (worker + volume) + one + volume)
        for worker, one in zip(workers, heads, strict=True)
    )
    return low, high
