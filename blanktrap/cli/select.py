"""`blanktrap select`."""

from typing import Annotated

import typer

from blanktrap.cli.root import NoSignRequest, OverwriteManifest, print_lines
from blanktrap.core.config import SelectConfig, resolve
from blanktrap.core.errors import UsageError
from blanktrap.files.storage import Storage


def select(
    manifest: Annotated[
        str, typer.Argument(metavar="MANIFEST", help="A manifest with labels, local or s3://.")
    ],
    out: Annotated[str, typer.Option(help="The manifest to write, with its split column filled.")],
    shares: Annotated[
        str | None, typer.Option(help="Shares for train,val,test (default 0.6,0.2,0.2).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the deal.")] = None,
    overwrite: OverwriteManifest = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Put whole locations into train, val and test."""
    from blanktrap.files.selecting import select_splits

    settings = resolve(SelectConfig, {"shares": _parse_shares(shares), "seed": seed})
    storage = Storage(no_sign_request=no_sign_request)
    print_lines(select_splits(manifest, out, config=settings, storage=storage, overwrite=overwrite).lines())


def _parse_shares(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    refusal = UsageError(f"--shares {text}: expected three shares, such as 0.6,0.2,0.2")
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError as problem:
        raise refusal from problem
    if len(shares) != 3:
        raise refusal
    return shares
