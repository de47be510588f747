"""What runs a stage: a mailbox, a core, and the user's callbacks between them.

A stage is one coroutine that takes a message from its mailbox, lets the core decide, and carries the effects out. If
all its callbacks are plain functions the system's pump drives it (`turn`); if one is `async`, a task of its own does,
and only that stage waits while the callback awaits.
"""

from __future__ import annotations

import inspect
import types
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import suppress
from typing import Any, ClassVar

import anyio

from palleto.core import Core
from palleto.errors import NotFoundError, ReturnError
from palleto.messages import (
    Answer,
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


@types.coroutine
def _rest() -> Generator[None, None, None]:
    """Where a plain stage's coroutine waits for its next turn."""
    yield


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
        self._mailbox: deque[Message | Stop | Callable[[], list[Effect]]] = deque()
        self._subscriptions = 0
        self.core = self._make_core()
        self._bound = {name: getattr(self, name) for name in CALLBACKS if hasattr(self, name)}
        self._asynchronous = any(inspect.iscoroutinefunction(callback) for callback in self._bound.values())
        self._scope = anyio.CancelScope()
        self._wake: anyio.Event | None = None
        self._reason: Reason = "shutdown"  # of a task that is cancelled with the whole run
        self._serving: Message | Stop | Callable[[], list[Effect]] | None = None
        self.busy = True
        super().start(system, parent)
        if self._asynchronous:
            system.tasks.start_soon(self._task, name=self.label)
        else:
            self._coroutine = self._serve()
            system.schedule(self)

    def _make_core(self) -> Core:
        raise NotImplementedError

    def post(self, message: Message | Stop | Callable[[], list[Effect]]) -> None:
        """Put a message into the mailbox. One to a stage that has ended is answered for it, or lost."""
        if not self.running:
            if lost := self._refuse(message, "not running"):
                self.system.lose(self, lost)
            return
        if isinstance(message, Stop):
            self._mailbox.appendleft(message)
        else:
            self._mailbox.append(message)
        if not self.busy:
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

    def turn(self) -> None:
        """Let a plain stage empty its mailbox."""
        with suppress(StopIteration):
            self._coroutine.send(None)

    async def _task(self) -> None:
        """The task of a stage with an async callback."""
        _actor.set(self)
        with self._scope:
            await self._serve()
        await self._finish()  # if the scope was cancelled before the first step, `_serve` did not get to it

    async def end(self, reason: Reason = "shutdown") -> None:
        """Stop after the callback that runs now; cancel it after `patience` seconds."""
        if not self.running:
            return
        self.post(Stop(reason))
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
        self.post(Stop("killed"))
        if self._asynchronous:
            self._reason = "killed"
            self._scope.cancel()

    def stop(self, reason: Reason = "normal") -> None:
        """End this stage of itself, once the messages that are in its mailbox now are done."""
        self.post(lambda: [Stop(reason)])

    async def _serve(self) -> None:
        """Take messages until one says stop or a callback crashes."""
        try:
            while True:
                while self._mailbox:
                    if self._asynchronous:
                        await self.system.pass_gate()
                    message = self._mailbox.popleft()
                    if isinstance(message, Stop):
                        self._reason = message.reason
                        return
                    await self._carry_out(message)
                self.busy = False
                self.system.look_idle()
                if not self._asynchronous:
                    await _rest()
                else:
                    self._wake = anyio.Event()
                    await self._wake.wait()
                    self._wake = None
        except _Stopped as stopped:
            self._reason = stopped.reason
        except Exception as error:
            self._reason = error
        finally:
            await self._finish()

    async def _carry_out(self, message: Message | Callable[[], list[Effect]]) -> None:
        """Let the core decide on one message, and do what it says, in order."""
        core, recorder = self.core, self.system.recorder
        self._serving = message
        if recorder is not None:
            recorder.message(self, message)
        effects = deque(core.receive(message) if not callable(message) else message())
        while effects:
            effect = effects.popleft()
            if recorder is not None:
                recorder.effect(self, effect)
            if isinstance(effect, Send):
                effect.to.post(effect.message)
            elif isinstance(effect, Call):
                if effect.callback == "handle_events":
                    self.source = effect.about
                result = self._bound[effect.callback](*effect.args)
                if inspect.isawaitable(result):
                    result = await self._awaited(effect.callback, result)
                more = core.returned(effect, result)
                if recorder is not None:
                    recorder.returned(self, effect)
                effects.extendleft(reversed(more))
            elif isinstance(effect, Drop):
                self.system.lose(self, list(effect.events))
            elif isinstance(effect, Answer):
                effect.request.reply.answer(effect.value)
            else:
                raise _Stopped(effect.reason)
        if recorder is not None:
            recorder.settled(self)
        self._serving = None

    async def _awaited(self, callback: str, result: Awaitable[Any]) -> Any:
        """What an async callback returns. Raises ReturnError in a plain stage, which has no task to wait in."""
        if self._asynchronous:
            return await result
        if inspect.iscoroutine(result):
            result.close()
        raise ReturnError(f"expected {callback} to be declared `async def`, as it awaits")

    async def _finish(self) -> None:
        """Clean up, say farewell to the peers, and say what was lost."""
        if not self.running:
            return
        try:
            with anyio.CancelScope(shield=True), anyio.move_on_after(self.patience):
                result = self._bound["terminate"](self._reason)
                if inspect.isawaitable(result):
                    await self._awaited("terminate", result)
        except Exception as error:
            self._reason = error
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


class _Emission:
    """Events in a mailbox, on their way to be emitted by its stage."""

    def __init__(self, core: Core, events: list[Any]) -> None:
        self.core, self.events = core, events

    def __call__(self) -> list[Effect]:
        return self.core.emit(self.events)


class _Stopped(Exception):
    """Leaves `_carry_out` when the core says stop."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason
