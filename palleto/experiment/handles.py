"""The handles of a run in another thread: each passes its change to the run's event loop."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from palleto.errors import SettingError
from palleto.program import StepRun
from palleto.runtime import Child, Consumer, ProducerConsumer, Stage, Supervisor, System, Task, TaskSupervisor
from palleto.trace import Recorder


class Handles:
    """What an experiment inherits: ways to change a pipeline while it runs. All may be called from any thread."""

    speed: float
    virtual: bool
    paused: bool
    trace: Recorder
    reported: list[str]
    system: System | None
    performance: StepRun | None
    _made: int
    _loop: asyncio.AbstractEventLoop | None
    _wake: asyncio.Event | None
    _changes: deque[Callable[[System], Any]]

    @property
    def running(self) -> bool:
        """Whether the run's thread is alive."""
        raise NotImplementedError

    def _pass(self, change: Callable[[System], Any]) -> None:
        """Have `change` (plain or async) called in the run's loop, with its system, after those passed before.

        Nothing happens if there is no run any more. From another thread only `call_soon_threadsafe` may touch a loop.
        """
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None and self.running:
            self._changes.append(change)
            with suppress(RuntimeError):  # the loop has closed in this very moment
                loop.call_soon_threadsafe(wake.set)

    async def _carry_out(self, system: System) -> None:
        """Call what was passed, one after the other. One that fails is reported and stops nothing."""
        assert self._wake is not None
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._changes:
                try:
                    result = self._changes.popleft()(system)
                    if inspect.isawaitable(result):
                        await result
                except Exception as error:
                    self.reported.append(f"{type(error).__name__}: {error}")

    def pause(self) -> None:
        """Let time stand, and let no stage take another message."""
        if self.running and not self.paused:
            self.paused = True
            self._pass(self._pause)

    def _pause(self, system: System) -> None:
        system.pause()
        self._set_factor(0.0)

    def resume(self) -> None:
        """Undo `pause`."""
        if self.paused:
            self.paused = False
            self._pass(self._resume)

    def _resume(self, system: System) -> None:
        self._set_factor(self.speed)
        system.resume()

    def set_speed(self, factor: float) -> None:
        """Let time go `factor` (above 0) times faster than real time from now on."""
        if factor <= 0:
            raise SettingError(f"expected speed to be above 0, got: {factor!r}")
        self.speed = factor
        if not self.paused:
            self._pass(lambda system: self._set_factor(factor))

    def _set_factor(self, factor: float) -> None:
        loop: Any = self._loop
        if not self.virtual:
            loop.set_factor(factor)

    def resize(self, max_demand: int) -> None:
        """Give every consumer and producer-consumer the demand 0/`max_demand`, 1 or more."""
        if max_demand < 1:
            raise SettingError(f"expected max_demand to be 1 or more, got: {max_demand!r}")

        def change(system: System) -> None:
            for stage in stages_of(system):
                if isinstance(stage, Consumer | ProducerConsumer):
                    stage.resize(max_demand, 0)

        self._pass(change)

    @property
    def stages(self) -> list[str]:
        """The labels of the stages that run."""
        return [] if self.system is None else [stage.label for stage in stages_of(self.system)]

    def kill_stage(self, label: str) -> None:
        """Kill the stage of that label, in the middle of whatever it does; its supervisor starts it again."""

        def change(system: System) -> None:
            for stage in stages_of(system):
                if stage.label == label:
                    stage.kill()

        self._pass(change)

    def kill_loop(self) -> None:
        """Cancel the server loops that run. Nobody starts them again: only new demand does."""

        def change(system: System) -> None:
            for task in tasks_of(system):
                task.kill()

        self._pass(change)

    def crash_loop(self) -> None:
        """Let the server loops that run crash. One that is supervised as "transient" runs again, from its run 0."""

        def change(system: System) -> None:
            for task in tasks_of(system):
                task.crash()

        self._pass(change)

    def drop(self, content: bytes = b"this is not gzip", name: str = "bad") -> None:
        """Put a file into the bucket, by default one that is not gzip."""
        self._made += 1
        key = f"packrat/data/{name}-{self._made}.gz"

        async def change(system: System) -> None:
            assert self.performance is not None
            warehouse = self.performance.warehouse
            await warehouse.cloud.monitor.s3.put_object(Bucket=warehouse.bucket, Key=key, Body=content)
            self.trace.note("sent", None, events=[key])

        self._pass(change)

    @property
    def copies(self) -> int:
        """How many children like the last one the top supervisor has (consumers, or pipelines); 0 when it has ended."""
        system = self.system
        if self.running and system is not None:
            with suppress(StopIteration):  # the supervisor has ended, and the run is about to
                return len(copies_of(system)[1])
        return 0

    def set_copies(self, count: int) -> None:
        """Start or stop consumers (or pipelines) like the last one, until there are `count` of them, 1 or more."""
        if count < 1:
            raise SettingError(f"expected 1 or more, got: {count!r}")

        async def change(system: System) -> None:
            top, copies = copies_of(system)
            if top is None:
                return
            for spec in copies[count:]:
                if spec.process is not None:
                    await top.stop_child(spec.process)
            for number in range(len(copies) + 1, count + 1):
                top.start_child(numbered(copies[-1], number))

        self._pass(change)


def stages_of(system: System) -> list[Stage]:
    """The stages that run."""
    return [process for process in list(system.processes.values()) if isinstance(process, Stage)]


def tasks_of(system: System) -> list[Task]:
    """The server loops that run."""
    supervisors = [process for process in list(system.processes.values()) if isinstance(process, TaskSupervisor)]
    return [task for supervisor in supervisors for task in supervisor.tasks]


def copies_of(system: System) -> tuple[Supervisor | None, list[Child]]:
    """The top supervisor, and those of its children that are like the last one; None and none once it has ended."""
    supervisors = [process for process in list(system.processes.values()) if isinstance(process, Supervisor)]
    if not supervisors:
        return None, []
    top = supervisors[0]
    return top, [spec for spec in top.children if spec.make is top.children[-1].make]


def numbered(spec: Child, number: int) -> Child:
    """Another child like `spec`; names that end in a number, such as Pipeline3, end in `number` instead."""

    def renamed(value: Any) -> Any:
        return re.sub(r"\d+$", str(number), value) if isinstance(value, str) else value

    settings = {key: renamed(value) for key, value in spec.settings.items()}
    return Child(spec.make, *map(renamed, spec.args), name=renamed(spec.name), restart=spec.restart, **settings)
