"""Where the files of a run are, at its end and at its worst, and how long each took: from the trace alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from palleto.replay import events_of, html_table, text_table
from palleto.replay.series import Series

WAITING, HELD, DONE, DROPPED, MISSED = "waiting", "held", "done", "dropped", "missed"
"""Where a file is: at its source, in the pipeline's memory, done, dropped by the pipeline, given up by its source."""


@dataclass
class Account:
    """The files of one run, up to the moment at which the run began to end.

    Each file that was sent is in one of five places: sent = waiting + held + done + dropped + missed.

    waiting: are still at the source. held: are in the pipeline's memory. done: the slow step has done them.
    dropped: the pipeline had them and gave them up. missed: the source gave them up, as nobody had taken them.
    most:    the most files in each place, and `bytes` that were held, at any one time.
    over:    the same as series over run time.
    latency, in_hand, at_source: seconds of each file that was done: from its arrival to its end, from its download to
             its end, and from its arrival to its download. ends: when each was done; in the same order.
    """

    places: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    most: Counter[str] = field(default_factory=Counter)
    over: dict[str, Series] = field(default_factory=dict)
    latency: list[float] = field(default_factory=list)
    in_hand: list[float] = field(default_factory=list)
    at_source: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    end: float = 0.0

    @classmethod
    def of(cls, run: Any) -> Account:
        """The account of a run: an experiment, a recorder or a list of trace events."""
        account = cls()
        files: dict[str, str] = {}
        sent: dict[str, float] = {}
        taken: dict[str, tuple[float, int]] = {}  # when it was downloaded, and its bytes
        for event in events_of(run):
            if event.t > account.end:
                account._settle()
                account.end = event.t
            if event.kind == "drain":
                break
            for name in event.ids:
                before, after = files.get(name), _after(event.kind, files.get(name))
                if after is None:
                    continue
                files[name] = after
                if before is not None:
                    account.places[before] -= 1
                account.places[after] += 1
                if after == WAITING:
                    sent[name] = event.t
                elif after == HELD:
                    taken[name] = event.t, event.data["bytes"]
                    account.bytes += event.data["bytes"]
                elif after == DONE:
                    account.latency.append(event.t - sent[name])
                    account.in_hand.append(event.t - taken[name][0])
                    account.at_source.append(taken[name][0] - sent[name])
                    account.ends.append(event.t)
                if before == HELD:
                    account.bytes -= taken[name][1]
        account._settle()
        return account

    def _settle(self) -> None:
        """Enter what is so at the end of a moment: a file that passes through a place in no time was not there."""
        for name, value in (*self.places.items(), ("bytes", self.bytes)):
            self.over.setdefault(name, Series()).set(self.end, value)
            self.most[name] = max(self.most[name], value)

    @property
    def sent(self) -> int:
        """How many files have arrived."""
        return self.places.total()

    @property
    def oldest(self) -> float:
        """The longest `latency` in seconds; NaN if nothing was done."""
        return max(self.latency, default=math.nan)

    @property
    def longest_in_hand(self) -> float:
        """The longest time in memory of a file that was done, in seconds; NaN if nothing was done."""
        return max(self.in_hand, default=math.nan)

    @property
    def last(self) -> float:
        """When the last file was done, in seconds of run time; NaN if nothing was done."""
        return max(self.ends, default=math.nan)

    def __repr__(self) -> str:
        shown = ", ".join(f"{count} {place}" for place, count in self.places.items() if count)
        return f"<Account {self.sent} sent: {shown or 'none'}>"


def _after(kind: str, place: str | None) -> str | None:
    """Where a file is after an event of that kind; None if it stays where it is."""
    if kind == "sent" and place is None:
        return WAITING
    if kind == "download" and place == WAITING:
        return HELD
    if kind == "written" and place == HELD:
        return DONE
    if kind in ("dropped", "lost") and place in (WAITING, HELD):
        return MISSED if place == WAITING else DROPPED
    return None


def percentile(values: Sequence[float], share: float) -> float:
    """The value that the `share` (above 0, up to 1) of all values do not exceed: the nearest rank. NaN for none."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else math.nan


class Accounts(dict[str, Account]):
    """The accounts of several runs, by their names, shown as a table: `Accounts({"demand": run, ...})["demand"]`."""

    HEAD = (
        *("", "sent", "done", "dropped", "in memory at most", "bytes at most", "at the source at most"),
        *("p50 from arrival", "p99 from arrival", "p99 in memory"),
    )

    def __init__(self, runs: Mapping[str, Any]) -> None:
        super().__init__({str(name): Account.of(run) for name, run in runs.items()})

    def _rows(self) -> list[list[str]]:
        rows = []
        for name, account in self.items():
            gone = account.places[DROPPED] + account.places[MISSED]
            most = [account.most[key] for key in (HELD, "bytes", WAITING)]
            counts = [f"{count:,}" for count in (account.sent, account.places[DONE], gone, *most)]
            times = [percentile(account.latency, share) for share in (0.5, 0.99)]
            times.append(percentile(account.in_hand, 0.99))
            rows.append([name, *counts, *("" if math.isnan(time) else f"{time:.1f} s" for time in times)])
        return rows

    def __repr__(self) -> str:
        return text_table(self.HEAD, self._rows())

    def _repr_html_(self) -> str:
        return html_table(self.HEAD, self._rows())
