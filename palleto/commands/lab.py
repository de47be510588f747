"""`palleto lab`: the notebooks in a folder of the user's, and JupyterLab on them; and what labs of theirs print."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from palleto.cloud.command_line import A_PORT, ABOVE_ZERO, NOT_NEGATIVE, ONE_OR_MORE, SECONDS, OneOf
from palleto.errors import SettingError
from palleto.lab import copies
from palleto.lab.extra import required

SETTINGS = Path(copies.__file__).parent / "jupyter"
"""A folder of Jupyter's configuration: https://docs.jupyter.org/en/stable/use/jupyter-directories.html"""


class Lab(click.Group):
    """What is none of its commands is what the notebooks take: `palleto lab mine` is `palleto lab notebooks mine`.

    But what is nearly one of them, and no folder, was meant to be that.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name that was left out."""
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        others = [name for name in self.commands if name != "notebooks"]  # many a folder is nearly called so
        if not named and args and get_close_matches(args[0], others, 1, 0.8) and not Path(args[0]).exists():
            raise click.NoSuchCommand(args[0], ctx=ctx)  # for a folder of that name: `palleto lab notebooks NAME`
        return super().parse_args(ctx, list(args) if named else ["notebooks", *args])


@click.group(
    cls=Lab, short_help="the notebooks, in a folder of yours, in JupyterLab", subcommand_metavar="[COMMAND] [DIR] ..."
)
def lab() -> None:
    """The notebooks in JupyterLab: `palleto lab [DIR]`. And what a lab of theirs shows, as text."""


