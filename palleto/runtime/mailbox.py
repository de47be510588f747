"""A stage's mailbox: what it was told and has not taken yet, and the turns in which it takes it.

It is apart from its stage for speed. All mailboxes are of one class, with slots, and Python finds the attributes of
one class at once; in a stage, whose class differs from its neighbour's, each would cost 30 ns more, of 20 a message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio

from palleto.core import Ask, Effect, Message, Reason, Stop
from palleto.runtime.express import NO_EXPRESS, Express, Parcel

if TYPE_CHECKING:
    from palleto.runtime.runner import Runner
    from palleto.runtime.system import System

Posted = Message | Parcel | Stop | Callable[[], "list[Effect]"]
"""What a mailbox holds: messages, a stop, and what the stage asked of itself."""

TURNS = 200
"""Turns of stages that the pump gives before it lets the event loop look at timers, sockets and signals."""


class Stopped(Exception):
    """Leaves the loop over the mailbox, when a message or the core says stop."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Mailbox:
    """The messages of a stage, oldest first.

    idle:      it is empty, and the next message brings it a turn.
    elsewhere: the stage's own task is at the mailbox, and turns are none.
    wake:      what that task waits for; None: it does not wait for messages.
    """

    __slots__ = ("elsewhere", "express", "idle", "lane", "messages", "ready", "stage", "system", "wake")

    def __init__(self, stage: Runner, system: System) -> None:
        self.stage, self.system = stage, system
        self.messages: deque[Posted] = deque()
        self.ready = system.ready
        self.idle = self.elsewhere = False
        self.wake: anyio.Event | None = None
        self.use(NO_EXPRESS)

    def use(self, express: Express) -> None:
        """Offer messages to this express first, in turns to come."""
        self.express = express
        self.lane = (self.stage, self.messages, *express)  # what a turn needs, in one look

    def post(self, message: Posted) -> None:
        """Put a message in: the stage's own `post`, which the express leaves out."""
        if self.idle:  # `rouse`, without the calls
            self.idle = False
            self.messages.append(message)
            self.ready.append(self)
            if self.system.asleep is not None:
                self.system.wake()
        elif self.stage.running:  # it is busy, and comes to it
            self.messages.append(message)
            if self.wake is not None:
                self.rouse()
        else:
            self.stage._refused(message)

    @property
    def waits(self) -> bool:
        """Whether nothing is in it, and nobody at work."""
        return self.idle or (self.wake is not None and not self.wake.is_set())

    def rouse(self) -> None:
        """There is something to do again."""
        if self.wake is not None:
            self.wake.set()
        elif self.idle:
            self.idle = False
            self.system.schedule(self)


def give_turns(system: System) -> bool:
    """Empty mailboxes, in the order in which they became ready, while there are any and the run is not paused.

    True: all TURNS were given, and the event loop should have its turn before the next.
    """
    ready, shuffles = system.ready, system.shuffles
    if system.recorder is not None:
        system.recorder.turns()
    for _ in range(TURNS):
        if not ready or system.gate is not None:
            return False
        if shuffles:
            ready.rotate(-system.random.randrange(len(ready)))
        mailbox = ready.popleft()
        if mailbox.elsewhere:
            continue
        stage, messages, asked, came = mailbox.lane
        system.acting = stage
        try:
            while messages:
                message: Any = messages.popleft()
                kind = message.__class__  # this is `Express.offer`, without the calls
                if kind is tuple:
                    subscription, events, ids = message
                    rest = came(subscription, events, ids)
                elif kind is Ask:
                    rest = asked(message)
                else:
                    rest = mailbox.express.offer(message)
                if rest is None:
                    continue
                if not stage._take(message, rest):
                    break
                if system.gate is not None:  # a callback paused the run
                    system.schedule(mailbox)
                    break
            else:
                mailbox.idle = True
        except Exception as error:  # a crash, or Stopped
            stage._leave(error)
        except BaseException as error:  # Ctrl-C: it goes on from here, and ends the run
            stage._leave(error)
            raise
    return True
