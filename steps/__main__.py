"""`python -m steps` lists the steps; `python -m steps diff 4 5` shows what changes from one to another."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from textwrap import wrap

from palleto.cloud.command_line import Number, start
from palleto.program import STEPS, counted, difference, read, stretches

import click

BOLD, GREY, RED, GREEN, END = "\033[1m", "\033[90m", "\033[31m", "\033[32m", "\033[0m"
SIGNS = {"kept": "  ", "added": "+ ", "removed": "- "}
COLOURS = {"kept": "", "added": GREEN, "removed": RED}


def listing() -> Iterator[str]:
    """Each step: its number, its title, what changes, and the command that runs it."""
    for lesson in map(read, STEPS):
        yield f"{lesson.number}  {lesson.title}"
        yield f"   {lesson.command}    changed: {lesson.changed.removesuffix('.')}"
    yield ""
    yield "What changes from one to another: python -m steps diff 4 5"


def differing(first: int, second: int, colour: bool) -> Iterator[str]:
    """The difference of two steps, section by section."""
    before, after = read(first), read(second)

    def paint(code: str, text: str) -> str:
        return f"{code}{text}{END}" if colour and code else text

    yield paint(BOLD, f"Step {before.number}: {before.title}")
    yield paint(BOLD, f"Step {after.number}: {after.title}")
    if second == first + 1:
        yield ""
        yield from wrap(f"Why: {after.why}".partition("\n\n")[0], 100, break_on_hyphens=False)
    for change in difference(before, after):
        yield ""
        if change.kind == "unchanged":
            yield paint(GREY, f"{change.name}: unchanged")
            continue
        yield paint(BOLD, f"{change.name}: {counted(change)}")
        for line in stretches(change):
            if isinstance(line, list):
                yield paint(GREY, f"  ... {len(line)} lines, the same in both")
            else:
                yield paint(COLOURS[line.mark], (SIGNS[line.mark] + line.text).rstrip())


def coloured() -> bool:
    """Whether standard output is a terminal that shows colours, and nobody asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


A_STEP = Number(f"the number of a step, {STEPS[0]} to {STEPS[-1]}", int, STEPS.__contains__)


@click.group(invoke_without_command=True)
def steps() -> None:
    """List the steps; or show what changes from one to another."""
    if click.get_current_context().invoked_subcommand is None:
        for line in listing():
            print(line)


@steps.command(short_help="what changes from one step to another")
@click.argument("first", type=A_STEP)
@click.argument("second", type=A_STEP)
def diff(first: int, second: int) -> None:
    """Show what changes from one step to another, section by section: `diff 4 5`."""
    for line in differing(first, second, colour=coloured()):
        print(line)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what the command line asks for."""
    start(steps, "python -m steps", arguments)


if __name__ == "__main__":
    main()
