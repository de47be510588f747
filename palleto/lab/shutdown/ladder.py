"""The ladder: the same backlog and the same moment, five ways to end a worker, and what each leaves behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from html import escape
from pathlib import Path

from palleto.lab.links import Links
from palleto.lab.shutdown.rungs import RUNGS, Rung, rung
from palleto.lab.shutdown.service import above_zero, performed, serving
from palleto.replay import Verdict, html_table, text_table, verdict
from palleto.trace import Trace, TraceEvent

__all__ = ["End", "Ladder", "end_worker", "ladder"]

PIPELINES, FILES = 6, 19
"""The worker's pipelines, and the files that wait when it starts: more than it does before its end."""
MOMENT = 8
"""It is ended when it has written so many results, in the moment of the last one."""


class End:
    """How a worker ended; and then the next one, which starts when the first is gone and does what it finds.

    trace: of both. event: the moment at which the first was told to end, `told` in seconds of run time; `gone`: when it
    was no process any more. left: messages that were in flight then, in nobody's hand.
    """

    def __init__(self, rung: Rung, trace: Trace, event: TraceEvent, gone: float, left: int) -> None:
        self.rung, self.trace, self.event = rung, trace, event
        self.told, self.gone, self.left = event.t, gone, left

    def __repr__(self) -> str:
        return f"{self.rung}: {self.left} left in flight, {self.twice} done twice; {self.verdict.line}"

    def _repr_html_(self) -> str:
        links = Links()
        shown = links.to("Show me the moment of its end", self.trace, self.event)
        said = f"<p><b>{escape(self.rung.name)}</b>: {escape(self.rung.what)}</p>"
        return links.around(f"{said}<p>{escape(self.verdict.line)}</p><p>{shown}</p>")

    @cached_property
    def verdict(self) -> Verdict:
        """What became of each message and file."""
        return verdict(self.trace)

    @property
    def twice(self) -> int:
        """How many files were done twice."""
        return self.verdict.count("done twice")[1]

    @property
    def exit(self) -> float:
        """Seconds from the moment at which it was told until it was gone."""
        return self.gone - self.told

    @cached_property
    def back(self) -> float:
        """Seconds from that moment until the last message that it had and did not delete was visible; 0: none was."""
        return max(self._returns(), default=self.told) - self.told

    def _returns(self) -> Iterator[float]:
        """When each message was visible again that it had when it was told, or received later."""
        until: dict[str, float] = {}
        for event in self.trace:
            if event.kind == "message":
                (message,) = event.ids
                hidden = until.pop(message, None)
                if hidden is not None and hidden <= event.t:
                    yield hidden
                elif event.data["state"] == "visible" and event.data["receives"] and event.t >= self.told:
                    yield event.t
                elif event.data["state"] == "in_flight" and (hidden is not None or event.t <= self.gone):
                    until[message] = event.data["until"]


class Ladder(dict[str, End]):
    """Ends, by the names of their rungs, as a table."""

    HEAD = ("", "left in flight", "back after", "done twice", "gone after")

    @property
    def rows(self) -> list[list[str]]:
        """A row a rung, as HEAD says."""
        return [
            [name, str(end.left), f"{end.back:.1f} s" if end.back else "-", str(end.twice), f"{end.exit:.1f} s"]
            for name, end in self.items()
        ]

    def __repr__(self) -> str:
        return text_table(self.HEAD, self.rows)

    def _repr_html_(self) -> str:
        return html_table(self.HEAD, self.rows)


def end_worker(
    name: str, deadline: float = 2.0, seconds: float = 4.0, *, seed: int = 0, backend: str = "asyncio"
) -> End:
    """Give a worker a backlog, end it as the rung of that name does, and let the next worker do the rest.

    deadline: seconds for what it has in hand, above 0. seconds: that a file takes, more or less, above 0.
    seed: of all chance. backend: asyncio or trio.
    Raises SettingError for other numbers, and a name that there is not.
    """
    chosen = rung(name)
    above_zero(deadline=deadline, seconds=seconds)

    async def main(output: Path) -> End:
        async with serving(output, seconds, seed=seed) as service:
            await service.put(FILES)
            first = service.start(deadline, PIPELINES)
            written: list[TraceEvent] = []
            told: list[TraceEvent] = []

            def look(event: TraceEvent) -> None:
                if event.kind == "written" and not told:
                    written.append(event)
                    if len(written) == MOMENT:
                        told.append(service.note(f"the worker is ended: {chosen}"))
                        chosen.end(first)

            service.listeners.append(look)
            await first.gone.wait()
            end = End(chosen, service.trace, told[0], service.now, service.in_flight)
            service.note("the worker is gone; the next one starts")
            second = service.start(deadline, PIPELINES)
            await service.until_empty()
            second.tell()
            return end

    return performed(main, backend)


def ladder(
    deadline: float = 2.0, seconds: float = 4.0, *, seed: int = 0, rungs: Iterable[str] = tuple(map(str, RUNGS))
) -> Ladder:
    """An end for each of these rungs; see `end_worker`."""
    return Ladder({name: end_worker(name, deadline, seconds, seed=seed) for name in rungs})
