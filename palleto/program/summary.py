"""The figures of a run, counted as it goes, and the lines that are printed at its end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from palleto.core import FULL
from palleto.runtime import Lost
from palleto.trace import event_id

if TYPE_CHECKING:
    from palleto.runtime import Process


class Summary:
    """Counts as the run goes: give `consume` to a recorder's `on_consumed`, `note` to its `on_note`,
    and `lose` to a run's `on_lost`.

    seconds: of run time, at the run's end.
    """

    def __init__(self) -> None:
        self.consumed: Counter[str] = Counter()  # events, by consumer
        self.files: dict[str, int] = {}  # lines, by key
        self.text: dict[str, int] = {}  # bytes when unzipped, by key
        self.downloaded: Counter[str] = Counter()  # bytes as they came, by key
        self.discarded = 0  # events, by full buffers
        self.redelivered = 0
        self.deleted = 0
        self.seconds = 0.0

    def consume(self, consumer: Process, count: int) -> None:
        """A consumer has handled so many events."""
        self.consumed[consumer.name or consumer.id] += count

    def lose(self, process: Process, events: list[Any]) -> None:
        """Count what full buffers drop. What is lost otherwise is given out again, and consumed."""
        if isinstance(events, Lost) and events.why == FULL:
            self.discarded += len(events)

    def note(self, kind: str, events: Any, data: dict[str, Any]) -> None:
        """Count what the run notes."""
        if kind == "written":
            key = event_id(events[0])
            self.files[key], self.text[key] = data["lines"], data["bytes"]
        elif kind == "download":
            self.downloaded[event_id(events[0])] += data["bytes"]
        elif kind == "receive":
            self.redelivered += sum(count > 1 for count in data["counts"])
        elif kind == "delete":
            self.deleted += data["deleted"]

    def lines(self, requests: Counter[str] | None = None, dead_lettered: int = 0) -> list[str]:
        """The summary, a line each. `requests`: of the door, by operation; None for a run without a queue."""
        shares = ", ".join(f"{name} {self.consumed[name]}" for name in sorted(self.consumed, key=_by_number))
        total = sum(self.consumed.values())
        lines = [f"{total} {plural('event', total)} consumed in {self.seconds:.1f} s ({shares or 'by nobody'})"]
        if self.discarded:
            lines.append(f"{self.discarded} {plural('event', self.discarded)} discarded by full buffers")
        if self.files:
            count, text, of_text = len(self.files), sum(self.text.values()), sum(self.files.values())
            came = sum(self.downloaded[key] for key in self.files)
            lines.append(
                f"{count} {plural('file', count)}: {came:,} bytes in, {text:,} bytes of text, {of_text:,} lines"
            )
        if without := self.downloaded.keys() - self.files.keys():
            count, came = len(without), sum(self.downloaded[key] for key in without)
            lines.append(f"{count} {plural('file', count)} without a result: {came:,} bytes in")
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
