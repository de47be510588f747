"""What comes, and what a file takes: the load that a pipeline is measured with."""

from __future__ import annotations

import inspect
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from gzip import decompress
from pathlib import Path
from typing import Any

from palleto.cloud import samples
from palleto.errors import SettingError
from palleto.lab.thread import run_aside

__all__ = ["Load"]

CALLS = 6
"""How often a function of the user's is called to measure it, once for each of so many sample files."""

Seconds = float | tuple[float, float]


@dataclass(frozen=True)
class Load:
    """Files that arrive, and what each of them takes.

    rate:  files a second that arrive, one after the other, above 0; None: all are there at the start.
    waits: seconds a file for which the processor is free, as in a download: a number of 0 or more, or a pair
           (shortest, longest), from which a seeded one is drawn for each file.
    works: seconds a file that take a core of the processor, 0 or more. A worker is one process, and has one core.
    size:  bytes of a file as it lies in S3, 0 or more: for the bill.
    files: how many arrive in a run, 1 or more. seed: of all chance.

    Raises SettingError for anything else.
    """

    rate: float | None = 4.0
    waits: Seconds = (0.5, 1.5)
    works: float = 0.0
    size: int = 50_000
    files: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rate is not None and not 0 < self.rate < math.inf:
            raise SettingError(f"expected the rate to be above 0, or None, got: {self.rate!r}")
        pair = self.waits if isinstance(self.waits, tuple) else (self.waits, self.waits)
        if len(pair) != 2 or not 0 <= pair[0] <= pair[1] < math.inf:
            raise SettingError(f"expected waits of 0 s or more, or a pair (shortest, longest), got: {self.waits!r}")
        if not 0 <= self.works < math.inf:
            raise SettingError(f"expected works to be 0 s or more, got: {self.works!r}")
        if self.size < 0 or self.files < 1:
            raise SettingError(f"expected a size of 0 or more and 1 file or more, got: {self.size} and {self.files}")

    def __str__(self) -> str:
        shown = self.waits if isinstance(self.waits, tuple) else (self.waits,)
        waits = " to ".join(f"{each:.3g}" for each in dict.fromkeys(shown))
        come = f"{self.rate:g} files a second" if self.rate is not None else "a backlog"
        return f"{come}; each waits {waits} s and works {self.works:.3g} s; {self.files} of them"

    @property
    def seconds(self) -> float:
        """Seconds that a file takes on the average, if it has a core for itself."""
        return (statistics.fmean(self.waits) if isinstance(self.waits, tuple) else self.waits) + self.works

    def doing(self, function: Callable[[Path], Any]) -> Load:
        """The same load, where a file also takes what your function takes: it is called, and measured, in real time.

        function: plain or async, is called with the path of an unzipped sample file. What it returns does not count.
        Its processor time goes to `works`, all other time to `waits`. What it raises is raised here.
        """
        waits, works = _measured(function)
        shortest, longest = self.waits if isinstance(self.waits, tuple) else (self.waits, self.waits)
        return replace(self, waits=(shortest + min(waits), longest + max(waits)), works=self.works + works)


def _measured(function: Callable[[Path], Any]) -> tuple[list[float], float]:
    """Seconds of each call in which the processor was free, and the middle one of its seconds of processor time."""
    waits, works = [], []

    async def main() -> None:
        with tempfile.TemporaryDirectory(prefix="palleto-lab-") as folder:
            for number, sample in enumerate(samples(CALLS)):
                path = Path(folder) / f"{number}.txt"
                path.write_bytes(decompress(sample.data))
                start, busy = time.perf_counter(), time.thread_time()
                if inspect.isawaitable(result := function(path)):
                    await result
                works.append(time.thread_time() - busy)
                waits.append(max(0.0, time.perf_counter() - start - works[-1]))

    run_aside(main)
    return waits, statistics.median(works)
