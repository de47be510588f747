"""The command-line options that the steps share, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from palleto.cloud.command_line import ABOVE_ZERO, NOT_NEGATIVE, ONE_OR_MORE, WHOLE, OneOf, as_it_stands
from palleto.cloud.endurance import PATIENCE
from palleto.cloud.place import PLACES
from palleto.cloud.warehouse import MAX_BYTES


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for; each field is the option of that name below."""

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
    patience: float = PATIENCE
    drain_timeout: float = 30.0
    trace: Path | None = None
    quiet: bool = False
    watch: bool = False
    pipelines: int = 3
    max_demand: int = 1


class StepOption(click.Option):
    """An option of a step. `heading`: what it stands under in the help."""

    def __init__(self, name: str, heading: str, more: str, *field: str, **settings: Any) -> None:
        super().__init__((name, *field), help=more, **settings)
        self.heading = heading


DEFAULT = Options()
PATH = click.Path(path_type=Path)

END = "What ends the run, whichever comes first; with none of them the step's own ending"
TIME = "Time and order"
CLOUD = "The cloud"
FILES = "Files"
REST = "Options"


def options(*, cloud: bool, pipelines: bool) -> Iterator[StepOption]:
    """The options of a step. `cloud`: it has a queue; `pipelines`: their number can be chosen."""
    yield StepOption("--events", END, "end when N events have been consumed", type=ONE_OR_MORE, metavar="N")
    yield StepOption("--for", END, "end after SECONDS of run time", "seconds", type=ABOVE_ZERO, metavar="SECONDS")
    yield StepOption("--forever", END, "end only on Ctrl-C", is_flag=True)
    servers = "; with a queue, on the simulated place" if cloud else ""
    yield StepOption("--speed", TIME, f"let time go FACTOR times as fast{servers}", type=ABOVE_ZERO, metavar="FACTOR")
    yield StepOption("--virtual", TIME, f"jump over all waiting{servers}", is_flag=True)
    chance = "serve stages in an order of chance, the same for the same N"
    yield StepOption("--seed", TIME, chance, type=WHOLE, metavar="N")
    loop = f"asyncio or trio: the event loop (default {DEFAULT.backend})"
    backends = OneOf(["asyncio", "trio"])
    yield StepOption("--backend", TIME, loop, type=backends, default=DEFAULT.backend, metavar="NAME")
    if cloud:
        where = f"{', '.join(PLACES)} (default: LocalStack if it answers, else embedded)"
        yield StepOption("--place", CLOUD, where, type=OneOf(PLACES), metavar="PLACE")
        server = "a server with AWS's API, such as http://127.0.0.1:5000"
        yield StepOption("--endpoint", CLOUD, server, metavar="URL")
        yield StepOption("--yes", CLOUD, "with --place aws: do not ask before anything is made", is_flag=True)
        gone = f"end when the server has not answered for SECONDS (default {DEFAULT.patience:g})"
        seconds = DEFAULT.patience
        yield StepOption("--patience", CLOUD, gone, type=ABOVE_ZERO, default=seconds, metavar="SECONDS")
        samples = f"sample files (default {DEFAULT.files})"
        yield StepOption("--files", FILES, samples, type=NOT_NEGATIVE, default=DEFAULT.files, metavar="N")
        own = "your own .gz files, or folders of them, instead of the samples"
        yield StepOption("--data", FILES, own, type=PATH, multiple=True, metavar="PATH...")
        results = f"results (default {DEFAULT.output})"
        yield StepOption("--output", FILES, results, type=PATH, default=DEFAULT.output, metavar="DIR")
        most = f"the most that one file may unzip to (default {DEFAULT.max_bytes // 2**30} GiB)"
        yield StepOption("--max-bytes", FILES, most, type=NOT_NEGATIVE, default=DEFAULT.max_bytes, metavar="N")
    if pipelines:
        many = f"pipelines (default {DEFAULT.pipelines})"
        yield StepOption("--pipelines", REST, many, type=ONE_OR_MORE, default=DEFAULT.pipelines, metavar="N")
        asked = "what a stage asks for at most; messages are deleted so many at a time, up to 10"
        asked += f" (default {DEFAULT.max_demand})"
        yield StepOption("--max-demand", REST, asked, type=ONE_OR_MORE, default=DEFAULT.max_demand, metavar="N")
    drain = f"after the first Ctrl-C, finish what is in hand for at most SECONDS (default {DEFAULT.drain_timeout:g})"
    seconds = DEFAULT.drain_timeout
    yield StepOption("--drain-timeout", REST, drain, type=ABOVE_ZERO, default=seconds, metavar="SECONDS")
    yield StepOption("--trace", REST, "write everything that happens to FILE, as JSON Lines", type=PATH, metavar="FILE")
    yield StepOption("--quiet", REST, "print only the summary and errors", is_flag=True)
    view = "show the run as it goes, in a terminal; in a pipe, or with TERM=dumb, the lines are printed"
    yield StepOption("--watch", REST, view, is_flag=True)


class StepCommand(click.Command):
    """The command of a step: `run` is called with its Options."""

    def __init__(
        self, name: str, about: str, run: Callable[[Options], object], *, cloud: bool, pipelines: bool
    ) -> None:
        def given(**values: Any) -> None:
            if values["speed"] is not None and values["virtual"]:
                raise click.UsageError("expected --speed or --virtual, got both", click.get_current_context())
            run(Options(**values))

        params: list[click.Parameter] = list(options(cloud=cloud, pipelines=pipelines))
        title = about.partition("\n")[0]
        super().__init__(name, callback=given, params=params, help=as_it_stands(about), short_help=title)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; `--data` takes all paths that follow it."""
        return super().parse_args(ctx, list(_each_with_its_name(args)))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each under its heading."""
        for heading, params in groupby(self.get_params(ctx), key=lambda param: getattr(param, "heading", REST)):
            with formatter.section(heading):
                formatter.write_dl([record for param in params if (record := param.get_help_record(ctx))])


def _each_with_its_name(arguments: Iterable[str]) -> Iterator[str]:
    """`--data one two` as click knows it: `--data one --data two`."""
    paths = False
    for number, argument in enumerate(arguments):
        if argument.startswith("-"):
            paths = argument == "--data"
            first = number + 1
        elif paths and number > first:
            yield "--data"
        yield argument
