"""The law of the ledger: nobody is sent more than it asked for, and a producer remembers exactly what it owes.

    a producer's remembered demand  =  outstanding demand of its subscriptions  -  events buffered or on their way

Demand that was told and whose consumer went away stays remembered, for whoever asks next: so much more is allowed.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from palleto.core import Ask, Events, ProducerCore, Subscription
from palleto.errors import PalletoError
from palleto.trace.turn import Turn

if TYPE_CHECKING:
    from palleto.runtime.runner import Runner as Stage

__all__ = ["Account", "Law", "LawError"]


class LawError(PalletoError):
    """The accounts of demand and events do not add up."""


class Account:
    """One subscription as its producer has seen it: what was asked and has not been delivered.

    The last batch that was sent in the clear form, and what a tape keeps of it, are noted here until the consumer has
    taken it, and up to eight before it: the consumer will tell of the same. So is the turn in which the express served
    it last: the next is most likely the same.
    """

    __slots__ = ("ask", "batch", "ids", "older", "outstanding", "served")

    def __init__(self) -> None:
        self.outstanding = 0
        self.ask: Ask | None = None
        self.served: Turn | None = None
        """The turn that `ask` led to."""
        self.batch: Any = None
        self.ids: Any = None
        self.older: deque[tuple[Any, Any]] = deque(maxlen=8)

    def note(self, batch: Any, ids: Any) -> None:
        """A batch is sent."""
        if self.batch is not None:
            self.older.append((self.batch, self.ids))
        self.batch, self.ids = batch, ids


class Law:
    """The accounts of a run, by subscription, and what they must add up to."""

    def __init__(self) -> None:
        self.accounts: dict[Subscription, Account] = {}
        self._cancelled: dict[Stage, int] = {}
        self._unasked: dict[Stage, str] = {}

    def opened(self, subscription: Subscription) -> Account:
        """The account of a subscription."""
        account = self.accounts.get(subscription)
        if account is None:
            account = self.accounts[subscription] = Account()
        return account

    def closed(self, producer: Stage, subscription: Subscription) -> None:
        """A subscription ended: what it was owed may stay remembered."""
        if subscription in self.accounts:
            self._allow(producer, self.accounts.pop(subscription).outstanding)

    def asked(self, message: Ask) -> None:
        """A producer took an ask."""
        self.opened(message.subscription).outstanding += message.count

    def sent(self, producer: Stage, message: Events) -> Account:
        """A producer sends events. Returns the account of their subscription."""
        account = self.opened(message.subscription)
        account.outstanding -= len(message.events)
        if account.outstanding < 0:
            too_many = -account.outstanding
            self._unasked[producer] = f"{message.subscription} was sent more events than it had asked for: {too_many}"
        return account

    def joined(self, producer: Stage, demand: int) -> None:
        """Somebody subscribed; the demand was so much before.

        A broadcast goes as fast as its slowest: who joins it takes back what it had told already.
        """
        self._allow(producer, max(0, demand - producer.core.ledger().demand))

    def _allow(self, producer: Stage, count: int) -> None:
        self._cancelled[producer] = self._cancelled.get(producer, 0) + count

    def check(self, stage: Stage) -> str | None:
        """What breaks the law at this stage, in one line; None if it holds."""
        core = stage.core
        if stage in self._unasked:
            return self._unasked[stage]
        if not isinstance(core, ProducerCore) or not core.forwarding:
            return None
        ledger = core.ledger()
        excess = ledger.remembered - max(0, ledger.demand - ledger.buffered)
        if not 0 <= excess <= self._cancelled.get(stage, 0):
            return (
                f"{stage.label} remembers demand for {ledger.remembered} events, {ledger.demand} are wanted, "
                f"{ledger.buffered} are in its buffer, and {self._cancelled.get(stage, 0)} were cancelled"
            )
        return None

    def forget(self, stage: Stage) -> None:
        """Keep nothing of a stage that has ended."""
        self._cancelled.pop(stage, None)
        self._unasked.pop(stage, None)
