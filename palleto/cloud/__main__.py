"""What a run left on a cloud that outlives it: `python -m palleto.cloud down | dlq`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import click

from palleto import clock
from palleto.cloud import PLACES, Cloud, open_cloud
from palleto.cloud.command_line import OneOf, start
from palleto.cloud.place import START
from palleto.cloud.queue import dead_letters, put_back
from palleto.cloud.stack import tear_down
from palleto.errors import SettingError, one_line


@click.group(short_help="what a run left there: dlq, down")
def cloud() -> None:
    """What a run left on a cloud that outlives it."""


def on_a_cloud(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which cloud a command is for: `--place`, `--endpoint` and `--yes`."""
    place = click.option(
        "--place", type=OneOf(PLACES), metavar="PLACE", help="localstack, endpoint or aws, as for the steps"
    )
    endpoint = click.option("--endpoint", metavar="URL", help="a server with AWS's API, as for the steps")
    yes = click.option("--yes", is_flag=True, help="with --place aws: do not ask")
    return place(endpoint(yes(command)))


@cloud.command(short_help="remove the stack: its queues, and its bucket")
@on_a_cloud
@click.option("--files-too", is_flag=True, help="also the bucket's files; without it, a bucket that has any is kept")
@click.option(
    "--environment",
    default="development",
    metavar="NAME",
    help="which stack: palleto-NAME, with the bucket warehouse.NAME (default development)",
)
def down(environment: str, files_too: bool, **where: Any) -> None:
    """Remove the stack: its queues, and its bucket if that is empty. Nothing else is touched."""
    _on_a_cloud(lambda cloud: tear_down(cloud, environment, files_too=files_too), **where)


@cloud.command(short_help="list the dead letters, and why each cannot be processed")
@on_a_cloud
@click.option("--put-back", "again", is_flag=True, help="give the dead letters to the queue again")
def dlq(again: bool, **where: Any) -> None:
    """List the dead letters with the reason why each cannot be processed."""
    _on_a_cloud(partial(_dead_letters, again=again), **where)


async def _dead_letters(cloud: Cloud, again: bool) -> list[str]:
    letters = await dead_letters(cloud)
    lines = [str(letter) for letter in letters] or ["the dead-letter queue is empty"]
    if again and letters:
        lines.append(f"put back {await put_back(cloud)} messages")
    return lines


def _on_a_cloud(
    action: Callable[[Cloud], Awaitable[list[str]]], place: str | None, endpoint: str | None, yes: bool
) -> None:
    """Print the lines that the action on an open cloud gives back."""

    async def lines() -> list[str]:
        async with open_cloud(place, endpoint=endpoint, yes=yes) as cloud:
            print(one_line(str(cloud.place)), file=sys.stderr)
            if cloud.place.name in ("simulated", "embedded"):
                raise SettingError(
                    f"expected a cloud that outlives a run, got {cloud.place.name}, which ends with its run; "
                    f"start LocalStack ({START}), or name one with --endpoint or --place"
                )
            return await action(cloud)

    for line in clock.run(lines):
        print(one_line(line))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line. Exits with 0, or with one line and 1."""
    start(cloud, "python -m palleto.cloud", arguments)


if __name__ == "__main__":
    main()
