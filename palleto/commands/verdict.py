"""`palleto verdict TRACE` says what became of everything in a recorded run."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from palleto.replay import verdict as judged
from palleto.trace import Trace


@click.command(short_help="what became of each message and file of a recorded run")
@click.argument("trace", metavar="TRACE", type=click.Path(path_type=Path))
def verdict(trace: Path) -> None:
    """Say what became of each message and file of a recorded run. Exit code 1: something was lost, or is stuck.

    TRACE is what a step wrote with --trace.
    """
    found = judged(Trace.load(trace))
    print(found)
    sys.exit(0 if found else 1)
