"""The law of the ledger, checked while a run goes on."""

from __future__ import annotations

import re

import pytest
from stage_members import idle, of
from traced import Numbers, Quiet, Sink, recorded, told

from palleto import BroadcastDispatcher, LawError, Recorder, System, cast, running, whereis
from palleto.core import EVENTS, Ledger, ProducerCore, Subscription
from palleto.trace.law import Law


class Generous(ProducerCore):
    """Sends one event more than was asked for."""

    def __init__(self, port):
        super().__init__(port)
        self.send = self.send_more

    def send_more(self, to, message):
        kind, subscription, what = message
        self.port.send(to, (kind, subscription, [*what, "one more"]) if kind == EVENTS else message)


class Forgetful(ProducerCore):
    """Forgets one event of the demand that it has told."""

    def settle(self):
        super().settle()
        if self.dispatcher.demand:
            self.remembered -= 1


@pytest.mark.parametrize(
    ("core", "says"),
    [
        (Generous, r"was sent more events than it had asked for: 1"),
        (Forgetful, r"numbers remembers demand for 0 events, 1 are wanted, 0 are in its buffer, and 0 were cancelled"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
async def test_a_broken_core_is_found_out(core, says, strict):
    class Broken(Numbers):
        def handle_demand(self, demand):
            return ["only one"] if core is not Generous else ["one", "two"]

        def _make_core(self, port):
            return core(port)

    recorder, reported = Recorder(strict=strict), []

    sink = Sink("numbers", cancel="temporary", manual=True)
    async with running(of(Broken(), sink), recorder=recorder, say=print, report=reported.append):
        sink.ask(sink.subscription, 2)
        await idle()
        assert ("numbers" in System.current().names) == (not strict)
    assert recorder.broken is not None
    (law,) = [event for event in recorder.events if event.kind == "law"]
    assert law.data["text"] == recorder.broken
    breaking = recorder.events[law.data["seq"]]  # the first event that breaks the law, and it alone
    assert (breaking.stage, breaking.kind, law.seq > breaking.seq) == ("numbers", "ask", True)
    if strict:
        assert reported == [f"Broken numbers crashed: {LawError.__name__}: {recorder.broken}"]
    assert re.search(says, recorder.broken)


async def test_the_law_allows_for_what_was_cancelled_or_joined():
    """Demand that was told stays remembered where its consumer goes, or where a slower one joins a broadcast."""

    class Wide(Quiet):
        dispatcher = BroadcastDispatcher

    first, second = Sink(max_demand=100), Sink(name="second", max_demand=3)
    async with recorded(Wide(), first, second) as recorder:
        cast("quiet", [1])
        await first.end()
        await told("quiet", [2])
        await second.end()
        await idle()
        assert whereis("quiet").running
    assert recorder.broken is None


@pytest.mark.parametrize(
    ("before", "after", "excess", "lawful"),
    [
        (5, 3, 2, True),  # who joined has taken back two that were told
        (5, 3, 3, False),
        (3, 5, 0, True),  # who joined brought demand of its own: nothing more, and nothing less, is allowed
        (3, 5, 1, False),
    ],
)
def test_what_a_join_allows(before, after, excess, lawful):
    law, producer = Law(), Numbers()
    law.joined(producer, Ledger(demand=before), Ledger(demand=after))
    told = law.settled(producer, Ledger(remembered=after + excess, demand=after))
    assert (told is None) == lawful
    assert law.broken == told


def test_what_a_cancellation_allows():
    law, producer, (first, second) = Law(), Numbers(), [Subscription("producer", "consumer") for _ in range(2)]
    for subscription, count in ((first, 4), (second, 2)):
        law.opened(subscription)
        law.asked(subscription, count)
    law.sent(producer, first, 1)
    law.closed(producer, first)
    assert law.settled(producer, Ledger(remembered=5, demand=2)) is None
    law.closed(producer, first)  # a second time: nothing more
    assert law.outstanding == {second: 2}
    assert "6 events, 2 are wanted, 0 are in its buffer, and 3 were cancelled" in law.settled(producer, Ledger(6, 2))
    assert law.settled(producer, Ledger(7, 2)) is None  # it is told once
    assert law.broken.startswith("numbers remembers demand for 6")


def test_less_than_is_wanted_breaks_the_law_and_what_is_buffered_is_not_wanted():
    assert Law().settled(Numbers(), Ledger(remembered=1, demand=3, buffered=1)) is not None
    assert Law().settled(Numbers(), Ledger(remembered=2, demand=3, buffered=1)) is None
    assert Law().settled(Numbers(), Ledger(remembered=0, demand=3, buffered=5)) is None
    assert Law().settled(Numbers(), None) is None


def test_more_than_was_asked_for_breaks_the_law_until_the_stage_is_forgotten():
    law, producer, subscription = Law(), Numbers(), Subscription("producer", "consumer")
    law.opened(subscription)
    law.asked(subscription, 1)
    law.sent(producer, subscription, 1)
    assert law.settled(producer, None) is None
    law.sent(producer, subscription, 2)
    assert "sent more events than it had asked for: 2" in law.settled(producer, None)
    law.broken = None
    law.forget(producer)
    assert law.settled(producer, Ledger()) is None