@lab.command(short_help="copy them to DIR, and open JupyterLab; if you name no command, it is this")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default="palleto-notebooks")
@click.option("--no-browser", is_flag=True, help="open no browser; JupyterLab prints its address")
@click.option("--port", type=A_PORT, metavar="N", help="its port on 127.0.0.1 (default 8888, or the next that is free)")
@click.option("--allow-root", is_flag=True, help="as root, which JupyterLab refuses otherwise")
def notebooks(folder: Path, no_browser: bool, port: int | None, allow_root: bool) -> None:
    """Copy the notebooks to DIR (default palleto-notebooks), and open JupyterLab on them, on 127.0.0.1.

    Files that are there are kept as they are, so your work in them is. Ctrl-C ends JupyterLab.
    """
    application = required("jupyterlab.labapp").LabApp
    required("ipywidgets")
    copied = copies.copy(folder.absolute())
    print(copied, flush=True)
    # Settings that JupyterLab begins with, before the user's own: it does not greet with a question about its news.
    paths = [str(SETTINGS), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(paths)
    arguments = ["--ip=127.0.0.1", "--log-level=WARN", f"--ServerApp.root_dir={copied.folder}"]
    arguments.append("--LabApp.default_url=/lab/tree/notebooks/index.ipynb")
    arguments += ["--no-browser"] * no_browser + ["--allow-root"] * allow_root
    application.launch_instance(arguments if port is None else [*arguments, f"--port={port}"])


@lab.command(short_help="each fault against steps 6 to 9 and the talk's own, a word each")
@click.argument("names", metavar="[FAULT]...", nargs=-1)
@click.option(
    "--step", "steps", multiple=True, metavar="STEP", help='only 6 to 9 or "talk 6" to "talk 9"; may be given again'
)
@click.option(
    "--place", type=OneOf(["simulated", "localstack"]), default="simulated", help="simulated (default) or localstack"
)
def faults(names: tuple[str, ...], steps: tuple[str, ...], place: str) -> None:
    """Run each FAULT of the failure lab (default: all) against steps 6 to 9, ours and the talk's; what comes of it.

    A word is the gravest fate of a message or file; "wrong" where one was done twice with different results, "ended"
    where the run ended with an error, "-" where the step does not do what the fault is about. It takes some seconds.

    With --place localstack the same runs on LocalStack, beside the simulated one, against step 8 and the talk's if you
    name no other. It takes up to half a minute each, and empties LocalStack's queues.
    """
    from palleto.lab.failures import FAILURES, STEPS, Pairs, failure, matrix, pairs

    chosen = [failure(name) for name in names] or FAILURES
    if place == "simulated":
        print(matrix(chosen, steps or tuple(STEPS)))
        return
    found = Pairs()
    for pair in pairs(chosen, steps or ("8", "talk 8")):
        found.append(pair)
        print(pair, flush=True)
    print(found.line)


@lab.command(short_help="five ways to end a worker, and what each leaves behind")
@click.option("--deadline", type=ABOVE_ZERO, metavar="SECONDS", help="for what it has in hand (default 2; deploys: 5)")
@click.option("--file", type=ABOVE_ZERO, metavar="SECONDS", help="that a file takes (default 4; deploys: 15)")
@click.option("--deploys", is_flag=True, help="three workers under load, ended one after the other, three times")
def shutdown(deadline: float | None, file: float | None, deploys: bool) -> None:
    """End a worker of step 9 in five ways, at the same moment of the same backlog, in virtual time.

    Of each: the messages that are left in flight, when all that it had and did not delete are back, the files that are
    done twice, and when the worker is gone. With --deploys: what becomes of the files of all workers.
    """
    from palleto.lab.shutdown import ladder, rollouts

    numbers = {"deadline": deadline, "seconds": file}
    given: dict[str, Any] = {name: number for name, number in numbers.items() if number is not None}
    print(rollouts(**given) if deploys else ladder(**given))


@lab.command(short_help="each fault under each strategy: who ends, who is started anew, what is lost")
@click.argument("names", metavar="[FAULT]...", nargs=-1)
@click.option(
    "--tree", default="one floor", metavar="TREE", help='"one floor" (default), "two floors", "step 9", "talk 9"'
)
def supervision(names: tuple[str, ...], tree: str) -> None:
    """Let each FAULT of the lab on supervision (default: all) strike a TREE under each strategy; what comes of it.

    "gives up" where the supervisor at the top is out of restarts, "stands still" where no file is done any more. It
    counts who crashed, left with one above it in the pipeline, was stopped by a supervisor or started anew, what that
    cost of the budgets, files that are lost, and the longest time without a file. It takes some seconds.
    """
    from palleto.lab.supervision import FAULTS, fault, table

    print(table(tree, [fault(name) for name in names] or FAULTS))


@lab.command(short_help="how many pipelines and workers a load needs, and what AWS would charge")
@click.option("--rate", type=ABOVE_ZERO, default=4.0, metavar="N", help="files a second that arrive (default 4)")
@click.option(
    "--waits", type=SECONDS, nargs=2, default=(0.5, 1.5), metavar="S S",
    help="seconds a file that the processor is free, beside its bytes: shortest and longest (default 0.5 1.5)",
)  # fmt: skip
@click.option("--works", type=SECONDS, default=0.0, metavar="S", help="seconds a file that take a core (default 0)")
@click.option(
    "--size", "sizes", type=NOT_NEGATIVE, multiple=True, default=[50_000], metavar="N",
    help="bytes of a file in S3 (default 50,000); given twice: of the smallest and of the largest",
)  # fmt: skip
@click.option(
    "--bandwidth",
    type=ABOVE_ZERO,
    default=85.0,
    metavar="N",
    help="megabytes a second that a download brings (default 85)",
)
@click.option("--budget", type=ABOVE_ZERO, metavar="USD", help="for a million files")
@click.option("--files", type=ONE_OR_MORE, default=40, metavar="N", help="files in each run (default 40)")
@click.option("--pipelines", type=ONE_OR_MORE, multiple=True, metavar="N", help="try so many; may be given again")
@click.option("--max-demand", type=ONE_OR_MORE, multiple=True, metavar="N", help="try so much; may be given again")
@click.option("--away", is_flag=True, help="the workers are not in AWS: files go through the internet")
def capacity(
    rate: float, waits: tuple[float, float], works: float, sizes: tuple[int, ...], bandwidth: float,
    budget: float | None, files: int, pipelines: tuple[int, ...], max_demand: tuple[int, ...], away: bool,
) -> None:  # fmt: skip
    """Run step 9, simulated, with a load of yours: a table of what was tried, what to choose and why, and a bill.

    Each row is a number of pipelines and a demand; at the knee more pipelines do not do more. It takes some seconds.
    """
    from palleto.lab.capacity import Load, recommend

    if len(sizes) > 2:
        raise SettingError(f"expected --size once or twice, got: {', '.join(map(str, sizes))}")
    load = Load(rate, waits, works, (min(sizes), max(sizes)), bandwidth * 1e6, files)
    found = recommend(load, budget=budget, pipelines=pipelines, max_demand=max_demand, away=away)
    print(found.sweep, found, *[found.bill] * (found.bill is not None), sep="\n\n")
