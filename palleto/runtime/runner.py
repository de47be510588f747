"""What runs a stage: a mailbox, a core, and the user's callbacks between them.

It takes a message from its mailbox, lets the core decide, and carries the effects out. If all callbacks are plain
functions, that is a turn that the system's pump gives it, and this file is all there is to it; tasked.py has the rest.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Iterable
from typing import Any, NoReturn

from palleto.core import (
    Answer,
    Call,
    Cast,
    Core,
    Down,
    Drop,
    Effect,
    Events,
    Reason,
    Request,
    Send,
    Stop,
    Subscribe,
    Subscription,
)
from palleto.errors import NotFoundError, ReturnError
from palleto.runtime.express import CLEAR, Rest, express
from palleto.runtime.mailbox import Mailbox, Posted, Stopped
from palleto.runtime.process import Process
from palleto.runtime.system import Quits, System

CALLBACKS = (
    "handle_demand",
    "handle_events",
    "handle_cast",
    "handle_call",
    "handle_subscribe",
    "handle_cancel",
    "terminate",
)


class _Emission:
    """Events in a mailbox, on their way to be emitted by its stage."""

    def __init__(self, core: Core, events: list[Any]) -> None:
        self.core, self.events = core, events

    def __call__(self) -> list[Effect]:
        return self.core.emit(self.events)


def _refuse_to_await(callback: str, result: Any) -> NoReturn:
    """A plain stage has no task to wait in."""
    if inspect.iscoroutine(result):
        result.close()
    raise ReturnError(f"expected {callback} to be declared `async def`, as it awaits")


class Runner(Process):
    """A stage without its callbacks: what its mailbox's turns lead to."""

    core: Core
    source: Subscription | None = None
    """Whose events `handle_events` is handling."""
    _mailbox: Mailbox

    def start(self, system: System, parent: Quits) -> None:
        self._subscriptions = 0
        self.core = self._make_core()
        self._mailbox = Mailbox(self, system)
        self._bound = {name: getattr(self, name) for name in CALLBACKS if hasattr(self, name)}
        fast = express if system.recorder is None else system.recorder.express
        self._mailbox.use(fast(self.core, self, self._bound))
        self._reason: Reason = "shutdown"  # of a task that is cancelled with the whole run
        self._serving: Posted | None = None
        super().start(system, parent)
        self._begin()

    def _make_core(self) -> Core:
        raise NotImplementedError

    def _begin(self) -> None:
        """The stage is up: let it come to its mailbox."""
        self.system.schedule(self._mailbox)

    @property
    def busy(self) -> bool:  # type: ignore[override]
        """Whether it has something to do."""
        return self.running and not self._mailbox.waits

    def post(self, message: Posted) -> None:
        """Put a message into the mailbox. One to a stage that does not run is answered for it, or lost."""
        if self.running:
            self._mailbox.post(message)
        else:
            self._refused(message)

    def _refused(self, message: Posted) -> None:
        """Answer a message to a stage that does not run; events in it are lost."""
        if lost := self._refuse(message, "not running"):
            self.system.lose(self, lost)

    def _refuse(self, message: object, reason: Reason) -> list[Any]:
        """Answer a message that nobody will serve. Returns the events in it: they are lost."""
        if isinstance(message, tuple):
            message = Events(*message[:2])
        if isinstance(message, Subscribe):
            message.subscription.consumer.post(Down(message.subscription, reason))
        elif isinstance(message, Request):
            message.reply.fail(NotFoundError(f"expected {self} to answer, but it has ended"))
        elif isinstance(message, Cast):
            self.system.refuse(message.message)
        return list(message.events) if isinstance(message, Events | _Emission) else []

    def emit(self, events: Iterable[Any]) -> None:
        """Emit events outside of a callback's return, from inside the run (a producer or producer-consumer)."""
        self.post(_Emission(self.core, list(events)))

    # ---- in a turn

    def _take(self, message: Posted, rest: Rest) -> bool:
        """Do in the clear form what the express left of a message. False: somebody else goes on with it."""
        effects, call, result = self._decide(message) if rest is CLEAR else rest
        while pending := self._carry_out(effects, call, result):
            if self._await(*pending, effects):
                return False
            call = None
        return True

    def _await(self, call: Call, result: Awaitable[Any], effects: deque[Effect]) -> bool:
        """Take what a callback returned that must be awaited. True: somebody else goes on, when it is there."""
        _refuse_to_await(call.callback, result)

    def _leave(self, error: BaseException) -> None:
        """Clean up after `error`, and say farewell."""
        if isinstance(error, Exception):
            self._reason = error.reason if isinstance(error, Stopped) else error
        try:
            result = self._bound["terminate"](self._reason)
            if inspect.isawaitable(result):
                _refuse_to_await("terminate", result)
        except Exception as error:
            self._reason = error
        self._say_farewell()

    # ---- what a message leads to

    def _decide(self, message: Posted) -> Rest:
        """Let the core decide on one message."""
        if isinstance(message, Stop):
            raise Stopped(message.reason)
        ids = None
        if isinstance(message, tuple):
            subscription, events, ids = message
            message = Events(subscription, events)
        self._serving = message
        if self.system.recorder is not None:
            self.system.recorder.message(self, message, ids)
        return Rest(deque(message() if callable(message) else self.core.receive(message)))

    def _carry_out(self, effects: deque[Effect], call: Call | None, result: Any) -> tuple[Call, Awaitable[Any]] | None:
        """Take the `result` of a `call`, if there is one, and carry out `effects`, in order.

        Returns a call whose result must be awaited first, and the result; None: all is done.
        """
        recorder = self.system.recorder
        while True:
            if call is not None:
                if result is not None and result.__class__ is not list and inspect.isawaitable(result):
                    if recorder is not None:
                        recorder.runs(self, result)
                    return call, result
                self._returned(call, result, effects)
                call = None
            if not effects:
                break
            effect = effects.popleft()
            if recorder is not None:
                recorder.effect(self, effect)
            if isinstance(effect, Send):
                effect.to.post(effect.message)
            elif isinstance(effect, Call):
                if effect.callback == "handle_events":
                    self.source = effect.about
                call, result = effect, self._bound[effect.callback](*effect.args)
            elif isinstance(effect, Drop):
                self.system.lose(self, list(effect.events))
            elif isinstance(effect, Answer):
                effect.request.reply.answer(effect.value)
            else:
                raise Stopped(effect.reason)
        if recorder is not None:
            recorder.settled(self)
        self._serving = None
        return None

    def _returned(self, call: Call, result: Any, effects: deque[Effect]) -> None:
        """Let the core decide on what a callback returned; that comes before what was still to be done."""
        more = self.core.returned(call, result)
        if self.system.recorder is not None:
            self.system.recorder.returned(self, call)
        effects.extendleft(reversed(more))

    def _say_farewell(self) -> None:
        """Tell the peers that this stage is gone, and the system what was lost."""
        self._mailbox.idle = False
        lost = self.core.in_hand()
        self._refuse(self._serving, self._reason)  # its events, if any, are in the core's hand
        while self._mailbox.messages:
            lost += self._refuse(self._mailbox.messages.popleft(), self._reason)
        for effect in self.core.farewell(self._reason):
            if isinstance(effect, Send):
                effect.to.post(effect.message)
        self.system.lose(self, lost)
        self.exited(self._reason)
