"""`blanktrap score`."""

from typing import Annotated

import typer

from blanktrap.cli.root import NoSignRequest, print_lines
from blanktrap.core.config import DecodeLimits, Precision, ScoreConfig, resolve
from blanktrap.files.storage import Storage
from blanktrap.progress import ProgressLine


def score(
    manifest: Annotated[str, typer.Argument(metavar="MANIFEST", help="The manifest, local or s3://.")],
    model: Annotated[str, typer.Option(help="The checkpoint directory, local or s3://.")],
    out: Annotated[str, typer.Option(help="The scores dataset: a folder, local or s3://. Resumes.")],
    num_gpus: Annotated[float | None, typer.Option(help="GPUs of one inference actor (default 0).")] = None,
    min_actors: Annotated[int | None, typer.Option(help="Inference actors at the least.")] = None,
    max_actors: Annotated[int | None, typer.Option(help="Inference actors at the most.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images in one batch (default 32).")] = None,
    chunk_size: Annotated[int | None, typer.Option(help="Manifest rows in one output file.")] = None,
    fetch_threads: Annotated[
        int | None, typer.Option(help="Objects one decoding task fetches at a time (default 8).")
    ] = None,
    precision: Annotated[Precision | None, typer.Option(help="Number format of inference.")] = None,
    max_pixels: Annotated[int | None, typer.Option(help="Larger images are too_large.")] = None,
    max_bytes: Annotated[int | None, typer.Option(help="Larger files are too_large, not fetched.")] = None,
    embeddings: Annotated[
        bool,
        typer.Option("--embeddings", help="Keep the network's features of each image, for suggest."),
    ] = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Score every media of a manifest. Interrupted, the same command goes on where it stopped."""
    from blanktrap.engines.scoring import score_manifest
    from blanktrap.files.scores_reader import describe_run

    limits = resolve(DecodeLimits, {"max_pixels": max_pixels, "max_bytes": max_bytes})
    settings = resolve(
        ScoreConfig,
        {
            "num_gpus": num_gpus,
            "min_actors": min_actors,
            "max_actors": max_actors,
            "batch_size": batch_size,
            "chunk_size": chunk_size,
            "fetch_threads": fetch_threads,
            "precision": precision,
            "limits": limits,
            "embeddings": embeddings,
        },
    )
    with ProgressLine() as line:
        run = score_manifest(
            manifest,
            model,
            out,
            config=settings,
            storage=Storage(no_sign_request=no_sign_request),
            on_progress=lambda progress: line.show(progress.text()),
        )
    print_lines(describe_run(out, run))
