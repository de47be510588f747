"""What runs a stage: a mailbox, a core, and the user's callbacks between them.

A stage takes a message from its mailbox, lets the core decide, and carries the effects out. If all its callbacks are
plain functions the system's pump drives it (`turn`); if one is `async`, a task of its own does, and only that stage
waits while the callback awaits.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, NoReturn

import anyio

from palleto.core import Core
from palleto.errors import NotFoundError, ReturnError
from palleto.express import CLEAR, NO_EXPRESS, Rest, express
from palleto.messages import (
    Answer,
    Ask,
    Call,
    Cast,
    Down,
    Drop,
    Effect,
    Events,
    Message,
    Reason,
    Request,
    Send,
    Stop,
    Subscribe,
    Subscription,
)
from palleto.process import Process
from palleto.system import Quits, System, _actor

CALLBACKS = (
    "handle_demand",
    "handle_events",
    "handle_cast",
    "handle_call",
    "handle_subscribe",
    "handle_cancel",
    "terminate",
)


class Stage(Process):
    """What the three kinds share. Callbacks may be plain or `async`; state lives on `self`; `init` is plain."""

    patience: ClassVar[float] = 5.0
    """Seconds that a stage may take to finish its callback when it is asked to stop, before it is cancelled."""

    core: Core
    source: Subscription | None = None
    """Whose events `handle_events` is handling."""

    # ---- callbacks, for the user to write

    def handle_cast(self, message: Any) -> Any:
        """Take a message sent with `cast`. Returns events to emit, or None."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_cast for {message!r:.80}")

    def handle_call(self, message: Any) -> Any:
        """Answer a question asked with `call`. Returns `(reply, events)`."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_call for {message!r:.80}")

    def handle_subscribe(self, kind: str, subscription: Subscription) -> Any:
        """Hear of a subscription, to a `kind` of "producer" or by a "consumer".

        A consumer may return "manual", to ask by itself with `ask`.
        """

    def handle_cancel(self, reason: tuple[str, Reason], subscription: Subscription) -> Any:
        """Hear of the end of a subscription: `("cancel" or "down", reason)`. Returns events to emit, or None."""

    def terminate(self, reason: Reason) -> Any:
        """Clean up: the stage is about to end. Not called where the whole run is cancelled."""

    # ---- life

    def start(self, system: System, parent: Quits) -> None:
        self._mailbox: deque[Posted] = deque()
        self._subscriptions = 0
        self.core = self._make_core()
        self._bound = {name: getattr(self, name) for name in CALLBACKS if hasattr(self, name)}
        self._asynchronous = any(inspect.iscoroutinefunction(callback) for callback in self._bound.values())
        self._express = express(self.core, self) if system.recorder is None else NO_EXPRESS
        self._scope = anyio.CancelScope()
        self._wake: anyio.Event | None = None
        self._reason: Reason = "shutdown"  # of a task that is cancelled with the whole run
        self._serving: Posted | None = None
        self.busy = True
        super().start(system, parent)
        if self._asynchronous:
            system.tasks.start_soon(self._task, name=self.label)
        else:
            system.schedule(self)

    def _make_core(self) -> Core:
        raise NotImplementedError

    def post(self, message: Posted) -> None:
        """Put a message into the mailbox. One to a stage that has ended is answered for it, or lost."""
        if self.busy:  # it runs, and comes to it
            self._mailbox.append(message)
        elif self.running:
            self._mailbox.append(message)
            self.busy = True
            if self._wake is not None:
                self._wake.set()
            else:
                system = self.system
                system.ready.append(self)  # `schedule`, without the call
                if system.asleep is not None:
                    system.wake()
        elif lost := self._refuse(message, "not running"):
            self.system.lose(self, lost)

    def _rouse(self) -> None:
        """There is something to do again."""
        self.busy = True
        if self._wake is not None:
            self._wake.set()
        else:
            self.system.schedule(self)

    def _refuse(self, message: object, reason: Reason) -> list[Any]:
        """Answer a message that nobody will serve. Returns the events in it: they are lost."""
        if isinstance(message, Subscribe):
            message.subscription.consumer.post(Down(message.subscription, reason))
        elif isinstance(message, Request):
            message.reply.fail(NotFoundError(f"expected {self} to answer, but it has ended"))
        elif isinstance(message, Cast):
            self.system.refuse(message.message)
        return list(message.events) if isinstance(message, Events | _Emission) else []

    async def end(self, reason: Reason = "shutdown") -> None:
        """Stop after the callback that runs now; cancel it after `patience` seconds."""
        if not self.running:
            return
        self._stop_first(reason)
        with anyio.move_on_after(self.patience) as scope:
            await self.wait()
        if scope.cancelled_caught:
            self._reason = reason
            self._scope.cancel()
            await self.wait()

    def kill(self) -> None:
        """Stop in the middle of whatever runs, as a crash does: the reason is "killed"."""
        if not self.running:
            return
        self._stop_first("killed")
        if self._asynchronous:
            self._reason = "killed"
            self._scope.cancel()

    def _stop_first(self, reason: Reason) -> None:
        """Stop before all that waits in the mailbox."""
        self._mailbox.appendleft(Stop(reason))
        if not self.busy:
            self._rouse()

    def stop(self, reason: Reason = "normal") -> None:
        """End this stage of itself, once the messages that are in its mailbox now are done."""
        self.post(lambda: [Stop(reason)])

    # ---- a plain stage: driven by the system's pump

    def turn(self) -> None:
        """Let a plain stage empty its mailbox."""
        mailbox = self._mailbox
        asked, came = self._express
        try:
            while mailbox:
                message: Any = mailbox.popleft()
                kind = message.__class__
                rest = came(message) if kind is Events else asked(message) if kind is Ask else CLEAR
                if rest is None:
                    continue
                effects, call, result = self._decide(message) if rest is CLEAR else rest
                if pending := self._carry_out(effects, call, result):
                    _refuse_to_await(pending[0].callback, pending[1])
            self.busy = False
            if self.system.idling is not None:
                self.system.look_idle()
        except _Stopped as stopped:
            self._end(stopped.reason)
        except Exception as error:
            self._end(error)
        except BaseException:  # Ctrl-C: it goes on from here, and ends the run
            self._end(self._reason)
            raise

    def _end(self, reason: Reason) -> None:
        """Clean up, and say farewell."""
        self._reason = reason
        try:
            result = self._bound["terminate"](reason)
            if inspect.isawaitable(result):
                _refuse_to_await("terminate", result)
        except Exception as error:
            self._reason = error
        self._say_farewell()

    # ---- a stage with an async callback: driven by a task of its own

    async def _task(self) -> None:
        """Take messages until one says stop or a callback crashes."""
        _actor.set(self)
        with self._scope:
            try:
                await self._serve()
            except _Stopped as stopped:
                self._reason = stopped.reason
            except Exception as error:
                self._reason = error
            finally:
                await self._finish()
        await self._finish()  # if the scope was cancelled before the first step, it did not get there

    async def _serve(self) -> None:
        mailbox, system = self._mailbox, self.system
        asked, came = self._express
        while True:
            while mailbox:
                if system.gate is not None:
                    await system.pass_gate()
                message: Any = mailbox.popleft()
                kind = message.__class__
                rest = came(message) if kind is Events else asked(message) if kind is Ask else CLEAR
                if rest is None:
                    continue
                effects, call, result = self._decide(message) if rest is CLEAR else rest
                while pending := self._carry_out(effects, call, result):
                    self._returned(pending[0], await pending[1], effects)
                    call = None
            self.busy = False
            system.look_idle()
            self._wake = anyio.Event()
            await self._wake.wait()
            self._wake = None

    async def _finish(self) -> None:
        """Clean up, and say farewell."""
        if not self.running:
            return
        try:
            with anyio.CancelScope(shield=True), anyio.move_on_after(self.patience):
                result = self._bound["terminate"](self._reason)
                if inspect.isawaitable(result):
                    await result
        except Exception as error:
            self._reason = error
        self._say_farewell()

    # ---- both

    def _decide(self, message: Posted) -> Rest:
        """Let the core decide on one message."""
        if isinstance(message, Stop):
            raise _Stopped(message.reason)
        self._serving = message
        if self.system.recorder is not None:
            self.system.recorder.message(self, message)
        return Rest(deque(message() if callable(message) else self.core.receive(message)))

    def _carry_out(
        self, effects: deque[Effect], call: Call | None, result: Any
    ) -> tuple[Call, Awaitable[Any]] | None:
        """Take the `result` of a `call`, if there is one, and carry out `effects`, in order.

        Returns a call whose result must be awaited first, and the result; None: all is done.
        """
        recorder = self.system.recorder
        while True:
            if call is not None:
                if inspect.isawaitable(result):
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
                raise _Stopped(effect.reason)
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
        lost = self.core.in_hand()
        self._refuse(self._serving, self._reason)  # its events, if any, are in the core's hand
        while self._mailbox:
            lost += self._refuse(self._mailbox.popleft(), self._reason)
        for effect in self.core.farewell(self._reason):
            if isinstance(effect, Send):
                effect.to.post(effect.message)
        self.system.lose(self, lost)
        self.exited(self._reason)

    def emit(self, events: Iterable[Any]) -> None:
        """Emit events outside of a callback's return, from inside the run (a producer or producer-consumer)."""
        self.post(_Emission(self.core, list(events)))


Posted = Message | Stop | Callable[[], "list[Effect]"]
"""What a mailbox holds: messages, a stop, and what the stage asked of itself."""


def _refuse_to_await(callback: str, result: Any) -> NoReturn:
    """A plain stage has no task to wait in."""
    if inspect.iscoroutine(result):
        result.close()
    raise ReturnError(f"expected {callback} to be declared `async def`, as it awaits")


class _Emission:
    """Events in a mailbox, on their way to be emitted by its stage."""

    def __init__(self, core: Core, events: list[Any]) -> None:
        self.core, self.events = core, events

    def __call__(self) -> list[Effect]:
        return self.core.emit(self.events)


class _Stopped(Exception):
    """Leaves the loop over the mailbox, when a message or the core says stop."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
