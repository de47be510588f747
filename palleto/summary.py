"""The figures of a run, counted from its trace, and the lines that are printed at its end."""

from __future__ import annotations

from collections import Counter

from palleto.recorder import TraceEvent


class Summary:
    """Counts as the run goes. Give it to a recorder's listeners."""

    def __init__(self) -> None:
        self.consumed: Counter[str] = Counter()  # events, by consumer
        self.files: dict[str, int] = {}  # lines, by key
        self.bytes = 0
        self.received: Counter[str] = Counter()  # deliveries, by message id
        self.redelivered = 0
        self.deleted = 0
        self.seconds = 0.0

    def __call__(self, event: TraceEvent) -> None:
        """Count one trace event."""
        self.seconds = event.t
        if event.kind == "handled" and event.data["last"]:
            self.consumed[event.stage] += len(event.ids)
        elif event.kind == "written":
            self.files[event.ids[0]] = event.data["lines"]
        elif event.kind == "download":
            self.bytes += event.data["bytes"]
        elif event.kind == "receive":
            self.redelivered += sum(count > 1 for count in event.data["counts"])
        elif event.kind == "delete":
            self.deleted += event.data["deleted"]

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
