"""One run of a learner's pipeline, which may do anything: hang, crash, raise, or be no pipeline at all."""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import random
import threading
from collections.abc import Callable
from typing import Any

import anyio

from palleto.errors import SettingError
from palleto.experiment import Experiment, Repetition
from palleto.lab.challenges.goal import Goal
from palleto.replay import evidence, explain
from palleto.runtime import Supervisor, System
from palleto.trace import Trace, TraceEvent

__all__ = ["Attempt", "Miss"]

LONGEST = 10.0
"""Real seconds that a run may take. It jumps over all waiting, so one that takes longer does not come to an end."""

DELAY = 0.00001
"""Seconds of run time that a wait lasts longer at most, by chance: enough to give any order."""

GRACE, TRIES = 0.5, 4
"""Real seconds that a run has to end each time it is told to, and how often it is."""


MISTAKES = {"AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "TypeError", "UnboundLocalError"}
"""What Python raises for code that cannot be right. A goal's own faults are of other kinds."""


class Miss:
    """What was wrong with a run: a line, and the trace event that shows it, if one does."""

    def __init__(self, line: str, event: TraceEvent | None = None) -> None:
        self.line, self.event = line, event


class Attempt(Repetition):
    """A run of a goal's scenario with a learner's pipeline, under one seed. `given_up`: it did not come to an end."""

    def __init__(self, goal: Goal, pipeline: Callable[..., Supervisor], seed: int) -> None:
        super().__init__(Experiment(_checked(pipeline), virtual=True, **goal.settings), seed=seed)
        self.goal = goal
        self.given_up = False

    def miss(self) -> Miss | None:
        """Run to the end, and say what is wrong; None if the goal is reached."""
        thread = self._thread = threading.Thread(target=self._run, name="palleto attempt", daemon=True)
        thread.start()
        try:
            thread.join(LONGEST)
        finally:  # whoever waits may be interrupted
            self.given_up = thread.is_alive()
            if self.given_up:
                _stop(thread)
        if self.given_up:
            return Miss(f"the run did not end within {LONGEST:g} s of real time: something in it goes on for ever")
        miss = self._missed()
        return miss and (_mistake(self.trace.events) or miss)

    def _missed(self) -> Miss | None:
        if self.error is not None:
            return Miss(f"the run failed: {self.error}")
        if self.until is not None and not self.reached:
            explanation = explain(self.trace)
            return Miss(f"nothing comes to an end: {explanation.sentence.rstrip('.')}", explanation.event)
        return self._judged(self.trace.events)

    def _judged(self, trace: Trace) -> Miss | None:
        try:
            said = self.goal.judge(trace)
        except Exception:  # it looks for what this run did not do
            return Miss("the pipeline does not do what the goal is about")
        if said is None:
            return None
        line, event = said if isinstance(said, tuple) else (said, None)
        return Miss(str(line), evidence.answer_of((line, event)).event)

    async def _carry_out(self, system: System) -> None:
        self._delay()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._disturb)
            await super()._carry_out(system)

    def _delay(self) -> None:
        """Let each wait last a little longer, by chance: else what waits equally long always comes in one order."""
        chance = random.Random(self.options["seed"])
        loop: Any = asyncio.get_running_loop()
        exactly = loop.call_at
        loop.call_at = lambda when, *more, **named: exactly(when + chance.random() * DELAY, *more, **named)

    async def _disturb(self) -> None:
        """Let happen what the goal says, each at its time."""
        for moment, act in sorted(self.goal.during.items(), key=lambda one: one[0]):
            await anyio.sleep(moment - self.now)
            if inspect.isawaitable(result := act(self)):
                await result


def _mistake(trace: Trace) -> Miss | None:
    """The first crash over code that cannot be right: a name with a letter too few makes any goal's line a riddle."""
    for event in trace:
        if event.kind in ("crash", "loop_crashed"):
            reason = str(event.data["reason"])
            if reason.partition(":")[0] in MISTAKES:
                return Miss(f"{event.stage} crashed: {reason}", event)
    return None


def _stop(thread: threading.Thread) -> None:
    """End a thread whose run goes on for ever, if that can be done: Python code can be interrupted, a call cannot.

    A first SystemExit ends a run as Ctrl-C does, if it can end; the others end it at once.
    """
    for _ in range(TRIES):
        if thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
            thread.join(GRACE)


def _checked(pipeline: Any) -> Any:
    """The function. Raises SettingError for what is none that makes a pipeline."""
    if isinstance(pipeline, Supervisor):
        raise SettingError("expected the function that makes the pipeline, without calling it: check(pipeline)")
    if not callable(pipeline) or isinstance(pipeline, type) or inspect.iscoroutinefunction(pipeline):
        raise SettingError(f"expected a function that makes a pipeline, got: {pipeline!r:.60}")
    return pipeline
