"""A dashboard in a notebook: interrupts, edited cells, and lines about what went wrong, with a shell that stands in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from palleto import TraceEvent
from palleto.experiment import Experiment
from palleto.lab.dashboard import Dashboard, dashboard
from palleto.program import queue_empty
from steps import step5, step9


class Shell:
    """IPython's, as far as a dashboard knows it."""

    def __init__(self) -> None:
        self.after: list[Callable[[], None]] = []
        self.events = self

    def register(self, name: str, function: Callable[[], None]) -> None:
        assert name == "post_run_cell"
        self.after.append(function)

    def ran(self) -> None:
        """A cell has run."""
        for function in self.after:
            function()


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    made = Shell()
    monkeypatch.setattr(dashboard, "shell", lambda: made)
    monkeypatch.setattr(dashboard, "_display", lambda thing: None)
    return made


async def interrupted(made: Dashboard) -> Any:
    """Run in a cell, which is interrupted once events are consumed, and again while the run stops."""
    reached, loop = asyncio.Event(), asyncio.get_running_loop()

    def hear(event: TraceEvent) -> None:
        if event.kind == "handled":
            loop.call_soon_threadsafe(reached.set)

    made.experiment.listeners.append(hear)
    cell = asyncio.ensure_future(made.run())
    await reached.wait()
    cell.cancel()
    return await cell


def test_an_interrupted_cell_stops_the_run_and_shows_the_words(shell: Shell):
    made = Dashboard(Experiment(step5.pipeline, speed=200))
    assert asyncio.run(interrupted(made)).startswith("ended")
    assert not made.experiment.running


def test_elsewhere_who_cancels_hears_of_it_and_the_run_is_stopped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dashboard, "shell", lambda: None)
    made = Dashboard(Experiment(step5.pipeline, speed=200))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted(made))
    assert not made.experiment.running


def test_a_cell_does_not_wait_for_a_run_that_start_has_begun(shell: Shell):
    made = Dashboard(Experiment(step5.pipeline, speed=200))

    async def cell() -> None:
        begun, loop = asyncio.Event(), asyncio.get_running_loop()

        def hear(event: TraceEvent) -> None:
            if event.seq == 0 and not begun.is_set():
                loop.call_soon_threadsafe(begun.set)

        made.experiment.listeners.append(hear)
        running = asyncio.ensure_future(made.run())
        await begun.wait()
        await asyncio.to_thread(made.play)
        await running

    asyncio.run(cell())
    assert made.experiment.running
    made.stop()


PIPELINE = """
import palleto
class Source(palleto.Producer):
    name = "P"
    def handle_demand(self, demand): return [0] * demand
class Sink(palleto.Consumer):
    def init(self): self.subscribe("P", max_demand=2)
    async def handle_events(self, events): await palleto.runtime.system.anyio.sleep(1)
def pipeline(): return palleto.Supervisor([palleto.child(Source), palleto.child(Sink)])
"""


def test_code_edited_since_is_told_in_the_dashboard(shell: Shell):
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(PIPELINE, names)
    made = Dashboard(Experiment(names["pipeline"], virtual=True, seconds=5))
    asyncio.run(made.run())
    shell.ran()
    exec(PIPELINE, names)
    shell.ran()
    assert "older code" not in made.alarms.value
    exec(PIPELINE.replace("max_demand=2", "max_demand=3"), names)
    shell.ran()
    told = "Sink has been edited since; run the cells below it again"
    assert "<b>made by older code</b> " + told in made.alarms.value
    assert repr(made).startswith(told)
    asyncio.run(made.run())
    shell.ran()
    assert "older code" not in made.alarms.value
    exec(
        PIPELINE.replace("name = ", "name  = 'P' or ").replace("[0]", "[1]").replace("max_demand=2", "max_demand=3"),
        names,
    )
    shell.ran()
    assert "Source has been edited" in made.alarms.value


def test_a_pipeline_function_that_is_an_older_one_says_so_as_it_starts(shell: Shell):
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(PIPELINE, names)
    made = Dashboard(Experiment(names["pipeline"], virtual=True, seconds=5))
    exec(PIPELINE + "def pipeline(): return palleto.Supervisor([palleto.child(Source)])", names)
    asyncio.run(made.run())
    assert "pipeline has been edited since" in made.alarms.value


def test_a_bad_file_shows_its_line():
    made = Dashboard(Experiment(step9.pipeline, virtual=True, files=2, until=queue_empty))
    experiment = made.experiment
    experiment.listeners.append(lambda event: experiment.drop(name="<bad>") if event.seq == 0 else None)
    words = asyncio.run(made.run())
    line = "cannot process warehouse.development/packrat/data/&lt;bad&gt;-1.gz: not gzip"
    assert line in made.alarms.value
    assert "packrat/data/<bad>-1.gz: not gzip" in " ".join(words.split())  # in lines
    assert made.line.endswith(" · 3 deleted messages · simulated, because it was named")
    experiment.listeners.pop()
    asyncio.run(made.run())
    assert made.alarms.value == "", "it was of the run before"


def test_of_many_lines_the_last_are_shown_and_the_rest_counted():
    made = Dashboard(Experiment(step5.pipeline))
    for number in range(5):
        made._hear(TraceEvent(number + 1, number, "", "report", None, (), None, None, None, {"text": f"line {number}"}))
    made._frame()
    assert "2 more of this kind" in made.alarms.value
    assert "line 1" not in made.alarms.value
    assert all(f"at {number}.0 s</b> line {number}" in made.alarms.value for number in (2, 3, 4))


def test_a_frame_is_of_one_moment():
    """The status line and the panels count the same, though the run goes on while they are drawn."""
    made = Dashboard(Experiment(step9.pipeline, virtual=True, files=30, until=queue_empty))
    frames: list[tuple[str, str, str]] = []
    drawn = threading.Lock()

    def draw(event: TraceEvent) -> None:
        if event.kind in ("delete", "written", "handled", "queue") and drawn.acquire(blocking=False):
            made._frame()
            frames.append((made.line, made.panels["queue"].value, made.panels["throughput"].value))
            drawn.release()

    made.experiment.listeners.append(draw)
    asyncio.run(made.run())
    counts = {line.split(" · ")[5 if " file" in line else 4] for line, _, _ in frames}
    assert len(counts) > 10
    for line, queue, throughput in frames:
        consumed = line.split(" · ")[3]
        assert f">{consumed} consumed" in throughput
        deleted = line.split(" deleted message")[0].split(" · ")[-1]
        assert f">{deleted} deleted<" in queue
