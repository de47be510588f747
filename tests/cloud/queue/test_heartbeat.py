"""The messages in hand keep their visibility while they are worked on, and lose it with the work."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from lease_bench import TIMEOUT, Bench

from palleto import BadFile, CloudError


@pytest.mark.parametrize("beside", [False])
async def test_a_stale_handle_changes_nothing(bench: Bench) -> None:
    (old,) = await bench.receive("a")
    bench.leases.lost([old])
    await bench.leases.flush()
    (new,) = await bench.receive()
    assert new.message_id == old.message_id
    assert bench.leases.finish([old]) == []
    bench.leases.lost([old])
    bench.leases.reject(old, BadFile("not gzip"))
    await bench.leases.flush()
    assert list(bench.leases.held) == [new.receipt_handle]
    assert bench.depth == (0, 1, 1, 0)
    await bench.release([new])
    assert bench.depth == (0, 0, 2, 0)


async def test_work_longer_than_the_timeout_keeps_its_message(bench: Bench) -> None:
    events = await bench.receive(*"abcdefghijkl")
    await anyio.sleep(10 * TIMEOUT)
    assert bench.depth == (0, 12, 1, 0)
    assert {size for _, size in bench.sqs.sent} == {10, 2}
    assert len(bench.sqs.sent) == pytest.approx(2 * 30, abs=4)  # a beat each third of the timeout
    for event in events:
        await bench.release([event])
    assert bench.depth == (0, 0, 13, 0)
    assert bench.said == []


async def test_a_heartbeat_that_fails_is_told_once_and_sent_again_long_before_the_next(bench: Bench) -> None:
    await bench.receive("a")
    error = CloudError("sqs.ChangeMessageVisibilityBatch", "EndpointConnectionError", "no network")
    bench.sqs.plan = [error] * 4 + [set(), error]
    await anyio.sleep(3 * TIMEOUT)
    assert bench.sqs.plan == []
    assert bench.cloud.simulated.sqs.at("", bench.stack.queue_url).expired == 0
    assert len(bench.leases.held) == 1
    assert bench.said == ["sqs.ChangeMessageVisibilityBatch failed with EndpointConnectionError: no network"]


async def test_a_message_that_a_heartbeat_did_not_extend_is_told_once_and_extended_soon(bench: Bench) -> None:
    await bench.receive("a", "b")
    bench.sqs.plan = [{1}] * 3
    await anyio.sleep(TIMEOUT + 1)
    assert bench.said == ["could not extend a message's time: InternalError; trying again"]
    assert bench.depth == (0, 2, 1, 0)


async def test_a_heartbeat_on_its_way_does_not_hide_what_is_given_back(bench: Bench) -> None:
    await bench.receive(*"abc")
    change = bench.cloud.sqs.change_message_visibility_batch

    async def slow(**arguments: Any) -> Any:
        if arguments["Entries"][0]["VisibilityTimeout"]:
            await anyio.sleep(3)
        return await change(**arguments)

    bench.sqs.sqs = SimpleNamespace(change_message_visibility_batch=slow)
    await anyio.sleep(TIMEOUT / 3 + 1)  # the beat is under way
    await bench.leases.give_back()
    await anyio.sleep(5)
    assert bench.depth == (3, 0, 1, 0)


@pytest.mark.parametrize("code", ["InternalError", "InvalidParameterValue", "InvalidParameterValueException"])
async def test_a_heartbeat_on_its_way_says_nothing_of_a_message_that_is_deleted(bench: Bench, code: str) -> None:
    (event,) = await bench.receive("a")
    delete = bench.cloud.sqs.delete_message_batch

    async def slow(QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803
        await anyio.sleep(3)
        assert bench.depth == (0, 0, 2, 0)  # it is deleted by now
        return {"Failed": [{"Id": entry["Id"], "Code": code} for entry in Entries]}

    bench.sqs.sqs = SimpleNamespace(delete_message_batch=delete, change_message_visibility_batch=slow)
    await anyio.sleep(TIMEOUT / 3 + 1)  # the beat is under way
    await bench.release([event])
    await anyio.sleep(2 * TIMEOUT)
    assert [name for name, _ in bench.sqs.sent] == ["change_message_visibility_batch", "delete_message_batch"]
    assert bench.said == []


@pytest.mark.parametrize(
    "code",
    [
        *("MessageNotInflight", "InvalidParameterValue", "InvalidParameterValueException"),
        *("ReceiptHandleIsInvalid", "InvalidIdFormat"),
    ],
)
async def test_a_message_that_somebody_else_has_by_now_is_not_extended_again(bench: Bench, code: str) -> None:
    await bench.receive("a")

    async def gone(QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803
        return {"Failed": [{"Id": entry["Id"], "Code": code} for entry in Entries]}

    bench.sqs.sqs = SimpleNamespace(change_message_visibility_batch=gone)
    await anyio.sleep(2 * TIMEOUT)
    assert len(bench.sqs.sent) == 1
    assert bench.said == []


async def test_messages_that_go_back_all_the_time_do_not_keep_the_heartbeat_from_others(bench: Bench) -> None:
    await bench.receive("slow")
    for _ in range(20):
        await bench.receive("none")  # is deleted at once
        await anyio.sleep(TIMEOUT / 5)
    assert len(bench.leases.held) == 1
    queue = bench.cloud.simulated.sqs.at("", bench.stack.queue_url)
    assert queue.expired == 0


@pytest.mark.parametrize("beside", [False])
async def test_what_is_done_after_its_time_is_told_once_and_deleted(bench: Bench) -> None:
    a, b = await bench.receive("a", "b")
    await anyio.sleep(TIMEOUT + 1)  # nobody extends
    await bench.release([a])
    await bench.release([b])
    (line,) = bench.said
    assert line.startswith("the visibility timeout (30 s) of a ended before its message was deleted")
    assert bench.depth == (0, 0, 3, 0)
    assert bench.leases.idle


async def test_a_heartbeat_that_comes_too_late_gives_the_lease_up(bench: Bench) -> None:
    (event,) = await bench.receive("a")
    bench.sqs.plan = [CloudError("sqs.ChangeMessageVisibilityBatch", "EndpointConnectionError", "")] * 30
    await anyio.sleep(TIMEOUT + 20)  # it is visible again
    assert bench.depth == (1, 0, 1, 0)
    assert bench.leases.finish([event]) == [event.receipt_handle]
    assert any("ended before its message was deleted" in line for line in bench.said)
