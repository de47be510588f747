"""The task of a stage with an async callback. Only that stage waits while the callback awaits.

The pump gives such a stage turns like any other, and its task rests: until a callback waits, which the task takes over
where it stands (eager.py), going on with the mailbox until that is empty. A backend that does not allow this has the
task do it all.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable
from typing import Any, ClassVar

import anyio

from palleto.core import Call, Effect
from palleto.runtime.eager import Eager, Standing, eager
from palleto.runtime.express import CLEAR, express
from palleto.runtime.mailbox import Stopped
from palleto.runtime.runner import Runner
from palleto.runtime.system import _actor


class Tasked(Runner):
    """A runner that has a task of its own if one of its callbacks is async."""

    patience: ClassVar[float]
    _asynchronous = False
    _eager: Eager | None = None
    _handed: tuple[Call, Awaitable[Any], deque[Effect]] | BaseException | None = None
    """What the task is to take over: a call that waits, and what is to be done after it; or why the stage ends."""

    _scope: anyio.CancelScope

    def _begin(self) -> None:
        self._asynchronous = any(inspect.iscoroutinefunction(callback) for callback in self._bound.values())
        if self._asynchronous:
            self._scope = anyio.CancelScope()
            self.system.tasks.start_soon(self._task, name=self.label)
        else:
            super()._begin()

    # ---- in a turn

    def _await(self, call: Call, result: Awaitable[Any], effects: deque[Effect]) -> bool:
        if self._eager is None:
            return super()._await(call, result, effects)
        value = self._eager.step(result) if inspect.iscoroutine(result) else result
        if not inspect.isawaitable(value):
            self._returned(call, value, effects)
            return False
        self._hand_over((call, value, effects))
        return True

    def _leave(self, error: BaseException) -> None:
        if self._eager is None:
            super()._leave(error)
        else:
            self._hand_over(error)

    def _hand_over(self, what: tuple[Call, Awaitable[Any], deque[Effect]] | BaseException) -> None:
        """Wake the task, to go on from here."""
        self._handed, self._mailbox.elsewhere = what, True
        assert self._eager is not None, "its task rests"
        self._eager.wake()

    # ---- in its task

    async def _task(self) -> None:
        """Take messages until one says stop or a callback crashes."""
        _actor.set(self)
        with self._scope:
            try:
                await self._serve()
            except Stopped as stopped:
                self._reason = stopped.reason
            except Exception as error:
                self._reason = error
            finally:
                await self._finish()
        await self._finish()  # if the scope was cancelled before the first step, it did not get there

    async def _serve(self) -> None:
        mailbox, system = self._mailbox, self.system
        messages, offer = mailbox.messages, mailbox.express.offer
        mailbox.elsewhere, self._eager = True, eager(self._absent)
        if self._eager is not None:  # for turns; not for this task
            firsts = {name: self._eager.first(callback) for name, callback in self._bound.items()}
            fast = express if system.recorder is None else system.recorder.express
            mailbox.use(fast(self.core, self, firsts))
        while True:
            while messages:
                if system.gate is not None:
                    await system.pass_gate()
                message: Any = messages.popleft()
                if system.recorder is not None:
                    system.recorder.turns()
                rest = offer(message)
                if rest is None:
                    continue
                effects, call, result = self._decide(message) if rest is CLEAR else rest
                while pending := self._carry_out(effects, call, result):
                    self._returned(pending[0], await pending[1], effects)
                    call = None
            if self._eager is None:
                mailbox.wake = anyio.Event()
                system.look_idle()
                await mailbox.wake.wait()
                mailbox.wake = None
            else:
                mailbox.idle = True
                system.look_idle()
                await self._rest(self._eager)

    async def _rest(self, eager: Eager) -> None:
        """Leave the mailbox to the pump's turns, until one hands over."""
        self._handed, self._mailbox.elsewhere, error = None, False, None
        try:
            await eager.rest()
        except BaseException as thrown:  # cancelled; maybe there is a callback by now that must hear of it
            if self._handed is None:
                raise
            error = thrown
        finally:
            self._absent()
        if isinstance(self._handed, BaseException):
            raise self._handed
        assert self._handed is not None, "woken to take over"
        call, result, effects = self._handed
        if error is not None and isinstance(result, Standing):
            result.throw(error)
        self._returned(call, await result, effects)
        while pending := self._carry_out(effects, None, None):
            self._returned(pending[0], await pending[1], effects)

    def _absent(self) -> None:
        """Turns are none from now on."""
        self._mailbox.elsewhere, self._mailbox.idle = True, False

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
