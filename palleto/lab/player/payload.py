"""A trace as the player's page carries it: columns instead of events, zipped, as text.

A column is a list with an entry an event; names, kinds and files are written once and numbered. A thousand events take
some 15 kB. `trace.js` reads it.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

from palleto.replay import text_of, titles
from palleto.trace import TraceEvent

NONE = -1
"""The number of a name that is not there."""


class Names:
    """Numbers texts in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, name: str | None) -> int:
        return NONE if name is None else self._numbers.setdefault(name, len(self._numbers))

    @property
    def all(self) -> list[str]:
        """The texts; the number of each is its place."""
        return list(self._numbers)


def columns(events: Sequence[TraceEvent]) -> dict[str, Any]:
    """The trace as columns, and the sources of the files that it names (null for one that is not found).

    `ledger` holds that after each event; `data` and `ids` have null where an event has none. `seq` is null if the
    events are numbered 0, 1, 2, ..., as those of a whole trace are.
    """
    stages, kinds, files, ids = Names(), Names(), Names(), Names()
    table = {
        "t": [event.t for event in events],
        "stage": [stages(event.stage) for event in events],
        "kind": [kinds(event.kind) for event in events],
        "peer": [stages(event.peer) for event in events],
        "ids": [[ids(one) for one in event.ids] if event.ids else None for event in events],
        "ledger": [event.ledger and event.ledger["after"] for event in events],
        "file": [files(event.file) for event in events],
        "line": [event.line or 0 for event in events],
        "data": [event.data or None for event in events],
    }
    shown = titles(files.all)
    seq = [event.seq for event in events]
    return {
        "count": len(events),
        "seq": None if seq == list(range(len(seq))) else seq,
        "names": stages.all,
        "kinds": kinds.all,
        "files": shown,
        "ids": ids.all,
        "columns": table,
        "sources": dict(zip(shown, map(text_of, files.all), strict=True)),
    }


def packed(events: Sequence[TraceEvent]) -> str:
    """The columns as JSON, zipped, in base64: letters, digits, "+", "/" and "=", which are safe in HTML.

    The same trace gives the same text.
    """
    table = columns(events)
    try:
        text = _json(table)
    except ValueError:  # NaN or infinity: Python's `json` reads and writes them, a browser's does not
        text = _json(json.loads(json.dumps(table, default=str), parse_constant=lambda name: None))
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), compresslevel=6, mtime=0)).decode("ascii")


def _json(table: dict[str, Any]) -> str:
    return json.dumps(table, separators=(",", ":"), ensure_ascii=False, default=str, allow_nan=False)
