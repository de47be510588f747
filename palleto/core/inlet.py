"""The consuming side of a stage: the windows of its own subscriptions, and what their ends mean to it."""

from __future__ import annotations

from typing import Any

from palleto.core.demand import Terms, Window
from palleto.core.messages import Ask, Call, Cancel, Down, Effect, Reason, Send, Stop, Subscribe, Subscription
from palleto.errors import DemandError, ReturnError

NORMAL = ("normal", "shutdown")
"""The reasons that are not a crash."""


class Inlet:
    """The consuming side: the windows of this stage's own subscriptions."""

    def __init__(self) -> None:
        self.windows: dict[Subscription, Window] = {}

    def subscribe(self, subscription: Subscription) -> list[Effect]:
        """Begin a subscription: first the stage's own `handle_subscribe` hears of it."""
        return [Call("handle_subscribe", ("producer", subscription), subscription)]

    def subscribed(self, subscription: Subscription, mode: Any) -> list[Effect]:
        """Subscribe and ask for the first events, as `handle_subscribe` said: "manual", "automatic" or None."""
        if mode not in (None, "automatic", "manual"):
            raise ReturnError(f"expected handle_subscribe to return automatic, manual or None, got: {mode!r}")
        window = self.windows[subscription] = Window(subscription.terms)
        window.manual = window.manual or mode == "manual"
        effects: list[Effect] = [Send(subscription.producer, Subscribe(subscription))]
        if first := window.open():
            effects.append(Send(subscription.producer, Ask(subscription, first)))
        return effects

    def ask(self, subscription: Subscription, count: int) -> list[Effect]:
        """Ask by hand. Raises DemandError for a count below 1 or a subscription that is not open here."""
        if subscription not in self.windows:
            raise DemandError(f"expected a subscription of this stage, got: {subscription!r}")
        return [Send(subscription.producer, Ask(subscription, self.windows[subscription].ask(count)))]

    def resize(self, terms: Terms) -> list[Effect]:
        """Give all windows other numbers; those that have fallen to their `min_demand` ask at once."""
        asks = [(at, window.resize(terms)) for at, window in self.windows.items()]
        return [Send(at.producer, Ask(at, count)) for at, count in asks if count]

    def farewell(self, reason: Reason) -> list[Effect]:
        """Tell every producer that this stage is gone."""
        return [Send(at.producer, Down(at, reason)) for at in self.windows]

    def ended(self, message: Cancel | Down) -> list[Effect]:
        """The window closes; what that means to the stage is for its terms to say."""
        if self.windows.pop(message.subscription, None) is None:
            return []
        kind = "cancel" if isinstance(message, Cancel) else "down"
        call = Call("handle_cancel", ((kind, message.reason), message.subscription), message)
        mode = message.subscription.terms.cancel
        if mode == "permanent" or (mode == "transient" and message.reason not in NORMAL):
            return [call, Stop(message.reason)]
        return [call]
