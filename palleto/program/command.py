"""A step as a command: its command line, its clock, its exit code.

A step ends with

if __name__ == "__main__":
    main(pipeline, until=after_events(30))

and is a command by that.
"""

from __future__ import annotations

import inspect
import os
import runpy
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import click

from palleto import clock
from palleto.cloud.command_line import start
from palleto.cloud.streams import silence, tell
from palleto.errors import PalletoError
from palleto.program.endings import Ending
from palleto.program.options import Options, StepCommand
from palleto.program.step_run import Pipeline, StepRun


def main(pipeline: Pipeline, until: Ending, arguments: Sequence[str] | None = None) -> None:
    """Run a step's pipeline as the command line says, and exit: 0, 1 after an error, 130 after a second Ctrl-C.

    `pipeline` makes the step's supervisor; if it takes a `warehouse` it gets one, and if it takes `pipelines`
    their number is an option.
    """
    context = click.get_current_context(silent=True)
    if context is not None:  # `palleto step 9` has read its command line, and runs the step's file
        _play(pipeline, until, context.obj)
        return
    module = sys.modules[pipeline.__module__]
    program = f"python -m steps.{Path(module.__file__ or 'step').stem}"
    start(_command(module, pipeline, lambda options: _play(pipeline, until, options)), program, arguments)


def command_of(number: int) -> click.Command:
    """The command of a step, 1 to 9, to stand among others, as `palleto step 9`. It runs the file as Python does."""
    module = import_module(f"steps.step{number}")

    def run(options: Options) -> None:
        click.get_current_context().obj = options
        runpy.run_path(str(module.__file__), run_name="__main__")

    return _command(module, module.pipeline, run)


def _command(module: ModuleType, pipeline: Pipeline, run: Callable[[Options], None]) -> click.Command:
    takes = inspect.signature(pipeline).parameters
    name = Path(module.__file__ or "step").stem.removeprefix("step")
    return StepCommand(name, module.__doc__ or "", run, cloud="warehouse" in takes, pipelines="pipelines" in takes)


def _play(pipeline: Pipeline, until: Ending, options: Options) -> None:
    run = None
    code: int | str | None = None
    try:
        run = StepRun(pipeline, until, options)
        if not all(tell(line) for line in _in_its_time(run)):
            code = 1
    except PalletoError as error:
        code = f"error: {error}"
    except KeyboardInterrupt:
        code = 130
    if run is not None and run.cloud is not None and run.cloud.patience.abandoned:
        _leave(code)
    if isinstance(code, str):
        tell(code)
        code = 1
    if code is not None:
        sys.exit(code)


def _leave(code: int | str | None) -> NoReturn:
    """End the process although threads wait for a server: Python would wait for them."""
    if isinstance(code, str):
        tell(code)
    silence()
    os._exit(1 if isinstance(code, str) else code or 0)


def run_step(
    pipeline: Pipeline, until: Ending, options: Options, *, say: Callable[[str], None] | None = None, **settings: Any
) -> list[str]:
    """Run a step's pipeline and return the lines of its summary.

    say: takes what the step says, in place of standard output. settings: `StepRun`'s. Raises PalletoError.
    """
    run = StepRun(pipeline, until, options, **settings)
    if say is not None:
        run.say = say
    return _in_its_time(run)


def _in_its_time(run: StepRun) -> list[str]:
    options = run.options
    time: Any = "virtual" if options.virtual else options.speed or "real"
    return clock.run(run, backend=options.backend, time=time, seed=options.seed)
