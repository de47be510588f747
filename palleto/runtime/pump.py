"""The pump: the one task that gives turns to all stages whose callbacks are plain functions, from one ready queue.

So a message costs neither a switch of tasks nor an event object. Stages that have a task of their own come here for
what holds for them, too: what they wait for before a message, and how many turns they may take on virtual time.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from palleto.clock import is_virtual
from palleto.errors import EndlessError
from palleto.runtime.actor import act_as
from palleto.runtime.mailbox import Mailbox
from palleto.runtime.process import Process

TURNS = 200
"""Turns of stages that the pump gives before it lets the event loop look at timers, sockets and signals."""
MAX_TURNS = 5_000_000
"""Turns at one moment of virtual time that tell an endless source from a long one.

A million events that go one by one through three stages take four million; an endless source takes these in less than a
minute.
"""


class Pump:
    """Gives the turns of one run (a `System`).

    shuffles:  whether the order of turns is one of chance, by the run's random numbers.
    max_turns: the turns that stages may take at one moment of virtual time, 1 or more; None: any number.
    ready:     the mailboxes of those that have a message waiting, who became ready first first.
    acting:    of the one whose turn it is.
    holds:     what stages wait for before they take their next messages.
    asleep:    None while it gives turns; else what wakes it.
    """

    def __init__(self, system: Any, *, shuffles: bool, max_turns: int | None) -> None:
        self._system = system
        self.observer, self.random, self.shuffles = system.observer, system.random, shuffles
        self.ready: deque[Mailbox] = deque()
        self.acting: Mailbox | None = None
        self.holds: list[anyio.Event] = []
        self.asleep: anyio.Event | None = None
        self.max_turns = max_turns if is_virtual() else None
        self._turns, self._turned_at = 0, system.started
        self._turners: dict[Process, None] = {}
        self._again, self._others_turn = 0, False
        self._endless: EndlessError | None = None
        # Shielded: a stage whose run is cancelled still needs turns to end as it should.
        self._pumping = anyio.CancelScope(shield=True)

    def __repr__(self) -> str:
        return f"<Pump: {len(self.ready)} stages ready>"

    def wake(self) -> None:
        """Go on, if it sleeps and somebody is ready."""
        if self.asleep is not None and self.ready:
            self.asleep.set()
            self.asleep = None

    async def run(self) -> None:
        """Give turns until `close`."""
        act_as(self)  # whoever acts in this task is `acting`
        with self._pumping:
            while True:
                while self.ready:
                    await self.pass_holds()
                    if self.max_turns is None:
                        await self._give_turns()
                    else:
                        await self._give_counted_turns(self.max_turns)
                    self.acting = None
                    if self.ready:
                        await checkpoint()
                self._system.look_idle()
                self.asleep = anyio.Event()
                await self.asleep.wait()

    def close(self) -> None:
        """End the task."""
        self._pumping.cancel()

    async def _give_counted_turns(self, most: int) -> None:
        """Give turns on virtual time: the last of those that are allowed one by one, as somebody will ask whose."""
        one = self._turns >= most - TURNS
        given = await self._give_turns(1 if one else TURNS)
        self.turned(self.acting.stage if one and self.acting is not None else None, given)

    def turned(self, stage: Process | None, given: int = 1) -> None:
        """Count turns, on virtual time. Too many without time moving fail the run with EndlessError."""
        if self.max_turns is None or self._endless is not None:
            return
        now = self._system.clock()
        if now != self._turned_at:
            self._turned_at, self._turns = now, 0
            self._turners.clear()
        self._turns += given
        if stage is not None and self._turns > self.max_turns - TURNS:
            self._turners[stage] = None
        if self._turns > self.max_turns:
            names = sorted(process.label for process in self._turners)
            self._endless = EndlessError(self.max_turns, names, self._system.now())
            self._system.fail(self._endless)

    def turned_again(self, stage: Process) -> None:
        """Count what a stage casts to itself as a turn: it takes that in the same turn, and perhaps never leaves it.

        After every so many it lets the event loop look at timers, sockets and signals, as the pump does, and then it is
        the other stages' turn. Raises EndlessError after too many on virtual time: in the stage's own callback, or it
        would go on.
        """
        self.turned(stage)
        if self._endless is not None:
            raise self._endless
        self._again += 1
        if self._again % TURNS == 0:
            looked = anyio.Event()

            async def look() -> None:
                looked.set()

            self._others_turn = True
            self.holds.append(looked)
            self._system.tasks.start_soon(look, name="palleto pause")

    async def _give_turns(self, turns: int = TURNS) -> int:
        """Empty mailboxes, in the order in which they became ready, until `turns` were given or none is left.

        Returns how many were given.
        """
        ready, holds, observer, shuffles = self.ready, self.holds, self.observer, self.shuffles
        message = None
        if observer is not None:
            observer.turns()
        for given in range(turns):
            if not ready:
                return given
            if shuffles:
                ready.rotate(-self.random.randrange(len(ready)))
            self.acting = mailbox = ready.popleft()
            messages, on = mailbox.messages, mailbox.on
            try:
                while messages:
                    kind, about, what = message = messages.popleft()
                    if observer is not None:
                        observer.took(mailbox.stage, message)
                    on[kind](about, what)
                    if observer is not None:
                        observer.settled(mailbox.stage)
                    if holds:
                        await self.pass_holds()
                        if self._others_turn:
                            self._others_turn = False
                            ready.append(mailbox)
                            break
                else:
                    mailbox.idle = True
            except Exception as error:  # a crash, or Stopped
                mailbox.leave(error, message)
            except (KeyboardInterrupt, SystemExit) as error:  # the others still need turns, to end as they should
                self._system.fail(error)
                mailbox.leave(error, message)
        return turns

    async def pass_holds(self) -> None:
        """Wait while a task that was started has not come to its first `await`, and while the run is paused.

        So it is on the BEAM: a process that a stage starts gets its first turn before the stage takes its next message.
        """
        while self.holds:
            held = self.holds[-1]
            if not held.is_set():
                await held.wait()
            if held in self.holds:
                self.holds.remove(held)
