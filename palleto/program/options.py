"""The command-line options that the steps share, in one place."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from palleto.cloud.command_line import Parser
from palleto.cloud.place import PLACES
from palleto.cloud.warehouse import MAX_BYTES


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for; each field is the option of that name in `parser`."""

    events: int | None = None
    seconds: float | None = None
    forever: bool = False
    place: str | None = None
    endpoint: str | None = None
    yes: bool = False
    speed: float | None = None
    virtual: bool = False
    seed: int | None = None
    backend: str = "asyncio"
    files: int = 12
    data: tuple[Path, ...] = ()
    output: Path = Path("output")
    max_bytes: int = MAX_BYTES
    drain_timeout: float = 30.0
    trace: Path | None = None
    quiet: bool = False
    pipelines: int = 3
    max_demand: int = 1


def above_zero(text: str) -> float:
    """A number above 0, for argparse."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def one_or_more(text: str) -> int:
    """A whole number of 1 or more, for argparse."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def not_negative(text: str) -> int:
    """A whole number of 0 or more, for argparse."""
    number = int(text)
    if number < 0:
        raise ValueError
    return number


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Leaves room for the longest option, so that each is explained in the line of its name."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


def parser(program: str, about: str, *, cloud: bool, pipelines: bool) -> argparse.ArgumentParser:
    """The parser of a step's options. `cloud`: the step has a queue; `pipelines`: their number can be chosen."""
    made = Parser(prog=program, description=about, formatter_class=_Formatter, allow_abbrev=False)
    end = made.add_argument_group("what ends the run", "whichever comes first; with none of them the step's own ending")
    end.add_argument("--events", type=one_or_more, metavar="N", help="end when N events have been consumed")
    end.add_argument("--for", dest="seconds", type=above_zero, metavar="SECONDS", help="end after SECONDS of run time")
    end.add_argument("--forever", action="store_true", help="end only on Ctrl-C")
    time = made.add_argument_group("time and order")
    which = time.add_mutually_exclusive_group()
    which.add_argument("--speed", type=above_zero, metavar="FACTOR", help="let time go FACTOR times as fast")
    which.add_argument(
        "--virtual", action="store_true", help="jump over all waiting; with a queue, on the simulated place"
    )
    time.add_argument(
        "--seed", type=int, metavar="N", help="serve stages in an order of chance, the same for the same N"
    )
    time.add_argument(
        "--backend", choices=["asyncio", "trio"], default="asyncio", help="the event loop (default asyncio)"
    )
    if cloud:
        _cloud(made)
    if pipelines:
        made.add_argument("--pipelines", type=one_or_more, default=3, metavar="N", help="pipelines (default 3)")
        made.add_argument(
            "--max-demand",
            type=one_or_more,
            default=1,
            metavar="N",
            help="what a stage asks for at most; messages are deleted so many at a time, up to 10 (default 1)",
        )
    made.add_argument(
        "--drain-timeout",
        type=above_zero,
        default=30.0,
        metavar="SECONDS",
        help="after the first Ctrl-C, finish what is in hand for at most SECONDS (default 30)",
    )
    made.add_argument("--trace", type=Path, metavar="FILE", help="write everything that happens to FILE, as JSON Lines")
    made.add_argument("--quiet", action="store_true", help="print only the summary and errors")
    return made


def _cloud(made: argparse.ArgumentParser) -> None:
    where = made.add_argument_group("the cloud")
    where.add_argument(
        "--place",
        choices=PLACES,
        metavar="PLACE",
        help=f"{', '.join(PLACES)} (default: LocalStack if it answers, else embedded)",
    )
    where.add_argument("--endpoint", metavar="URL", help="a server with AWS's API, such as http://127.0.0.1:5000")
    where.add_argument("--yes", action="store_true", help="with --place aws: do not ask before anything is made")
    files = made.add_argument_group("files")
    files.add_argument("--files", type=not_negative, default=12, metavar="N", help="sample files (default 12)")
    files.add_argument(
        "--data",
        type=Path,
        nargs="+",
        default=(),
        metavar="PATH",
        help="your own .gz files, or folders of them, instead of the samples",
    )
    files.add_argument("--output", type=Path, default=Path("output"), metavar="DIR", help="results (default output)")
    files.add_argument(
        "--max-bytes",
        type=not_negative,
        default=MAX_BYTES,
        metavar="N",
        help="the most that one file may unzip to (default 10 GiB)",
    )


def parse(made: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> Options:
    """Parse the command line. Exits with one line and status 2 for what cannot be used."""
    values = vars(made.parse_args(arguments))
    values["data"] = tuple(values.get("data", ()))
    return Options(**values)
