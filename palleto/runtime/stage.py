"""A stage, as its user sees it: the callbacks to write, and its life: to end it, to stop it, to kill it."""

from __future__ import annotations

from typing import Any, ClassVar

import anyio

from palleto.core import Reason, Stop, Subscription
from palleto.runtime.tasked import Tasked


class Stage(Tasked):
    """What the three kinds share. Callbacks may be plain or `async`; state lives on `self`; `init` is plain."""

    patience: ClassVar[float] = 5.0
    """Seconds that a stage may take to finish its callback when it is asked to stop, before it is cancelled."""

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

    async def end(self, reason: Reason = "shutdown") -> None:
        """Stop after the callback that runs now; cancel it after `patience` seconds."""
        if not self.running:
            return
        self._stop_first(reason)
        with anyio.move_on_after(self.patience) as scope:
            await self.wait()
        if scope.cancelled_caught:
            self._reason = reason
            if self._asynchronous:
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
        self._mailbox.messages.appendleft(Stop(reason))
        self._mailbox.rouse()

    def stop(self, reason: Reason = "normal") -> None:
        """End this stage of itself, once the messages that are in its mailbox now are done."""
        self.post(lambda: [Stop(reason)])
