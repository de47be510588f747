"""The player on the command line: `python -m palleto.lab.player TRACE --html FILE`."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import click

from palleto.cloud.command_line import WHOLE, start
from palleto.lab.player.player import Player


@click.command(short_help="walk through a recorded run, forward and back")
@click.argument("trace", metavar="TRACE", type=click.Path(path_type=Path))
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="write the page to FILE, and open nothing"
)
@click.option("--at", type=WHOLE, metavar="N", help="the event to open it at, from 0 (default: the first)")
def play(trace: Path, html: Path | None, at: int | None) -> None:
    """Walk through a recorded run in the browser, forward and back.

    TRACE is what a step wrote with --trace. The page is one file that needs no network.
    """
    shown = Player(trace, at)
    path = shown.save(html or _new_file(trace))
    print(f"{path}: {len(shown.events):,} events, {path.stat().st_size / 1000:,.0f} kB", flush=True)
    if html is None and not webbrowser.open(path.as_uri()):
        print("no browser was found; open that file in one")


def _new_file(trace: Path) -> Path:
    """A file that stays: the browser reads it when this process has ended."""
    handle, name = tempfile.mkstemp(prefix=f"palleto-{trace.stem}-", suffix=".html")
    os.close(handle)
    return Path(name)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line. Exits with one line and 1 for a trace or a file that cannot be used."""
    start(play, "python -m palleto.lab.player", arguments)


if __name__ == "__main__":
    main()
