"""What is switched by the flags of augmentation, and nothing else."""

from blanktrap.cli.augment_flags import parse_augment
from blanktrap.core.config import AugmentConfig

USUAL = AugmentConfig()


def test_flags_that_are_not_given_say_nothing() -> None:
    assert parse_augment(None, False) is None
    assert parse_augment([], False) is None


def test_a_named_chance_changes_that_one_alone() -> None:
    assert parse_augment(["fog=0", "sun-flare=0.5"], False) == USUAL.model_copy(
        update={"fog": 0.0, "sun_flare": 0.5}
    )


def test_no_augment_switches_all_off_but_what_is_named() -> None:
    off = parse_augment(None, True)
    assert off == AugmentConfig.off()
    assert set(off.chances().values()) == {0.0}
    only = parse_augment(["flip=0.5", "flip=0.25"], True)
    assert only == AugmentConfig.off().model_copy(update={"flip": 0.25})
