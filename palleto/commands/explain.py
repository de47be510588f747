"""`palleto explain TRACE` says why nothing is happening."""

from __future__ import annotations

from pathlib import Path

import click

from palleto.cloud.command_line import SECONDS
from palleto.replay import explain as explanation
from palleto.trace import Trace


@click.command(short_help="why nothing happens, or what goes on, in a recorded run")
@click.argument("trace", metavar="TRACE", type=click.Path(path_type=Path))
@click.option("--at", type=SECONDS, metavar="T", help="after T seconds of the run (default: at its end)")
def explain(trace: Path, at: float | None) -> None:
    """Say why nothing happens, or what goes on, at a moment of a recorded run: the chain from a consumer to the cause.

    TRACE is what a step wrote with --trace.
    """
    print(explanation(Trace.load(trace), at=at))
