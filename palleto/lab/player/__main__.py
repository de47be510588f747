"""The player on the command line: `python -m palleto.lab.player TRACE --html FILE`."""

from __future__ import annotations

import argparse
import sys

from palleto.errors import PalletoError
from palleto.lab.player.player import Player


def main(arguments: list[str]) -> int:
    """The command line; returns the exit status: 0, or 1 for a trace or a file that cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m palleto.lab.player",
        description="Make one HTML file of a recorded run, to be walked through in a browser.",
    )
    parser.add_argument("trace", metavar="TRACE", help="what a step wrote with --trace")
    parser.add_argument("--html", metavar="FILE", required=True, help="the file to write")
    parser.add_argument("--at", metavar="N", type=int, help="the event to open it at, from 0 (default: the first)")
    options = parser.parse_args(arguments)
    try:
        shown = Player(options.trace, options.at)
        path = shown.save(options.html)
    except PalletoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{path}: {len(shown.events):,} events, {path.stat().st_size / 1000:,.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
