"""`blanktrap select`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from blanktrap.core.config.base import Config, Share
from blanktrap.core.vocabulary import Split, SplitBy

DEFAULT_SHARES = (0.6, 0.2, 0.2)
"""Shares of media for train, val and test where nothing else says who goes where."""
DEFAULT_ENOUGH = 5
"""Least blank, and least nonblank, media of a place that is to have several species."""

AtLeastOne = Annotated[int, Field(ge=1)]


class SelectConfig(Config):
    """`blanktrap select`: which media train, validate and test."""

    by: SplitBy | None = None
    """What stays whole; by location where nothing is said. Sequences stay whole always."""
    shares: tuple[Share, Share, Share] | None = None
    """Shares of media for train, val and test; groups are dealt out, so they hold roughly."""
    assign: dict[Split, tuple[str, ...]] = Field(default_factory=dict)
    """Locations, deployments or sequences (as `by` says) that go to a split by name."""
    val_from: datetime | None = None
    """By time: media from here on are `val`; what is earlier is `train`."""
    test_from: datetime | None = None
    """By time: media from here on are `test`."""
    keep_splits: bool = False
    """Keep the splits that the manifest has, and only select."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of deal and choice."""
    frames: Literal["first", "all"] | None = None
    """Learn from the first labelled frame of each sequence, or from all; first where media are chosen."""
    balance: bool | None = None
    """As many blank as nonblank media to learn from; so where media are chosen, unless told otherwise."""
    num_images: AtLeastOne | None = None
    """Most media to learn from, in train and val together."""
    max_per_location: AtLeastOne | None = None
    """Most media of one location to learn from."""
    min_species: AtLeastOne | None = None
    """Least species of a deployment to learn from (of a location, where there are no deployments)."""
    min_blank: AtLeastOne | None = None
    """Least blank media of such a deployment."""
    min_nonblank: AtLeastOne | None = None
    """Least nonblank media of such a deployment."""
    select_test: bool = False
    """Choose in `test` too; else test media keep their natural mix."""

    @property
    def asks_place(self) -> bool:
        """Whether only some deployments are learned from."""
        return any(value is not None for value in (self.min_species, self.min_blank, self.min_nonblank))

    @property
    def least_of_place(self) -> tuple[int, int, int]:
        """Least blank media, nonblank media and species of a place; 0 where nothing is asked."""
        enough = 0 if self.min_species is None else DEFAULT_ENOUGH
        return (
            enough if self.min_blank is None else self.min_blank,
            enough if self.min_nonblank is None else self.min_nonblank,
            self.min_species or 0,
        )

    @property
    def chooses(self) -> bool:
        """Whether media are chosen at all, beyond the splits."""
        return (
            self.asks_place
            or self.num_images is not None
            or self.max_per_location is not None
            or self.frames == "first"
            or bool(self.balance)
        )

    @property
    def only_first_frames(self) -> bool:
        """Whether only first frames are learned from."""
        return self.frames == "first" or (self.frames is None and self.chooses)

    @property
    def is_balanced(self) -> bool:
        """Whether as many blank as nonblank media are learned from."""
        return bool(self.balance) or (self.balance is None and self.chooses)

    @property
    def shares_wanted(self) -> dict[Split, float]:
        """The share of each split. With names alone, all that is not named is `train`."""
        named_only = (1.0, 0.0, 0.0) if self.assign else DEFAULT_SHARES
        return dict(zip(Split, self.shares or named_only, strict=True))

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> "SelectConfig":
        if self.shares is not None and abs(sum(self.shares) - 1.0) > 1e-6:
            raise ValueError(f"--shares: {', '.join(map(str, self.shares))} do not sum to 1")
        return self

    @model_validator(mode="after")
    def _names_are_in_one_split(self) -> "SelectConfig":
        split_of: dict[str, Split] = {}
        for split, names in self.assign.items():
            for name in names:
                if split_of.setdefault(name, split) is not split:
                    raise ValueError(
                        f"--assign: {name} is in the splits {split_of[name]} and {split}: name it once"
                    )
        return self

    @model_validator(mode="after")
    def _times_go_with_time(self) -> "SelectConfig":
        bounds = {"--val-from": self.val_from, "--test-from": self.test_from}
        given = [flag for flag, bound in bounds.items() if bound is not None]
        if given and self.by is not SplitBy.TIME:
            raise ValueError(f"{given[0]} goes with --by time: give both, or neither")
        if given and self.shares is not None:
            raise ValueError(f"{given[0]} and --shares both say where train ends: give one of them")
        if self.assign and self.by is SplitBy.TIME:
            raise ValueError("--assign names places, --by time asks when: give --val-from and --test-from")
        if self.val_from and self.test_from and self.val_from >= self.test_from:
            raise ValueError(
                f"--val-from {self.val_from} is not before --test-from {self.test_from}: a test comes last"
            )
        return self

    @model_validator(mode="after")
    def _kept_splits_are_not_made(self) -> "SelectConfig":
        making = {
            "--shares": self.shares,
            "--assign": self.assign or None,
            "--val-from": self.val_from,
            "--test-from": self.test_from,
        }
        given = [flag for flag, value in making.items() if value is not None]
        if self.keep_splits and given:
            raise ValueError(f"--keep-splits keeps the splits there are, {given[0]} makes new ones: give one")
        return self

    @model_validator(mode="after")
    def _balance_needs_two(self) -> "SelectConfig":
        if self.is_balanced and self.max_per_location == 1:
            raise ValueError(
                "--max-per-location 1 leaves no location a blank and a nonblank media: give 2 or more, or "
                "--no-balance"
            )
        return self
