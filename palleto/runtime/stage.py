"""A stage, as its user sees it: the callbacks to write, and its life: to end it, to stop it, to kill it.

It has a mailbox, a machine that decides (`palleto.core`) and a port through which the machine acts. If all its
callbacks are plain functions, the run's pump gives it turns; if one is `async`, it has a task of its own, in which it
takes its messages one by one, and only it waits while the callback awaits. So has each stage of a run whose order
somebody decides.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cache
from typing import Any, Literal, Self, TypeAlias, TypeVar, get_args

import anyio

from palleto.core import (
    CALL,
    CAST,
    DOWN,
    EMIT,
    EVENTS,
    SUBSCRIBE,
    Callback,
    Core,
    Events,
    Message,
    Port,
    Reason,
    Subscription,
    Then,
)
from palleto.errors import NotFoundError
from palleto.runtime.actor import act_as
from palleto.runtime.drain import DRAIN
from palleto.runtime.lost import LossLog
from palleto.runtime.mailbox import Mailbox, post
from palleto.runtime.port import ObservedPort, StagePort, Stopped, refuse_to_await
from palleto.runtime.process import Home, Parent, Process, describe, refuse_name, require_running
from palleto.runtime.system import System, title_of
from palleto.runtime.timers import Timer

STOP = "stop"
"""(STOP, None, reason): a message of the runtime's own, that ends the stage."""
DO = "do"
"""(DO, None, function): another: the stage wants something of its own machine, when it is its turn."""

T = TypeVar("T")

Given: TypeAlias = T | Awaitable[T]
"""What a plain callback returns, or what an `async` one does."""

CALLBACKS = (*get_args(Callback), "terminate")
USERS = {*CALLBACKS, "init", "dispatcher", "format_discarded"}
"""What a user may have on a stage itself, too."""


