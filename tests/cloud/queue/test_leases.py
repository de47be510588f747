"""The messages in hand: taken, finished, reported, given back."""

from __future__ import annotations

import anyio
import pytest
from lease_bench import TIMEOUT, Bench, Download

from palleto import BadFile, CloudError
from palleto.cloud.clients.errors import ABANDONED


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


@pytest.mark.parametrize("good", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("beside", [False])
async def test_a_message_of_two_parts_waits_for_both_and_is_deleted_if_both_are_good(
    bench: Bench, good: tuple[bool, bool]
) -> None:
    handles: list[str] = []
    for event, well in zip(await bench.receive("a b"), good, strict=True):
        assert (handles, bench.depth) == ([], (0, 1, 1, 0))  # the other is still in work
        if well:
            handles = bench.leases.finish([event])
        else:
            bench.leases.reject(event, BadFile("not gzip"))
        await bench.leases.flush()
    assert handles == [event.receipt_handle] * all(good)
    assert bench.depth == ((0, 1, 1, 0) if all(good) else (1, 0, 1, 0))
    told = [line for line in bench.said if "not gzip; it is left to the queue's redelivery and dead-letter" in line]
    assert (len(told), len(bench.said)) == (not all(good), not all(good))  # one report, of two bad parts as well
    assert bench.leases.idle != all(good)


FINAL = (
    *("InvalidBucketName", "KeyTooLongError", "MethodNotAllowed", "NoSuchBucket", "NoSuchKey", "NoSuchVersion"),
    *("ParamValidationError", "UnicodeEncodeError"),
)


@pytest.mark.parametrize(("code", "visible"), [*((code, 1) for code in FINAL), ("SlowDown", 0), ("AccessDenied", 0)])
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
    for event in [*events, events[1], events[2], events[0]]:
        bench.leases.reject(event, BadFile("not gzip"))
    assert [line.split()[2] for line in bench.said] == ["a:", "b:", "c:", "a:"]


@pytest.mark.parametrize("code", [ABANDONED, "ExpiredToken"])
async def test_what_ends_the_run_is_no_files_fault_and_its_message_stays_in_hand(bench: Bench, code: str) -> None:
    (event,) = await bench.receive("a")
    bench.leases.reject(event, CloudError("s3.GetObject", code, ""))
    await bench.leases.flush()
    assert list(bench.leases.held) == [event.receipt_handle]
    assert bench.said == []
    assert bench.depth == (0, 1, 1, 0)


@pytest.mark.parametrize("beside", [False])
@pytest.mark.parametrize(
    ("received", "seconds"),
    [(None, 0), (1, 0), (3, 0), (4, 1), (5, 2), (6, 4), (8, 16), (9, TIMEOUT), (10, TIMEOUT), (10**6, TIMEOUT)],
)
async def test_bad_input_comes_again_later_each_time(bench: Bench, received: int | None, seconds: int) -> None:
    await bench.receive_as("bad", received)
    await bench.leases.flush()
    assert bench.sqs.hidden == [seconds]


@pytest.mark.parametrize("beside", [False])
@pytest.mark.parametrize(("timeout", "seconds"), [(0.0, 1), (1.9, 1), (7.0, 7)])
async def test_a_visibility_timeout_is_whole_seconds_and_one_at_least(
    bench: Bench, timeout: float, seconds: int
) -> None:
    bench.restart(timeout)
    (event,) = await bench.receive("a")
    bench.leases.reject(event, CloudError("s3.GetObject", "SlowDown", ""))
    await bench.leases.flush()
    assert bench.sqs.hidden == [seconds]
