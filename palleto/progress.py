"""A progress bar for long work, on a terminal; nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from palleto.recorder import Recorder, TraceEvent


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

    def count(event: TraceEvent) -> None:
        if event.kind == "handled" and event.data["last"]:
            bar.update(len(event.ids))

    recorder.listeners.append(count)
    try:
        yield lambda line: bar.write(line, file=sys.stdout)
    finally:
        recorder.listeners.remove(count)
        bar.close()
