"""`blanktrap cluster`: what concerns the machines themselves."""

from typing import Annotated

import typer

from blanktrap.cli.root import print_lines
from blanktrap.core.errors import ClusterError
from blanktrap.core.planning.cluster_rules import describe_cost
from blanktrap.core.planning.prices import PRICES_STATED, REGION
from blanktrap.core.wording import number

cluster = typer.Typer(rich_markup_mode=None)


@cluster.callback()
def _cluster() -> None:
    """Check the file of a Ray cluster on EC2."""


@cluster.command()
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The cluster's file, such as cluster.yaml.")],
) -> None:
    """Look for faults in a cluster's file, without asking AWS."""
    from blanktrap.engines.cluster_check import check_cluster

    found, faults = check_cluster(file)
    print_lines(faults)
    if faults:
        raise ClusterError(f"{file} has {number(len(faults), 'fault')}: mend it before ray up")
    print_lines(
        [
            *describe_cost(found),
            f"prices: {REGION}, stated in {PRICES_STATED}. They change: check them",
            f"no fault found in {file}; what only AWS knows (quotas, images, rights) was not asked",
        ]
    )
