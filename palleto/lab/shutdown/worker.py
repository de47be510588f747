"""A worker: a run of step 9 as a process of its own has it, and what can be done to it from outside.

It is the program of step 9, with its `--drain-timeout` and its `--pipelines`, on a simulated cloud that others share.
Nothing in it knows of the lab: where an end leaves something out, requests fail on their way to the cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio

from palleto.cloud import Faults, Simulated
from palleto.cloud.clients.errors import ABANDONED
from palleto.program import Options, RunState, StepRun
from palleto.program.shutdown import HURRY
from palleto.runtime import System, Task
from palleto.trace import Recorder, TraceEvent
from steps import step9

__all__ = ["Worker"]


class Worker:
    """One process. `live` runs it until it has ended.

    world:     the simulated cloud. output: the folder for results. Others may share both.
    deadline:  seconds of run time for what is in hand when it is told to end, above 0.
    pipelines: how many, 1 or more.
    hear:      called with each trace event, and with the moment at which its run began.

    up: is set when it works. gone: when it is no process any more; nothing is heard of it then.
    """

    def __init__(
        self, world: Simulated, output: Path, deadline: float, pipelines: int, hear: Callable[[TraceEvent, float], None]
    ) -> None:
        self.up, self.gone = anyio.Event(), anyio.Event()
        self._told = anyio.Event()
        self._process = anyio.CancelScope()
        self._hear = hear
        self._faults = Faults()
        self._state: RunState
        self._system: System
        self._run = StepRun(
            step9.pipeline,
            self._until_told,
            Options(virtual=True, files=0, output=output, drain_timeout=deadline, pipelines=pipelines),
            recorder=_Heard(lambda event, began: None if self.gone.is_set() else hear(event, began)),
            simulation=world,
            faults=self._faults,
        )
        self._run.say = self._run.report = lambda line: None

    def __repr__(self) -> str:
        return f"<Worker {'gone' if self.gone.is_set() else 'up' if self.up.is_set() else 'not up'}>"

    async def live(self) -> None:
        """Run until it has ended."""
        with self._process:
            await self._run()
        self.gone.set()

    async def _until_told(self, state: RunState) -> None:
        self._state, self._system = state, System.current()
        self.up.set()
        await self._told.wait()

    # ---- what can be done to it once it is up, in the middle of whatever it does

    def tell(self) -> None:
        """Send it SIGTERM: it receives no more, finishes what is in hand, and gives back what is not done in time."""
        self._told.set()

    def leave(self) -> None:
        """End its pipeline: it receives no more, and each stage finishes the callback that runs, the last first."""
        self._state.end()
        self._system.body.cancel()

    def cancel(self) -> None:
        """Cancel its tasks. What was sent is answered, if that does not take long; nothing more reaches the cloud."""
        self._cut_off()
        self._run.cloud.hurry(HURRY)
        self._process.cancel()

    def vanish(self) -> None:
        """Let it be no process any more, from this moment on. No word of it reaches the cloud.

        What is under way is lost: nothing is deleted that SQS has not deleted yet.
        """
        for event in self._killed():
            self._hear(event, self._system.started)
        self.gone.set()
        self._cut_off()
        for request in self._run.cloud.patience.scopes:
            request.shield = False  # nobody waits for its answer, or hears that there is none
        self._process.cancel()

    def keep(self) -> None:
        """Let it give back nothing from now on. It still extends and deletes what it has in hand."""
        self._faults.fail("sqs.ChangeMessageVisibilityBatch", ABANDONED, rate=1, where=_gives_back)

    def _killed(self) -> Iterator[TraceEvent]:
        """What a trace says of the end of its processes. Nobody who has vanished says it himself."""
        t, data = self._system.now(), {"reason": "killed"}
        for process in reversed(self._system.processes.values()):
            if isinstance(process, Task):
                yield TraceEvent(0, t, process.label, "loop_killed")
                yield TraceEvent(0, t, process.label, "loop_ended", data=data)
            yield TraceEvent(0, t, process.label, "stopped", data=data)

    def _cut_off(self) -> None:
        self._faults.fail("*", ABANDONED, rate=1)


def _gives_back(arguments: dict[str, Any]) -> bool:
    return any(entry["VisibilityTimeout"] == 0 for entry in arguments["Entries"])


class _Heard(Recorder):
    """Keeps nothing. Tells of each event, and of the moment at which its run began, on the event loop's clock."""

    def __init__(self, hear: Callable[[TraceEvent, float], None]) -> None:
        super().__init__(keep=False)
        self._began = 0.0
        self.listeners.append(lambda event: hear(event, self._began))

    def attached(self, system: System) -> None:
        super().attached(system)
        self._began = system.started
