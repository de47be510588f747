"""A rate: at most so many events an interval go out of a producer. It stands around the producer's own dispatcher.

To the machine it is a dispatcher that wants no more than the rate allows. So demand beyond that is not told to
`handle_demand`, and events that come unasked wait in the buffer: the rules of demand and of the buffer are the core's.
Broadway's `rate_limiting` works in such intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from palleto.core import Dispatcher, Events, Subscription, whole
from palleto.core.dispatch import Send
from palleto.errors import SettingError
from palleto.runtime.timers import Timer


class RatedDispatcher(Dispatcher):
    """A dispatcher that sends at most `allowed` events in `interval` seconds.

    An interval begins with the first event that is sent in it; so nothing is timed while nothing is sent.

    inner: the dispatcher that says who gets the events.
    later: calls a function in so many seconds.
    over:  what is to be done when an interval is over.
    """

    def __init__(
        self, inner: Dispatcher, later: Callable[[float, Callable[[], None]], Timer], over: Callable[[], None]
    ) -> None:
        self.inner = inner
        self._later, self._over = later, over
        self._allowed, self._interval = 1, 1.0
        self._sent = 0  # in this interval
        self._timer: Timer | None = None  # until its end

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._allowed} in {self._interval:g} s, {self.left} left: {self.inner!r}>"

    @property
    def left(self) -> int:
        """How many more may be sent in this interval."""
        return max(0, self._allowed - self._sent)

    @property
    def outstanding(self) -> dict[Subscription, int]:  # type: ignore[override]  # mypy: the other's is no property
        """The inner one's."""
        return self.inner.outstanding

    @property
    def demand(self) -> int:  # type: ignore[override]
        """The inner one's, as far as the rate allows."""
        return min(self.inner.demand, self.left)

    @property
    def wanted(self) -> int:
        return self.inner.wanted

    @property
    def held(self) -> list[Any]:
        return self.inner.held

    def subscribe(self, subscription: Subscription) -> None:
        self.inner.subscribe(subscription)

    def cancel(self, subscription: Subscription) -> None:
        self.inner.cancel(subscription)

    def ask(self, subscription: Subscription, count: int, send: Send) -> None:
        self.inner.ask(subscription, count, send)

    def dispatch(self, events: Events, send: Send) -> Events:
        left = self.left
        now, later = events[:left], events[left:]
        rest = self.inner.dispatch(now, send) if now else now
        if len(rest) < len(now):
            self._sent += len(now) - len(rest)
            if self._timer is None:
                self._timer = self._later(self._interval, self._renew)
        return [*rest, *later]

    def set(self, allowed: int, interval: float) -> None:
        """Take another rate, at once: what was sent in the interval that goes on counts."""
        if self._timer is not None:
            left = interval - (self._interval - self._timer.left)
            self._timer.cancel()
            if left > 0:
                self._timer = self._later(left, self._renew)
            else:
                self._timer, self._sent = None, 0
        self._allowed, self._interval = allowed, interval

    def end(self) -> None:
        """Time nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _renew(self) -> None:
        if self._timer is not None and self._timer.active:
            return  # of an interval that was made longer when it was over, but for the stage to hear of it
        self._timer, self._sent = None, 0
        self._over()


def require_rate(allowed: object, interval: object) -> None:
    """Hold a rate to what it may be. Raises DemandError and SettingError."""
    if allowed is not None:
        whole("allowed", allowed, 1)
    if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval < math.inf:
        raise SettingError(f"expected the interval to be a number of seconds above 0, got: {interval!r:.60}")