class Stage(Process):
    """What the three kinds share. Callbacks may be plain or `async`; state lives on `self`; `init` is plain.

    A stage's attributes are its user's, but for these names, which are refused with a SettingError: `id`, `label`,
    `running`, `system`, `core`, `mailbox_length`, `buffered`, `demand_mode`, `_mailbox`, `_make_core`, `_resubscribe`,
    and those of its methods (`start`, `end`, `kill`, `stop`, `wait`, `drain`, `exited`, `is_busy`, `is_ending`, `emit`,
    `emit_and_wait`, `after`, `post`, `cancel`; of a producer `demand`, `rate`, `from_iterable`; of a consumer
    `subscribe`, `ask`, `resize`). `name`, `shown`, `patience`, `dispatcher`, `buffer_size` and
    `buffer_keep` are settings.
    """

    patience: float = 5.0
    """Seconds that a stage may take to finish its callback when it is asked to stop, before it is cancelled."""

    _mailbox: Mailbox
    __core: Core
    __port: StagePort
    __cut: anyio.CancelScope

    def __new__(cls, *args: Any, **settings: Any) -> Self:
        # Here, as a user's `__init__` need not call ours, and a stage that has not begun can be sent to.
        stage = super().__new__(cls)
        stage._mailbox = Mailbox(stage, stage.__refuse_all, stage.__leave)
        return stage

    def __init__(self) -> None:
        """Nothing: a user's own need not call it. It is here for type checkers, which would take `__new__`'s."""

    @property
    def core(self) -> Any:
        """Its machine. Only once it has begun."""
        return self.__core

    @core.setter
    def core(self, value: object) -> None:
        refuse_name(self, "core")

    # ---- callbacks, for the user to write

    def handle_cast(self, message: Any) -> Given[Sequence[Any] | None]:
        """Take a message sent with `cast`. Returns events to emit, or None."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_cast for {message!r:.80}")

    def handle_call(self, message: Any) -> Given[tuple[Any, Sequence[Any] | None]]:
        """Answer a question asked with `call`. Returns `(reply, events)`."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a handle_call for {message!r:.80}")

    def handle_subscribe(
        self, kind: Literal["producer", "consumer"], subscription: Subscription
    ) -> Given[Literal["automatic", "manual"] | None]:
        """Hear of a subscription, to a `kind` of "producer" or by a "consumer".

        A consumer may return "manual", to ask by itself with `ask`.
        """
        return None

    def handle_cancel(
        self, reason: tuple[Literal["cancel", "down"], Reason], subscription: Subscription
    ) -> Given[Sequence[Any] | None]:
        """Hear of the end of a subscription: `("cancel" or "down", reason)`. Returns events to emit, or None."""
        return None

    def handle_drain(self) -> Given[Sequence[Any] | None]:
        """Hand on what is held back, a batch that is not full for example. Returns events to emit, or None.

        Called once when the run drains (`System.drain`): all stages above are done, and nothing more will come of them.
        """
        return None

    def terminate(self, reason: Reason) -> Given[None]:
        """Clean up: the stage is about to end. Not called where the whole run is cancelled."""

    # ---- life

    def start(self, system: Home, parent: Parent) -> None:
        kind: Any = type(self)
        for name in vars(self).keys() & own_methods(kind):
            refuse_name(self, name)
        if not isinstance(self._mailbox, Mailbox):
            refuse_name(self, "_mailbox")
        assert isinstance(system, System)
        bound: dict[str, Callable[..., Any]] = {name: getattr(self, name) for name in CALLBACKS if hasattr(self, name)}
        asynchronous = any(map(inspect.iscoroutinefunction, bound.values()))
        self.__terminate = bound["terminate"]
        self.__reason: Reason = "shutdown"  # of a task that is cancelled with the whole run
        self.__serving: Message | None = None
        alone = asynchronous or system.order is not None  # in a task of its own
        self.__scope = anyio.CancelScope() if alone else None
        self.__port = self.__make_port(system, bound, asynchronous)
        self.__core = type(self)._make_core(self, self.__port)
        mailbox = self._mailbox = Mailbox(self, self.__wake if alone else system.pump.ready.append, self.__leave)
        mailbox.idle = False  # until it has begun
        mailbox.on = self.__core.on
        mailbox.on |= {STOP: self.__stop, DO: self.__do}
        if kind.handle_drain is not Stage.handle_drain:
            mailbox.on[DRAIN] = self.__flush
        try:
            super().start(system, parent)
        except BaseException:  # what came meanwhile, and what still comes, nobody will serve
            mailbox.rouse = self.__refuse_all
            self.__refuse_all(mailbox)
            raise
        if alone:
            system.tasks.start_soon(self.__task, name=self.label)
        else:
            system.pump.ready.append(mailbox)
            system.pump.wake()

    def __make_port(self, system: System, bound: dict[str, Callable[..., Any]], asynchronous: bool) -> StagePort:
        self.__losses = LossLog(self)
        wake = system.pump.wake

        def lose(events: Events, why: str) -> None:
            """What is raised here is the stage's crash, after this message: a machine is not interrupted."""
            try:
                self.__losses.add(len(events), why)
            except Exception as error:
                self.__stop_first(error)
            try:
                system.lose(self, events, why)
            except Exception as error:
                self.__stop_first(error)

        def post_and_wake(to: Stage, message: Message) -> None:
            """From a task of its own, the pump is woken at once: who was sent to first acts first."""
            post(to, message)
            wake()

        def both(name: str) -> Callable[[Any], Any]:
            callback = bound[name]
            return lambda arguments: callback(*arguments)

        def handle_cancel(arguments: tuple[Any, Subscription]) -> Any:
            self._resubscribe(arguments[1])
            return bound["handle_cancel"](*arguments)

        callbacks = {**bound, "handle_subscribe": both("handle_subscribe"), "handle_cancel": handle_cancel}
        callbacks["handle_drain"] = lambda _: bound["handle_drain"]()
        send = post_and_wake if asynchronous else post
        if system.observer is None:
            return StagePort(callbacks, send, lose, awaits=asynchronous)
        return ObservedPort(
            callbacks, send, lose, awaits=asynchronous, stage=self, observer=system.observer, crash=self.__stop_first
        )

    def _make_core(self, port: Port) -> Core:
        """The machine of this kind of stage."""
        raise NotImplementedError

    def _resubscribe(self, subscription: Subscription) -> None:
        """A subscription ends: see to it that it is made anew, if that was asked for."""

    def is_busy(self) -> bool:
        return self.running and not self._mailbox.idle

    @property
    def mailbox_length(self) -> int:
        """How many messages wait in its mailbox: the BEAM's `message_queue_len`."""
        return len(self._mailbox.messages)

    @mailbox_length.setter
    def mailbox_length(self, value: object) -> None:
        refuse_name(self, "mailbox_length")

    def drain(self) -> None:
        """Begin no new work: a `handle_demand` that waits for some is cancelled, as if it had returned None."""
        port = self.__port
        if port.awaiting == "handle_demand" and not port.cut:
            port.cut = True
            self.__cut.cancel()

    def emit(self, events: Iterable[Any]) -> None:
        """Emit events outside of a callback's return, from inside the run (a producer or producer-consumer).

        Raises NotFoundError if it does not run; if it has ended, the events are told as lost besides.
        """
        running, events = self.running, list(events)
        if running or self.id != "#0":  # one that was never part of a run has nobody to tell
            self.post((EMIT, None, events))
        if not running:
            require_running(self, f"emit {len(events)} events")

    def after(self, seconds: float, message: Any) -> Timer:
        """Send this stage a message in so many `seconds` of run time, 0 or more: its `handle_cast` gets it.

        Erlang's `Process.send_after`. The timer that is returned can be cancelled. It ends with the stage, and no drain
        waits for it; a drain cancels those of a producer, as they are its way to look for events. Raises NotFoundError
        if the stage does not run, SettingError for another number of seconds.
        """
        require_running(self, "be told something later")
        timer: Timer = self.system.timers.add(self, seconds, (CAST, None, message))
        return timer

    def post(self, message: Message) -> None:
        """Put a message into the mailbox. One to a stage that does not run is answered for it, or lost."""
        post(self, message)
        if self.running:
            self.system.pump.wake()

    async def end(self, reason: Reason = "shutdown") -> None:
        """Stop after the callback that runs now; cancel it after `patience` seconds."""
        if not self.running:
            return
        self.__stop_first(reason)
        with anyio.move_on_after(self.patience) as scope:
            await self.wait()
        if scope.cancelled_caught:
            self.__reason = reason
            if self.__scope is not None:
                self.__scope.cancel()
            await self.wait()

    def kill(self) -> None:
        """Stop in the middle of whatever runs, as a crash does: the reason is "killed"."""
        if not self.running:
            return
        self.__stop_first("killed")
        if self.__scope is not None:
            self.__reason = "killed"
            self.__scope.cancel()

    def stop(self, reason: Reason = "normal") -> None:
        """End this stage of itself, once the messages that are in its mailbox now are done."""
        self.post((STOP, None, reason))

    # ---- its mailbox

    def __stop_first(self, reason: Reason) -> None:
        """Stop before all that waits in the mailbox."""
        self.post((STOP, None, reason))
        self._mailbox.messages.rotate(1)  # the last is the first now

    def __stop(self, about: None, reason: Reason) -> None:
        raise Stopped(reason)

    def __do(self, about: None, function: Callable[[], None]) -> None:
        function()

    def __flush(self, about: None, what: None) -> None:
        del self._mailbox.on[DRAIN]  # once
        core = self.__core
        self.__port.call("handle_drain", None, lambda result: core.emit(core.given("handle_drain", result)))
        core.settle()

    def __wake(self, mailbox: Mailbox) -> None:
        """A message has come, and the task waits for one."""
        self.__awake.set()

    async def __task(self) -> None:
        """Take messages until one says stop or a callback crashes."""
        assert self.__scope is not None, "only such a stage has a task"
        act_as(self)
        with self.__scope:
            try:
                await self.__serve()
            except Exception as error:
                self.__reason = error.reason if isinstance(error, Stopped) else error
            finally:
                await self.__finish()
        await self.__finish()  # if the scope was cancelled before the first step, it did not get there

    async def __serve(self) -> None:
        """Take messages, and go on with them after a drain has cut a callback short."""
        port, then = self.__port, None
        while True:
            with anyio.CancelScope() as self.__cut:
                await self.__take(then)
            port.cut, then = False, None if port.awaiting is None else self.__then

    async def __take(self, then: Then | None) -> None:
        """Take messages, until a drain cuts one short. First, `then` goes on after a callback that was cut short."""
        system, mailbox, port, core = self.system, self._mailbox, self.__port, self.__core
        pump, order = system.pump, system.order
        messages, on, observer = mailbox.messages, mailbox.on, system.observer
        while True:
            while messages or then is not None:
                if then is not None:
                    port.awaiting = None
                    then(None)
                    core.settle()
                    then = None
                else:
                    if pump.holds:
                        await pump.pass_holds()
                    if order is not None:
                        await order.turn(mailbox)
                    kind, about, what = message = self.__serving = messages.popleft()
                    if observer is not None:
                        observer.turns()
                        observer.took(self, message)
                    on[kind](about, what)
                while port.waiting is not None:
                    (awaitable, self.__then), port.waiting = port.waiting, None
                    result = await awaitable
                    port.awaiting = None
                    self.__then(result)
                    core.settle()
                if observer is not None:
                    observer.settled(self)
                self.__serving = None
                if port.cut:
                    return
            self.__awake = anyio.Event()
            mailbox.idle = True
            if pump.max_turns is not None:
                pump.turned(self)
            if system.idling is not None:
                system.look_idle()
            await self.__awake.wait()

    # ---- its end

    def __leave(self, error: BaseException, message: Message | None) -> None:
        """End a stage without a task, after `error`, which came over `message`."""
        if isinstance(error, Exception):
            self.__reason = error.reason if isinstance(error, Stopped) else error
        self.__serving = message
        try:
            result = self.__terminate(self.__reason)
            if inspect.isawaitable(result):
                refuse_to_await("terminate", result)
        except Exception as error:
            self.__reason = error
        self.__say_farewell()

    async def __finish(self) -> None:
        """Clean up, and say farewell."""
        if not self.running:
            return
        try:
            with anyio.CancelScope(shield=True), anyio.move_on_after(self.patience):
                result = self.__terminate(self.__reason)
                if inspect.isawaitable(result):
                    await result
        except Exception as error:
            self.__reason = error
        self.__say_farewell()

    def __say_farewell(self) -> None:
        """Tell the peers that this stage is gone, and the system what was lost."""
        mailbox = self._mailbox
        mailbox.idle = False
        failures = self.__port.failures = []  # an observer's are a crash, but the stage ends as it should
        lost: list[Any] = self.__core.in_hand()
        if self.__serving is not None:
            self.__refuse(self.__serving, self.__reason)  # its events, if any, are in the machine's hand
        while mailbox.messages:
            lost += self.__refuse(mailbox.messages.popleft(), self.__reason)
        for request in list(self.__port.requests):
            request.fail(self.__no_answer(self.__reason))
        self.__core.farewell(self.__reason)
        try:
            self.system.lose(self, lost, f"{self.label} has ended: {describe(self.__reason)}")
            self.__losses.close()
        except Exception as error:
            failures.append(error)
        mailbox.rouse, mailbox.idle = self.__refuse_all, True
        self.exited(failures[0] if failures else self.__reason)

    def __refuse_all(self, mailbox: Mailbox) -> None:
        """Answer what comes to a stage that does not run; events in it are lost."""
        while mailbox.messages:
            if lost := self.__refuse(mailbox.messages.popleft(), "not running"):
                self.system.lose(self, lost, f"{self.label} was not running")
        mailbox.idle = True

    def __no_answer(self, reason: Reason) -> NotFoundError:
        error = NotFoundError(f"expected {title_of(self)} to answer, but it has ended: {describe(reason)}")
        error.__cause__ = reason if isinstance(reason, BaseException) else None
        return error

    def __refuse(self, message: Message, reason: Reason) -> list[Any]:
        """Answer a message that nobody will serve. Returns the events in it: they are lost."""
        kind, about, what = message
        if kind == SUBSCRIBE:
            about.consumer.post((DOWN, about, reason))
        elif kind == CALL:
            about.fail(self.__no_answer(reason))
        elif kind == CAST:
            self.system.refuse(what)
        return list(what) if kind in (EVENTS, EMIT) else []


def do(stage: Stage, function: Callable[[], None]) -> None:
    """Let a stage do something with its machine, when it is this message's turn."""
    stage.post((DO, None, function))


@cache
def own_methods(kind: Any) -> frozenset[str]:
    """The names of a stage's methods that are Palleto's own and no callbacks."""
    bases = [base for base in kind.__mro__ if base.__module__.startswith("palleto.runtime.")]
    names = {name for base in bases for name, thing in vars(base).items() if callable(thing) or name == "from_iterable"}
    return frozenset(name for name in names if "__" not in name) - USERS
