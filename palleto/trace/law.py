"""The law of the ledger: nobody is sent more than it asked for, and a producer remembers exactly what it owes.

    a producer's remembered demand  =  outstanding demand of its subscriptions  -  events buffered or on their way

Demand that was told and whose consumer went away stays remembered, for whoever asks next: so much more is allowed.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from palleto.core import Ledger, Subscription
from palleto.errors import PalletoError

Accounts: TypeAlias = tuple[int, int, int, int]


class LawError(PalletoError):
    """The accounts of demand and events do not add up."""


class Law:
    """The accounts of a run, and what they must add up to. It is told of facts, in their order.

    outstanding: of each subscription, what was asked and has not been sent, as its producer has seen it.
    broken:      the first thing that did not add up, in one line; None if all has.
    """

    def __init__(self) -> None:
        self.outstanding: dict[Subscription, int] = {}
        self.broken: str | None = None
        self._cancelled: dict[Any, int] = {}
        self._unasked: dict[Any, str] = {}

    def opened(self, subscription: Subscription) -> None:
        """A producer takes a subscription in."""
        self.outstanding.setdefault(subscription, 0)

    def closed(self, producer: Any, subscription: Subscription) -> None:
        """A subscription ended: what it was owed may stay remembered."""
        self._allow(producer, self.outstanding.pop(subscription, 0))

    def asked(self, subscription: Subscription, count: int) -> None:
        """A producer took an ask."""
        self.outstanding[subscription] = self.outstanding.get(subscription, 0) + count

    def sent(self, producer: Any, subscription: Subscription, count: int) -> None:
        """A producer sends events."""
        left = self.outstanding[subscription] = self.outstanding.get(subscription, 0) - count
        if left < 0:
            self._unasked[producer] = f"{subscription} was sent more events than it had asked for: {-left}"

    def joined(self, producer: Any, before: Accounts | None, after: Accounts | None) -> None:
        """Somebody subscribed, and these were the accounts before and after it.

        A broadcast goes as fast as its slowest: who joins it takes back what it had told already.
        """
        if before is not None and after is not None:
            self._allow(producer, max(0, Ledger(*before).demand - Ledger(*after).demand))

    def _allow(self, producer: Any, count: int) -> None:
        self._cancelled[producer] = self._cancelled.get(producer, 0) + count

    def settled(self, stage: Any, accounts: Accounts | None) -> str | None:
        """What breaks the law at this stage, in one line; None if it holds, or was broken before.

        accounts: its ledger, after a message; None of a stage that owes nothing, or holds its demand back.
        """
        wrong = self._unasked.get(stage)
        if wrong is None and accounts is not None:
            ledger = Ledger(*accounts)
            excess, allowed = ledger.remembered - max(0, ledger.demand - ledger.buffered), self._cancelled.get(stage, 0)
            if not 0 <= excess <= allowed:
                wrong = (
                    f"{stage.label} remembers demand for {ledger.remembered} events, {ledger.demand} are wanted, "
                    f"{ledger.buffered} are in its buffer, and {allowed} were cancelled"
                )
        if wrong is None or self.broken is not None:
            return None
        self.broken = wrong
        return wrong

    def forget(self, stage: Any) -> None:
        """Keep nothing of a stage that has ended."""
        self._cancelled.pop(stage, None)
        self._unasked.pop(stage, None)
