"""What a run left on a cloud that outlives it: `python -m palleto.cloud down | dlq`.

down  removes the stack: the queues, and the bucket if it is empty (with --files-too even if not)
dlq   lists the dead letters with the reason why each cannot be processed; --put-back gives them to the queue again
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from palleto import clock
from palleto.cloud import PLACES, open_cloud
from palleto.cloud.command_line import Parser
from palleto.cloud.place import START
from palleto.cloud.queue import dead_letters, one_line, put_back
from palleto.cloud.stack import tear_down
from palleto.errors import PalletoError, SettingError


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line. Exits with 0, or with one line and 1."""
    parser = Parser(
        prog="python -m palleto.cloud",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("command", choices=["down", "dlq"])
    parser.add_argument("--place", choices=PLACES, metavar="PLACE", help="as for the steps")
    parser.add_argument("--endpoint", metavar="URL", help="as for the steps")
    parser.add_argument("--yes", action="store_true", help="with --place aws: do not ask")
    parser.add_argument("--files-too", action="store_true", help="down: remove the bucket's files as well")
    parser.add_argument("--put-back", action="store_true", help="dlq: give the dead letters to the queue again")
    parser.add_argument("--environment", default="development", metavar="NAME", help="down: (default development)")
    try:
        for line in clock.run(partial(_command, parser.parse_args(arguments))):
            print(one_line(line))
    except PalletoError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


async def _command(options: argparse.Namespace) -> list[str]:
    async with open_cloud(options.place, endpoint=options.endpoint, yes=options.yes) as cloud:
        print(cloud.place, file=sys.stderr)
        if cloud.place.name in ("simulated", "embedded"):
            raise SettingError(
                f"expected a cloud that outlives a run, got {cloud.place.name}, which ends with its run; "
                f"start LocalStack ({START}), or name one with --endpoint or --place"
            )
        if options.command == "down":
            return await tear_down(cloud, options.environment, files_too=options.files_too)
        letters = await dead_letters(cloud)
        lines = [str(letter) for letter in letters] or ["the dead-letter queue is empty"]
        if options.put_back and letters:
            lines.append(f"put back {await put_back(cloud)} messages")
        return lines


if __name__ == "__main__":
    main()
