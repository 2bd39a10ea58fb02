"""The flags that say what may happen to a training image.

Owns: `--augment NAME=CHANCE` and `--no-augment`, for every command that has them. Refuses: looks; they are in
`blanktrap/vision/augmentation`.
"""

from typing import Annotated

import typer

from blanktrap.core.config import AugmentConfig, resolve
from blanktrap.core.errors import UsageError

Augment = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=CHANCE",
        help="Chance in 0 to 1 that a circumstance of the field changes a training image, 0 for never; "
        f"repeatable. Names: {', '.join(AugmentConfig().chances())}; max_cut is the share that crop may cut.",
    ),
]
NoAugment = Annotated[
    bool, typer.Option("--no-augment", help="Switch all off; what --augment names is on all the same.")
]


def parse_augment(changes: list[str] | None, no_augment: bool) -> AugmentConfig | None:
    """The settings that the flags give; None where they say nothing.

    Raises:
        UsageError: a text is not NAME=CHANCE, names nothing there is, or the chance is out of range.
    """
    if not changes and not no_augment:
        return None
    usual = AugmentConfig.off() if no_augment else AugmentConfig()
    names = list(AugmentConfig.model_fields)
    chosen: dict[str, str] = {}
    for change in changes or []:
        name, equals, chance = change.partition("=")
        field = name.strip().replace("-", "_")
        if not equals or field not in names:
            raise UsageError(
                f"--augment {change}: expected NAME=CHANCE, such as fog=0.1; names are {', '.join(names)}"
            )
        chosen[field] = chance.strip()
    flags = {name: f"augment {name}" for name in names}
    return resolve(AugmentConfig, {**usual.model_dump(), **chosen}, flags=flags)
