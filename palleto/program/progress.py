"""A progress bar for long work, on a terminal; nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from palleto.runtime import Process
from palleto.trace import Recorder


@contextmanager
def progress(recorder: Recorder, total: int | None) -> Iterator[Callable[[str], None] | None]:
    """Show how many of `total` events (None: nobody knows) have been consumed, while the block runs.

    Yields what must print lines meanwhile, so that they and the bar do not mix; None where there is no bar.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    bar: Any = tqdm(total=total, unit=" events", file=sys.stderr, dynamic_ncols=True)

    def count(consumer: Process, events: int) -> None:
        bar.update(events)

    recorder.on_consumed.append(count)
    try:
        yield lambda line: bar.write(line, file=sys.stdout)
    finally:
        recorder.on_consumed.remove(count)
        bar.close()
