"""The time that nobody spends on looking at blanks.

Owns: turning images into hours and weeks. Refuses: one number for two things: true blanks removed are
the gain, nonblank lost are the price, and images not looked at are their sum; each has its own name.
Media that could not be scored are looked at by people, so they save nothing.
"""

from dataclasses import dataclass

from blanktrap.core.errors import EvaluationError
from blanktrap.core.metrics import ConfusionCounts


@dataclass(frozen=True, kw_only=True)
class HandWork:
    """How fast people exclude images by hand."""

    images_per_hour: float = 500.0
    """Images one person looks at in an hour."""
    hours_per_week: float = 40.0
    """Working hours in a week."""

    def __post_init__(self) -> None:
        if not (self.images_per_hour > 0.0 and self.hours_per_week > 0.0):
            raise EvaluationError("images per hour and hours per week must be above 0")

    def hours(self, num_images: float) -> float:
        """Hours one person needs for so many images. 101,892 images at 500 an hour: 203.8 hours."""
        return num_images / self.images_per_hour

    def weeks(self, num_images: float) -> float:
        """Working weeks one person needs for so many images."""
        return self.hours(num_images) / self.hours_per_week


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


def savings_of(counts: ConfusionCounts, work: HandWork) -> Savings:
    """The savings that confusion counts stand for."""
    return Savings(
        num_blanks_removed=counts.removed_blank, num_nonblank_lost=counts.missed_nonblank, work=work
    )
