"""`blanktrap audit-labels`."""

from typing import Annotated

import typer

from blanktrap.cli.root import NoSignRequest, print_lines
from blanktrap.core.config import AuditLabelsConfig, resolve
from blanktrap.files.storage import Storage


def audit_labels(
    scores: Annotated[
        str,
        typer.Argument(
            metavar="SCORES|REPORT",
            help="Scores of media that the model had not seen, or a report of them.",
        ),
    ],
    out: Annotated[str, typer.Option(help="The review queue to write: a folder, local or s3://.")],
    num_media: Annotated[
        int | None, typer.Option(help="Images on the list at the most (default: as many as look wrong).")
    ] = None,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="Look at labels that the model was taught; warned of.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of the resampled locations.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier review queue at --out.")
    ] = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Find labels that look wrong, and list their images."""
    from blanktrap.files.label_auditing import audit_scores

    settings = resolve(AuditLabelsConfig, {"num_media": num_media, "allow_seen": allow_seen, "seed": seed})
    storage = Storage(no_sign_request=no_sign_request)
    print_lines(audit_scores(scores, out, config=settings, storage=storage, overwrite=overwrite).lines())
