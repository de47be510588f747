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

BANDWIDTH = 85e6
"""Bytes a second that one connection to S3 brings: AWS advises a connection for each 85 to 90 MB a second."""

Seconds = float | tuple[float, float]
Bytes = int | tuple[int, int]


@dataclass(frozen=True)
class Load:
    """Files that arrive, and what each of them takes.

    rate:  files a second that arrive, one after the other, above 0; None: all are there at the start.
    waits: seconds a file for which the processor is free, until the first byte comes or a database answers: a number of
           0 or more, or a pair (shortest, longest), from which a seeded one is drawn for each file.
    works: seconds a file that take a core of the processor, 0 or more. A worker is one process, and has one core.
    size:  bytes of a file as it lies in S3, 0 or more, or a pair (smallest, largest). They take time, and are paid for
           where they leave AWS.
    bandwidth: bytes a second that a download brings, above 0; each has a connection of its own.
    files: how many arrive in a run, 1 or more. seed: of all chance.

    Raises SettingError for anything else.
    """

    rate: float | None = 4.0
    waits: Seconds = (0.5, 1.5)
    works: float = 0.0
    size: Bytes = 50_000
    bandwidth: float = BANDWIDTH
    files: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rate is not None and not (_fits(self.rate) and self.rate > 0):
            raise SettingError(f"expected the rate to be above 0, or None, got: {self.rate!r}")
        if not _rises(self.waits):
            raise SettingError(f"expected waits of 0 s or more, or a pair (shortest, longest), got: {self.waits!r}")
        if not _fits(self.works):
            raise SettingError(f"expected works to be 0 s or more, got: {self.works!r}")
        if not _rises(self.size):
            raise SettingError(f"expected a size of 0 bytes or more, or a pair (smallest, largest), got: {self.size!r}")
        if not (_fits(self.bandwidth) and self.bandwidth > 0):
            raise SettingError(f"expected the bandwidth to be above 0 bytes a second, got: {self.bandwidth!r}")
        if not (_fits(self.files) and self.files >= 1 and isinstance(self.files, int)):
            raise SettingError(f"expected files to be a whole number, 1 or more, got: {self.files!r}")

    def __str__(self) -> str:
        come = f"{self.rate:g} files a second" if self.rate is not None else "a backlog"
        size, waits = _span(self.size, ","), _span(self.waits, ".3g")
        return f"{come}; each has {size} bytes, waits {waits} s and works {self.works:.3g} s; {self.files} of them"

    @property
    def downloads(self) -> tuple[float, float]:
        """Seconds of the shortest and of the longest download: the wait, and the bytes."""
        (shortest, longest), (smallest, largest) = _pair(self.waits), _pair(self.size)
        return shortest + smallest / self.bandwidth, longest + largest / self.bandwidth

    @property
    def mean_size(self) -> float:
        """Bytes of a file on the average."""
        return statistics.fmean(_pair(self.size))

    @property
    def seconds(self) -> float:
        """Seconds that a file takes on the average, if it has a core for itself."""
        return statistics.fmean(self.downloads) + self.works

    def doing(self, function: Callable[[Path], Any]) -> Load:
        """The same load, where a file also takes what your function takes: it is called, and measured, in real time.

        function: plain or async, is called with the path of an unzipped sample file. What it returns does not count.
        Its processor time goes to `works`, all other time to `waits`. What it raises is raised here; SettingError for
        what cannot be called so.
        """
        if not _takes_a_path(function):
            raise SettingError(f"expected a function of a file's path, plain or async, got: {function!r:.60}")
        waits, works = _measured(function)
        shortest, longest = _pair(self.waits)
        return replace(self, waits=(shortest + min(waits), longest + max(waits)), works=self.works + works)


def _pair(value: Any) -> tuple[Any, Any]:
    """The least and the most of what is one number, or a pair of them."""
    least, most = value if isinstance(value, tuple) and len(value) == 2 else (value, value)
    return least, most


def _takes_a_path(function: Any) -> bool:
    """Whether it is a function that does something when it is called with one argument."""
    if not callable(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return False
    try:
        inspect.signature(function).bind(Path())
    except TypeError:
        return False
    except ValueError:  # some builtins do not tell what they take
        return True
    return True


def _fits(value: Any) -> bool:
    """Whether it is a number of 0 or more."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _rises(value: Any) -> bool:
    """Whether it is such a number, or two of them, the second no less than the first."""
    least, most = _pair(value)
    return _fits(least) and _fits(most) and bool(least <= most)


def _span(value: Any, form: str) -> str:
    """One number, or two: "0.5 to 1.5"."""
    return " to ".join(dict.fromkeys(f"{each:{form}}" for each in _pair(value)))


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
