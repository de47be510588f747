"""A progress bar for long work, on a terminal; nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from palleto.runtime import Process
from palleto.trace import Recorder

Say = Callable[[str], None]


@contextmanager
def progress(recorder: Recorder, total: int | None) -> Iterator[tuple[Say, Say] | None]:
    """Show how many of `total` events (None: nobody knows) have been consumed, while the block runs.

    Yields what must take the lines meanwhile that are said, and that are reported, so that they and the bar do not mix;
    None where there is no bar.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    bar: Any = tqdm(total=total, unit=" events", file=sys.stderr, dynamic_ncols=True)

    def count(consumer: Process, events: int) -> None:
        with suppress(OSError):  # the terminal is gone: what is said there tells the run
            bar.update(events)

    recorder.on_consumed.append(count)

    def write(line: str) -> None:
        bar.write(line, file=sys.stdout)

    try:
        yield write, write
    finally:
        recorder.on_consumed.remove(count)
        with suppress(OSError):
            bar.close()
