"""Start: how long until step 1 prints its first event, and until step 9 has written its first result.

    python tests/benchmarks/start.py [--json FILE]

Medians of five. Issue 6: under 0.4 s, and under 2.5 s (step 9 starts its own server of SQS and S3 first).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import pairs

ROOT = Path(__file__).parents[2]


def first_line(command: list[str]) -> float:
    """Seconds until a command prints a line that is an event's."""
    begun = monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if "Received" in line:
                    return monotonic() - begun
            raise SystemExit(f"{' '.join(command)} printed no event")
        finally:
            process.kill()


def first_result(command: list[str]) -> float:
    """Seconds until a command has written a file into its output folder."""
    with tempfile.TemporaryDirectory() as folder:
        begun = monotonic()
        with subprocess.Popen(
            [*command, "--output", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
        ) as process:
            try:
                while not any(path.is_file() for path in Path(folder).rglob("*")):
                    if process.poll() is not None:
                        raise SystemExit(f"{' '.join(command)} wrote no result")
                    sleep(0.005)
                return monotonic() - begun
            finally:
                process.terminate()
                process.wait()


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    options = pairs.parser(__doc__).parse_args(arguments)
    step = [sys.executable, "-u", "-m"]
    measures: dict[str, Callable[[], float]] = {
        "python -m steps.step1: first event": partial(first_line, [*step, "steps.step1"]),
        "python -m steps.step9: first result": partial(first_result, [*step, "steps.step9", "--place", "embedded"]),
    }
    medians = pairs.paired(measures, 1 if options.smoke else pairs.PAIRS)
    needed = dict(zip(measures, (0.4, 2.5), strict=True))
    rows = [{"what": what, "seconds": seconds, "needed": needed[what]} for what, seconds in medians.items()]
    pairs.publish(["what", "seconds", "needed"], rows, options.json)


if __name__ == "__main__":
    main()
