"""The figures of a run, counted as it goes, and the lines that are printed at its end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from palleto.trace import event_id

if TYPE_CHECKING:
    from palleto.runtime import Process


class Summary:
    """Counts as the run goes: give `consume` to a recorder's `on_consumed`, and `note` to its `on_note`.

    seconds: of run time, at the run's end.
    """

    def __init__(self) -> None:
        self.consumed: Counter[str] = Counter()  # events, by consumer
        self.files: dict[str, int] = {}  # lines, by key
        self.bytes = 0
        self.redelivered = 0
        self.deleted = 0
        self.seconds = 0.0

    def consume(self, consumer: Process, count: int) -> None:
        """A consumer has handled so many events."""
        self.consumed[consumer.name or consumer.id] += count

    def note(self, kind: str, events: Any, data: dict[str, Any]) -> None:
        """Count what the run notes."""
        if kind == "written":
            self.files[event_id(events[0])] = data["lines"]
        elif kind == "download":
            self.bytes += data["bytes"]
        elif kind == "receive":
            self.redelivered += sum(count > 1 for count in data["counts"])
        elif kind == "delete":
            self.deleted += data["deleted"]

    def lines(self, requests: Counter[str] | None = None, dead_lettered: int = 0) -> list[str]:
        """The summary, a line each. `requests`: of the door, by operation; None for a run without a queue."""
        shares = ", ".join(f"{name} {self.consumed[name]}" for name in sorted(self.consumed, key=_by_number))
        total = sum(self.consumed.values())
        lines = [f"{total} {plural('event', total)} consumed in {self.seconds:.1f} s ({shares or 'by nobody'})"]
        if self.files:
            total = sum(self.files.values())
            lines.append(f"{len(self.files)} {plural('file', len(self.files))}, {self.bytes:,} bytes, {total:,} lines")
        if requests is not None:
            lines.append("requests: " + (", ".join(f"{name} {n}" for name, n in sorted(requests.items())) or "none"))
            lines.append(
                f"messages: {self.deleted} deleted, {self.redelivered} redelivered, {dead_lettered} dead-lettered"
            )
        return lines


def plural(word: str, count: int) -> str:
    """The word, with an s unless there is one."""
    return word if count == 1 else f"{word}s"


def _by_number(name: str) -> tuple[int, str]:
    """Pipeline2 before Pipeline10."""
    return int("".join(filter(str.isdigit, name)) or 0), name
