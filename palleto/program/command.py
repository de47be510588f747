"""A step as a command: its command line, its clock, its exit code.

A step ends with

if __name__ == "__main__":
    main(pipeline, until=after_events(30))

and is a command by that.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

from palleto import clock
from palleto.errors import PalletoError
from palleto.program.endings import Ending
from palleto.program.options import Options, parse, parser
from palleto.program.step_run import Pipeline, StepRun


def main(pipeline: Pipeline, until: Ending, arguments: Sequence[str] | None = None) -> None:
    """Run a step's pipeline as the command line says, and exit: 0, 1 after an error, 130 after a second Ctrl-C.

    `pipeline` makes the step's supervisor; if it takes a `warehouse` it gets one, and if it takes `pipelines`
    their number is an option.
    """
    takes = inspect.signature(pipeline).parameters
    module = sys.modules[pipeline.__module__]
    program = f"python -m steps.{Path(module.__file__ or 'step').stem}"
    cloud = "warehouse" in takes
    options = parse(parser(program, module.__doc__ or "", cloud=cloud, pipelines="pipelines" in takes), arguments)
    if isinstance(sys.stdout, TextIOWrapper):  # a key may hold characters that the terminal has not
        sys.stdout.reconfigure(errors="backslashreplace")
    run = None
    code: int | str | None = None
    try:
        run = StepRun(pipeline, until, options)
        for line in _in_its_time(run):
            print(line, file=sys.stderr)
    except PalletoError as error:
        code = f"error: {error}"
    except KeyboardInterrupt:
        code = 130
    if run is not None and run.cloud is not None and run.cloud.patience.abandoned:
        _leave(code)
    if code is not None:
        sys.exit(code)


def _leave(code: int | str | None) -> NoReturn:
    """End the process although threads wait for a server: Python would wait for them."""
    if isinstance(code, str):
        print(code, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
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
