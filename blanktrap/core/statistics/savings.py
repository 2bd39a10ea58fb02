"""The time and money that nobody spends on looking at blanks.

Owns: turning images into hours, weeks and money, gross and net of what the filter itself takes. Refuses: one
number for two things: true blanks removed are the gain, nonblank lost are the price, and images not looked at
are their sum; each has its own name. Media that could not be scored are looked at by people, so they save
nothing. Money is in the currency that the hourly prices were given in, and None where none was given.
"""

from dataclasses import dataclass, replace

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.metrics import ConfusionCounts


@dataclass(frozen=True, kw_only=True)
class HandWork:
    """How fast people exclude images by hand."""

    images_per_hour: float = 500.0
    """Images one person looks at in an hour."""
    hours_per_week: float = 40.0
    """Working hours in a week."""
    cost_per_hour: float | None = None
    """What an hour of looking costs, in any currency, at least 0; None where nobody said."""

    def __post_init__(self) -> None:
        if not (self.images_per_hour > 0.0 and self.hours_per_week > 0.0):
            raise EvaluationError("images per hour and hours per week must be above 0")
        _check_price("cost", self.cost_per_hour)

    def hours(self, num_images: float) -> float:
        """Hours one person needs for so many images. 101,892 images at 500 an hour: 203.8 hours."""
        return num_images / self.images_per_hour

    def weeks(self, num_images: float) -> float:
        """Working weeks one person needs for so many images."""
        return self.hours(num_images) / self.hours_per_week

    def money(self, num_images: float) -> float | None:
        """What one person's hours for so many images cost."""
        return None if self.cost_per_hour is None else self.cost_per_hour * self.hours(num_images)


@dataclass(frozen=True, kw_only=True)
class MachineWork:
    """The machines that scored an archive."""

    wall_s: float
    """Seconds from start to end, as run.json has them; all sessions of a run together."""
    price_per_hour: float
    """Price of one machine for an hour, at least 0, in the currency of `HandWork.cost_per_hour`."""
    num_machines: int = 1
    """Machines that ran side by side all the while."""

    def __post_init__(self) -> None:
        _check_price("price", self.price_per_hour)
        if not (self.wall_s >= 0.0 and self.num_machines >= 1):
            raise EvaluationError(
                f"{self.wall_s} s on {self.num_machines} machines cannot be: at least 0 seconds and 1 machine"
            )

    @property
    def hours(self) -> float:
        """Machine hours, those of all machines summed."""
        return self.wall_s * self.num_machines / 3600.0

    @property
    def money(self) -> float:
        """What the machine hours cost."""
        return self.hours * self.price_per_hour

    def for_times_as_many(self, times: float) -> "MachineWork":
        """The same machines on an archive of so many times the media."""
        return replace(self, wall_s=self.wall_s * times)


@dataclass(frozen=True, kw_only=True)
class Savings:
    """What a cutoff saves, and what it costs in animals."""

    num_blanks_removed: float
    """True blanks that nobody need look at: the gain."""
    num_nonblank_lost: float
    """True nonblank media that nobody will look at: the price."""
    work: HandWork

    @property
    def num_not_looked_at(self) -> float:
        """Images nobody looks at: blanks removed and nonblank lost together."""
        return self.num_blanks_removed + self.num_nonblank_lost

    @property
    def hours_not_looking(self) -> float:
        """Hours that all images not looked at would have taken."""
        return self.work.hours(self.num_not_looked_at)

    @property
    def weeks_not_looking(self) -> float:
        """Weeks that all images not looked at would have taken."""
        return self.work.weeks(self.num_not_looked_at)

    @property
    def hours_on_blanks(self) -> float:
        """Hours that the true blanks removed would have taken, as the literature counts savings."""
        return self.work.hours(self.num_blanks_removed)

    @property
    def weeks_on_blanks(self) -> float:
        """Weeks that the true blanks removed would have taken."""
        return self.work.weeks(self.num_blanks_removed)


@dataclass(frozen=True, kw_only=True)
class NetSavings:
    """What is left of savings when the filter's own work is counted."""

    savings: Savings
    num_audited: float = 0.0
    """Images of the discard pile that people look at to check it."""
    machine: MachineWork | None = None
    """What scoring took; None where no price was given: then no sum counts it."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.num_audited <= self.savings.num_not_looked_at:
            raise EvaluationError(
                f"{self.num_audited:,.0f} images cannot be audited of a pile of "
                f"{self.savings.num_not_looked_at:,.0f}"
            )

    @property
    def hours_auditing(self) -> float:
        """Hours of looking at the audited images."""
        return self.savings.work.hours(self.num_audited)

    @property
    def hours_net(self) -> float:
        """Hours not spent on looking, less those of the audit. Machine hours are nobody's and not in it."""
        return self.savings.hours_not_looking - self.hours_auditing

    @property
    def weeks_net(self) -> float:
        """`hours_net` in working weeks."""
        return self.hours_net / self.savings.work.hours_per_week

    @property
    def money_gross(self) -> float | None:
        """What the hours of all images not looked at would have cost."""
        return self.savings.work.money(self.savings.num_not_looked_at)

    @property
    def money_auditing(self) -> float | None:
        """What the audit costs."""
        return self.savings.work.money(self.num_audited)

    @property
    def money_machine(self) -> float | None:
        """What scoring costs."""
        return None if self.machine is None else self.machine.money

    @property
    def money_net(self) -> float | None:
        """Money not spent, less audit and machines; below 0 where the filter costs more than it saves."""
        if self.money_gross is None or self.money_auditing is None:
            return None
        return self.money_gross - self.money_auditing - (self.money_machine or 0.0)


def savings_of(counts: ConfusionCounts, work: HandWork) -> Savings:
    """The savings that confusion counts stand for."""
    return Savings(
        num_blanks_removed=counts.removed_blank, num_nonblank_lost=counts.missed_nonblank, work=work
    )


def _check_price(name: str, price: float | None) -> None:
    if price is not None and not 0.0 <= price < float("inf"):
        raise EvaluationError(f"a {name} of {price} an hour cannot be: it is at least 0")
