"""Messages that come later: Erlang's `Process.send_after`, for the stages of one run.

All timers of a run stand in one heap, and one task waits for the earliest: ten thousand of them are no ten thousand
tasks. The task begins with the first timer; while there is none, it waits for nothing that virtual time would jump to.
"""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush
from typing import Any

import anyio

from palleto.core import CAST, Message
from palleto.errors import SettingError


class Timer:
    """A message on its way to a stage, from `Stage.after`. `cancel` takes it back."""

    __slots__ = ("_timers", "message", "stage", "when")

    def __init__(self, timers: Timers, stage: Any, message: Message, when: float) -> None:
        self._timers, self.stage, self.message, self.when = timers, stage, message, when

    def __repr__(self) -> str:
        left = f"due in {self.left:.3f} s" if self.active else "over"
        return f"<Timer of {self.stage.label}, {left}>"

    @property
    def active(self) -> bool:
        """Whether its message is still to be sent: it is neither due, nor cancelled, and its stage has not ended."""
        return self in self._timers.of.get(self.stage, ())

    @property
    def left(self) -> float:
        """Seconds of run time until it is due; 0 if it is over."""
        return max(0.0, self.when - self._timers.clock()) if self.active else 0.0

    def cancel(self) -> bool:
        """Take the message back; False if it was sent already, or taken back (`Process.cancel_timer`)."""
        active = self.active
        if active:
            self._timers.drop(self)
        return active


class Timers:
    """The timers of a run that are still to come.

    of: those of each stage that has any. `len(timers)` is their number; `timers.next` the moment of the earliest on
        the run's clock, infinity if there is none. A drain need not wait for them: what must go on before the end is
        handed on in `handle_drain`.
    """

    def __init__(self, system: Any) -> None:
        self._system = system
        self.clock = system.clock
        self.of: dict[Any, set[Timer]] = {}
        self._quiet: set[Any] = set()
        self._count = 0
        self._made = 0
        self._heap: list[tuple[float, int, Timer]] = []  # those that were cancelled, too, until half of it is
        self._waiting = anyio.CancelScope()
        self._all: anyio.CancelScope | None = None

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<Timers: {len(self)} of {len(self.of)} stages>"

    @property
    def next(self) -> float:
        """When the earliest is due, on the run's clock; infinity if there is none."""
        while self._heap and not self._heap[0][2].active:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def add(self, stage: Any, seconds: float, message: Message) -> Timer:
        """Put `message` into the mailbox of `stage` in so many seconds of run time, after all that is there then.

        Raises SettingError for a number that is negative or none.
        """
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            raise SettingError(f"expected seconds to be a number of 0 or more, got: {seconds!r:.60}")
        timer = Timer(self, stage, message, self.clock() + seconds)
        if stage in self._quiet and message[0] == CAST:
            return timer
        self.of.setdefault(stage, set()).add(timer)
        self._count += 1
        self._made += 1
        heappush(self._heap, (timer.when, self._made, timer))  # of two at the same moment, the one made first
        if self._all is None:
            self._all = anyio.CancelScope()
            self._system.tasks.start_soon(self._send, name="palleto timers")
        elif self._heap[0][2] is timer:
            self._waiting.deadline = timer.when
        return timer

    def drop(self, timer: Timer) -> None:
        """Forget a timer that is active."""
        timers = self.of[timer.stage]
        timers.remove(timer)
        if not timers:
            del self.of[timer.stage]
        self._count -= 1
        self._tidy()

    def quiet(self, stage: Any) -> None:
        """Let a source that is to stop hear of its own messages no more; one that it makes from now on is over."""
        self._quiet.add(stage)
        for timer in [timer for timer in self.of.get(stage, ()) if timer.message[0] == CAST]:
            self.drop(timer)

    def leave(self, stage: Any) -> None:
        """Forget the timers of a stage that has ended."""
        self._quiet.discard(stage)
        timers = self.of.pop(stage, None)
        if timers is not None:
            self._count -= len(timers)
            self._tidy()

    def close(self) -> None:
        """End the task."""
        if self._all is not None:
            self._all.cancel()

    def _tidy(self) -> None:
        """Some were forgotten: look to the earliest of the others, and throw the forgotten out when they are many."""
        if len(self._heap) > 2 * self._count:
            self._heap = [entry for entry in self._heap if entry[2].active]
            heapify(self._heap)
        if self._waiting.deadline != self.next:
            self._waiting.deadline = self.next

    async def _send(self) -> None:
        assert self._all is not None
        with self._all:
            while True:
                with anyio.CancelScope(deadline=self.next) as self._waiting:
                    await anyio.sleep_forever()
                while self.next <= self.clock():
                    timer = heappop(self._heap)[2]
                    self.drop(timer)
                    timer.stage.post(timer.message)
