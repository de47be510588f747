"""`python -m palleto.lab.publish DIR` writes executed HTML copies of the notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from palleto.cloud.command_line import start
from palleto.lab.publish.pages import publish_all


@click.command(short_help="the notebooks, executed, as HTML pages")
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
def publish(target: Path) -> None:
    """Execute the notebooks, and write them as HTML pages into DIR. They need no kernel and no network."""
    for path in publish_all(target):
        print(path, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line. Exits with one line and 1 if a page cannot be made."""
    start(publish, "python -m palleto.lab.publish", arguments)


if __name__ == "__main__":
    main()
