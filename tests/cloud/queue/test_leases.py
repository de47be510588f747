"""The messages in hand: taken, finished, reported, given back."""

from __future__ import annotations

import anyio
import pytest
from lease_bench import TIMEOUT, Bench, Download

from palleto import BadFile, CloudError


@pytest.mark.parametrize("beside", [False])
async def test_take_and_finish(bench: Bench) -> None:
    leases = bench.leases
    assert leases.idle
    a, b = await bench.receive("a", "b")
    assert repr(leases) == "<Leases 2 messages in hand>"
    assert not leases.idle
    await bench.release([a])
    assert bench.depth == (0, 1, 2, 0)
    assert list(leases.held) == [b.receipt_handle]
    await bench.release([b])
    assert bench.depth == (0, 0, 3, 0)
    assert leases.idle
    assert bench.said == []


async def test_a_message_without_events_is_deleted(bench: Bench) -> None:
    assert await bench.receive("none") == []
    await anyio.sleep(0.1)
    assert bench.depth == (0, 0, 2, 0)
    assert bench.leases.idle


@pytest.mark.parametrize("take", [True, False])
@pytest.mark.parametrize("body", ["bad", "oops"])
async def test_a_bad_message_is_one_line_and_costs_no_other(bench: Bench, take: bool, body: str) -> None:
    events = await bench.receive(body, "good", take=take)
    assert [event.name for event in events] == ["good"]
    await bench.receive(take=take)
    await anyio.sleep(4 * TIMEOUT)
    await bench.receive(take=take)
    (line,) = bench.said
    assert line.isprintable()
    assert line.startswith("cannot process message ")
    if take:  # back at once, three times
        assert bench.depth[3] == 1
        assert len(bench.leases.held) == 1


@pytest.mark.parametrize("beside", [False])
async def test_a_message_of_two_parts_waits_for_both(bench: Bench) -> None:
    a, b = await bench.receive("a b")
    assert bench.leases.finish([a]) == []
    assert bench.depth == (0, 1, 1, 0)
    assert bench.leases.finish([b]) == [a.receipt_handle]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("beside", [False])
async def test_one_bad_part_keeps_the_message_from_being_deleted(bench: Bench, first: bool) -> None:
    good, bad = await bench.receive("a b")
    if first:
        bench.leases.reject(bad, BadFile("not gzip"))
        await bench.leases.flush()
        assert bench.depth == (0, 1, 1, 0)  # the other is still in work
        assert bench.leases.finish([good]) == []
    else:
        assert bench.leases.finish([good]) == []
        bench.leases.reject(bad, BadFile("not gzip"))
    await bench.leases.flush()
    assert bench.depth == (1, 0, 1, 0)
    assert bench.leases.idle
    assert bench.said == ["cannot process b: not gzip; it is left to the queue's redelivery and dead-letter queue"]


@pytest.mark.parametrize("beside", [False])
async def test_two_bad_parts_are_one_report(bench: Bench) -> None:
    for event in await bench.receive("a b"):
        bench.leases.reject(event, BadFile("not gzip"))
    await bench.leases.flush()
    assert bench.depth == (1, 0, 1, 0)
    assert len(bench.said) == 1


@pytest.mark.parametrize(("code", "visible"), [("NoSuchKey", 1), ("SlowDown", 0)])
@pytest.mark.parametrize("beside", [False])
async def test_an_error_waits_and_an_object_that_is_gone_does_not(bench: Bench, code: str, visible: int) -> None:
    (event,) = await bench.receive("a")
    bench.leases.reject(event, CloudError("s3.GetObject", code, ""))
    await bench.leases.flush()
    assert bench.depth == (visible, 1 - visible, 1, 0)
    await anyio.sleep(TIMEOUT)
    assert bench.depth == (1, 0, 1, 0)


async def test_what_is_lost_is_given_back_at_once(bench: Bench) -> None:
    a, b, c, d = await bench.receive("a", "b", "c", "d")
    bench.leases.lost([a, Download(b, "path"), ("enqueue", [c]), "hey", a])
    await anyio.sleep(0.1)
    assert bench.depth == (3, 1, 1, 0)
    assert list(bench.leases.held) == [d.receipt_handle]


async def test_of_what_was_reported_only_the_last_is_remembered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palleto.cloud.queue.leases.REMEMBERED", 2)
    events = await bench.receive("a", "b", "c")
    for event in [*events, events[2], events[0]]:
        bench.leases.reject(event, BadFile("not gzip"))
    assert [line.split()[2] for line in bench.said] == ["a:", "b:", "c:", "a:"]
