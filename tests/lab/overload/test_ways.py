"""Four ways to meet too many files: what each holds, drops and delays, and that its account adds up."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from overloaded import played

from palleto import Consumer, Supervisor, Trace, child
from palleto.lab import evidence
from palleto.lab.overload import Account, Accounts, Bucket, bounded, demand, shedding, slow_step, unbounded
from palleto.lab.overload.ways import source

WAYS = {"unbounded": unbounded, "bounded": bounded, "shedding": shedding, "demand": demand}
PACE = 10
"""Files a second that the slow step does."""

backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])
arrivals = st.fixed_dictionaries(
    {"rate": st.integers(1, 60), "seconds": st.integers(0, 6), "room": st.none() | st.integers(1, 40)}
)


def whole(trace: Trace) -> Trace:
    """The trace up to the moment at which its run was stopped."""
    return trace.until(evidence.first(trace, kind="drain"))


def ids(trace: Trace, kind: str) -> list[str]:
    return [name for event in trace if event.kind == kind for name in event.ids]


@backends
@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(arrivals=arrivals, seconds=st.floats(0, 9), seed=st.integers(0, 99))
def test_sent_is_waiting_held_done_dropped_and_missed(
    way: str, backend: str, arrivals: dict[str, Any], seconds: float, seed: int
):
    trace = whole(played(partial(WAYS[way], **arrivals), seconds, backend, seed))
    account = Account.of(trace)
    sent, taken, done = ids(trace, "sent"), ids(trace, "download"), ids(trace, "written")
    gone = {*ids(trace, "dropped")}
    assert account.sent == len(sent) == len({*sent})
    assert account.places["done"] == len(done) == len({*done}), "none is done twice"
    assert account.places["dropped"] == len(gone & {*taken})
    assert account.places["missed"] == len(gone - {*taken})
    assert account.places["held"] == len({*taken} - gone - {*done})
    assert account.places["waiting"] == len({*sent} - {*taken} - gone)
    sizes = {name: event.data["bytes"] for event in evidence.every(trace, kind="download") for name in event.ids}
    assert account.bytes == sum(sizes[name] for name in {*taken} - gone - {*done})
    assert done == sorted(done), "in the order of their arrival"
    if way != "shedding":
        assert account.places["dropped"] == 0
    if arrivals["room"] is None or way in ("unbounded", "shedding"):
        assert account.places["missed"] == 0


@backends
@settings(max_examples=15)
@given(arrivals=arrivals, most=st.integers(1, 30), least=st.integers(0, 29))
def test_demand_never_holds_more_than_was_asked_for(backend: str, arrivals: dict[str, Any], most: int, least: int):
    class Asking(Consumer[Any]):
        def init(self) -> None:
            self.subscribe("Source", max_demand=most, min_demand=min(least, most - 1))

        async def handle_events(self, files: list[Any]) -> None:
            for file in files:
                await slow_step(file)

    trace = played(lambda: Supervisor([child(Bucket, **arrivals), child(source), child(Asking)]), 9, backend)
    asked = taken = 0
    for event in whole(trace):
        asked += event.data.get("count", 0) if event.kind == "ask" else 0
        taken += event.kind == "download"
        assert taken <= asked
    assert Account.of(trace).most["held"] <= most


@backends
@settings(max_examples=6)
@given(rate=st.integers(1, 40), seconds=st.integers(1, 4))
def test_what_waits_elsewhere_is_done_no_later(backend: str, rate: int, seconds: int):
    end = 1 + seconds + rate * seconds / PACE
    ends = [Account.of(played(partial(way, rate, seconds), end, backend)).ends for way in (unbounded, bounded, demand)]
    assert len(ends[0]) == rate * seconds
    assert ends[1] == pytest.approx(ends[0])
    assert ends[2] == pytest.approx(ends[0])


@pytest.mark.parametrize("rate", [5, 30])
def test_what_each_holds_at_most(rate: int):
    most = {name: Account.of(played(partial(way, rate, 12), 12)).most for name, way in WAYS.items()}
    excess = max(0, rate - PACE) * 12
    assert most["unbounded"]["held"] == pytest.approx(excess, abs=3)
    assert most["bounded"]["held"] <= 52  # what its two tasks have in hand has left the queue, or is not in it yet
    assert most["shedding"]["held"] <= 60
    assert most["demand"]["held"] <= 10
    assert most["demand"]["waiting"] == pytest.approx(excess, abs=10)  # what is held waits no longer there
    assert most["unbounded"]["waiting"] == most["shedding"]["waiting"] == 0


@pytest.mark.parametrize(("rate", "dropped"), [(11, False), (20, True)])
def test_shedding_drops_only_what_has_no_room(rate: int, dropped: bool):
    account = Account.of(played(partial(shedding, rate, 20), 20))
    assert (account.places["dropped"] > 0) is dropped
    assert max(account.in_hand) < 6.5, "what is done is young"


def test_the_table_of_several_runs():
    runs = {name: played(partial(way, 20, 5), 5) for name, way in WAYS.items()}
    rows = repr(Accounts(runs)).splitlines()
    assert [row.split()[:2] for row in rows[1:]] == [[name, "100"] for name in WAYS]
    assert Accounts(runs)._repr_html_().count("<tr>") == 5
    assert "nan" not in repr(Accounts({"nothing yet": played(unbounded, 0)}))
