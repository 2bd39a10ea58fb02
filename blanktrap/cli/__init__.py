"""The command line: flags in, one call, printed lines out. One module a command, registered here.

Refuses: doing any of the work; heavy libraries are imported by the command that needs them, when it runs.
"""

from blanktrap.cli import (
    audit_discard,
    audit_labels,
    cluster,
    dashboard,
    demo,
    evaluate,
    explain,
    export,
    index,
    plan,
    score,
    select,
    separate,
    submit,
    suggest,
    train,
)
from blanktrap.cli.root import app
from blanktrap.cli.root import run as main

# `--help` lists them in this order: that in which they are used.
for command in (
    index.index,
    select.select,
    train.train,
    score.score,
    evaluate.evaluate,
    explain.explain,
    audit_labels.audit_labels,
    audit_discard.audit_discard,
    suggest.suggest,
    export.export,
    separate.separate,
    demo.demo,
    dashboard.dashboard,
    plan.plan,
):
    app.command()(command)
# What follows the command to submit is that command's.
app.command(context_settings={"allow_interspersed_args": False})(submit.submit)
app.add_typer(cluster.cluster, name="cluster")

__all__ = ["main"]
