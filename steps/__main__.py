"""`python -m steps` lists the steps; `python -m steps diff 4 5` shows what changes from one to another."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import NoReturn

from palleto import PalletoError
from palleto.program import STEPS, counted, difference, read, stretches

USAGE = """\
usage: python -m steps            lists the steps
       python -m steps diff 4 5   shows the difference of two steps"""

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


def output(arguments: Sequence[str]) -> Iterator[str]:
    """The lines that a command line asks for. Exits with status 2 for one that asks for nothing we have."""
    match arguments:
        case []:
            return listing()
        case ["-h" | "--help"]:
            return iter([USAGE])
        case ["diff", first, second]:
            numbers = []
            for text in (first, second):
                if not (text.isascii() and text.isdigit() and int(text) in STEPS):
                    refuse(f"expected the number of a step, {STEPS[0]} to {STEPS[-1]}, got: {text!r}")
                numbers.append(int(text))
            return differing(*numbers, colour=coloured())
        case ["diff", *rest]:
            refuse(f"expected two steps, as in `python -m steps diff 4 5`, got: {' '.join(rest) or 'none'}")
        case [command, *_]:
            refuse(f"expected `python -m steps` or `python -m steps diff 4 5`, got: {command!r}")
    raise AssertionError("the last case takes every other")


def refuse(message: str) -> NoReturn:
    """Exit with one line and status 2."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what the command line asks for."""
    try:
        for line in output(sys.argv[1:] if arguments is None else arguments):
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter's last flush fails
    except PalletoError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
