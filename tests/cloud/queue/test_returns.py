"""The messages in hand are deleted and given back in batches, and what fails is sent again."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from lease_bench import TIMEOUT, Bench, Download, parse

from palleto import CloudError
from palleto.cloud.clients.errors import ABANDONED
from palleto.cloud.queue.returns import ATTEMPTS, LINGER, Returns


@pytest.mark.parametrize(
    ("batch", "plan", "lines"),
    [(1, [{1}], 0), (10, [CloudError("sqs.DeleteMessageBatch", "InternalError", ""), {1}], 2)],
    ids=["deleted by a step", "gathered"],
)
async def test_what_could_not_be_deleted_is_tried_again(bench: Bench, batch: int, plan: list[Any], lines: int) -> None:
    assert bench.leases.undeleted == 0
    events = await bench.receive("a", "b", "c")
    bench.sqs.plan = list(plan)
    await bench.release(events)
    assert not bench.leases.idle
    await anyio.sleep(0.1 if batch == 1 else LINGER + 1)
    assert bench.sqs.plan == []
    assert bench.depth == (0, 0, 4, 0)
    assert bench.leases.idle
    assert len(bench.said) == lines


async def test_what_cannot_be_deleted_is_reported_once_and_comes_again(bench: Bench) -> None:
    events = await bench.receive("a", "b", "c")
    bench.sqs.plan = [{0, 1}] * (1 + ATTEMPTS)
    await bench.release(events)
    await anyio.sleep(TIMEOUT - 2)  # receiving has taken a second
    assert bench.said == [
        "could not delete a message twice: InternalError; trying again",
        "could not delete a message: InternalError; it will come again",
    ]
    assert bench.depth == (0, 2, 2, 0)
    assert bench.leases.idle
    assert bench.leases.undeleted == 2
    await anyio.sleep(1)
    assert bench.depth == (2, 0, 2, 0)
    bench.leases.lost(await bench.receive())
    await anyio.sleep(0.1)
    assert bench.leases.undeleted == 0  # the queue is there: it gives out what was given up, and it is done again


@pytest.mark.parametrize("end", [True, False])
async def test_a_delete_that_is_not_answered_is_sent_again(bench: Bench, end: bool) -> None:
    (event,) = await bench.receive("a")
    bench.sqs.plan = [CloudError("sqs.DeleteMessageBatch", "EndpointConnectionError", "")]
    with pytest.raises(CloudError):
        await bench.release([event])
    assert not bench.leases.idle
    if end:
        await bench.leases.give_back()
    else:  # the consumer crashes
        bench.leases.lost([Download(event, "path")])
        await anyio.sleep(0.1)
    assert bench.depth == (0, 0, 2, 0)
    assert bench.leases.idle


@pytest.mark.parametrize("beside", [False])
async def test_give_back_returns_everything_in_batches_of_ten(bench: Bench) -> None:
    await bench.receive(*"abcdefghijklmnopqrstuvwxy")
    assert await bench.leases.give_back() == 25
    assert bench.sqs.sent == [("change_message_visibility_batch", n) for n in (10, 10, 5)]
    assert bench.depth == (25, 0, 1, 0)
    assert bench.leases.idle
    assert await bench.leases.give_back() == 0


@pytest.mark.parametrize("beside", [False])
async def test_a_flush_that_is_cancelled_forgets_nothing(bench: Bench) -> None:
    events = await bench.receive(*"abcdefghijklmnopqrstuvwxy")
    bench.leases.lost(events)
    change, answered = bench.cloud.sqs.change_message_visibility_batch, []

    async def slow(**arguments: Any) -> Any:
        answer = await change(**arguments)
        answered.append(answer)
        scope.cancel()  # after the first batch
        return answer

    bench.sqs.sqs = SimpleNamespace(change_message_visibility_batch=slow)
    with anyio.CancelScope() as scope:
        await bench.leases.flush()
        await checkpoint()
    await bench.leases.give_back()
    assert bench.depth == (25, 0, 1, 0)


async def test_a_delete_that_the_answer_does_not_mention_is_sent_again(bench: Bench) -> None:
    (event,) = await bench.receive("a")
    entries = [{"Id": "0", "ReceiptHandle": handle} for handle in bench.leases.finish([event])]
    bench.leases.released(entries, {})
    await anyio.sleep(0.1)
    assert bench.depth == (0, 0, 2, 0)
    assert bench.leases.idle


@pytest.mark.parametrize("beside", [False])
@pytest.mark.parametrize("batch", [10])
async def test_finished_messages_are_handed_out_by_tens_where_they_are_gathered(bench: Bench) -> None:
    events = await bench.receive(*"abcdefghijklmnopqrstuvwxy")
    sizes = [len(bench.leases.finish([event])) for event in events]
    assert sizes == ([0] * 9 + [10]) * 2 + [0] * 5
    assert not bench.leases.idle


@pytest.mark.parametrize("batch", [1, 3, 10])
async def test_no_more_than_ten_are_handed_out_at_once(bench: Bench) -> None:
    events = await bench.receive(*"abcdefghijkl")
    await bench.release(events)
    assert bench.sqs.sent == [("delete_message_batch", 10)]
    await anyio.sleep(LINGER + 0.1)
    assert bench.sqs.sent[1:] == [("delete_message_batch", 2)]
    assert bench.depth == (0, 0, 13, 0)
    assert bench.leases.idle


@pytest.mark.parametrize("batch", [10])
async def test_what_waits_for_others_waits_no_longer_than_its_time(bench: Bench) -> None:
    a, b, c = await bench.receive("a", "b", "c")
    await bench.release([a])
    await anyio.sleep(LINGER - 0.1)
    await bench.release([b])
    assert bench.depth == (0, 3, 1, 0)
    await anyio.sleep(0.2)  # the first one's time is over
    assert bench.depth == (0, 1, 3, 0)
    assert bench.sqs.sent == [("delete_message_batch", 2)]
    await bench.release([c])
    assert bench.depth == (0, 1, 3, 0)
    await anyio.sleep(LINGER + 0.1)
    assert bench.depth == (0, 0, 4, 0)


@pytest.mark.parametrize("beside", [False])
@pytest.mark.parametrize("batch", [10])
async def test_what_waits_for_others_is_deleted_at_the_end(bench: Bench) -> None:
    a, b, _ = await bench.receive("a", "b", "c")
    await bench.release([a, b])
    assert await bench.leases.give_back() == 1
    assert bench.depth == (1, 0, 3, 0)
    assert bench.leases.idle


@pytest.mark.parametrize("batch", [10])
async def test_a_crash_does_not_give_back_what_waits_to_be_deleted(bench: Bench) -> None:
    a, b = await bench.receive("a", "b")
    await bench.release([a])
    bench.leases.lost([a, b])
    await anyio.sleep(LINGER + 0.1)
    assert bench.depth == (1, 0, 2, 0)


async def test_what_came_again_is_not_given_back_a_second_time(bench: Bench) -> None:
    """The answer to a give-back is lost, and the message has come again by the time that it would be sent again."""
    (event,) = await bench.receive("a")
    bench.sqs.plan = [CloudError("ConnectionClosedError", "sqs.ChangeMessageVisibilityBatch", "cut off")]
    bench.leases.lost([event])
    await anyio.sleep(0.1)  # sent
    again = [{"Id": "0", "ReceiptHandle": event.receipt_handle, "VisibilityTimeout": 0}]
    await bench.cloud.sqs.change_message_visibility_batch(QueueUrl=bench.stack.queue_url, Entries=again)
    answer = await bench.cloud.sqs.receive_message(QueueUrl=bench.stack.queue_url)
    (event,) = bench.leases.take(answer["Messages"][0], parse)
    await anyio.sleep(5)
    assert bench.depth == (0, 1, 1, 0)  # one deleted: S3's test message
    await bench.release([event])
    await bench.leases.flush()
    assert bench.depth == (0, 0, 2, 0)
    assert bench.leases.idle
    assert len(bench.sqs.sent) == 2


@pytest.mark.parametrize("beside", [False])
async def test_what_is_given_back_goes_before_what_is_deleted(bench: Bench) -> None:
    (event,) = await bench.receive("none", "a")
    bench.leases.lost([event])
    await bench.leases.flush()
    assert [name for name, _ in bench.sqs.sent] == ["change_message_visibility_batch", "delete_message_batch"]


@pytest.mark.parametrize("beside", [False])
async def test_a_flush_sends_what_would_be_due_later_only(bench: Bench) -> None:
    (event,) = await bench.receive("a")
    bench.leases.lost([event])
    bench.sqs.plan = [CloudError("sqs.ChangeMessageVisibilityBatch", "InternalError", "")]
    await bench.leases.flush()
    assert bench.depth == (0, 1, 1, 0)
    assert len(bench.said) == 1, "that it failed, and not that it failed twice"
    await bench.leases.flush()
    assert bench.depth == (1, 0, 1, 0)


@pytest.mark.parametrize("beside", [False])
@pytest.mark.parametrize(
    ("failing", "seconds", "well"), [(0, 0.0, True), (1, 0.2, True), (3, 1.4, True), (9, 1.4, False)]
)
async def test_at_the_end_what_fails_is_sent_four_times_in_a_second_and_a_half(
    bench: Bench, failing: int, seconds: float, well: bool
) -> None:
    await bench.receive("a")
    bench.sqs.plan = [CloudError("sqs.ChangeMessageVisibilityBatch", "InternalError", "")] * failing
    begun = anyio.current_time()
    await bench.leases.give_back()
    assert anyio.current_time() - begun == pytest.approx(seconds)
    assert bench.depth == ((1, 0, 1, 0) if well else (0, 1, 1, 0))


@pytest.mark.parametrize("beside", [False])
@pytest.mark.parametrize("batch", [2, 10])
async def test_finished_messages_that_could_not_be_deleted_are_counted(bench: Bench, batch: int) -> None:
    """Two are said to be deleted by a step, or wait for others; one is given back, and no such."""
    a, b, _ = await bench.receive("a", "b", "c")
    bench.leases.finish([a, b])
    bench.sqs.plan = [set()] + [CloudError("sqs.DeleteMessageBatch", "InternalError", "")] * 9
    await bench.leases.give_back()
    assert bench.leases.undeleted == 2
    assert bench.depth == (1, 2, 1, 0)
    bench.sqs.plan = []
    await bench.leases.flush()
    assert bench.leases.undeleted == 0


@pytest.mark.parametrize("beside", [False])
async def test_a_step_that_deletes_what_is_not_in_hand_any_more_tells_it(bench: Bench) -> None:
    events = await bench.receive("a", "b")
    entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(bench.leases.finish(events))]
    bench.leases.released(entries, {"Failed": [{"Id": each["Id"], "Code": "MessageNotInflight"} for each in entries]})
    assert len(bench.said) == 1
    assert "ended before its message was deleted" in bench.said[0]
    assert bench.leases.idle


@pytest.mark.parametrize("batch", [10])
@pytest.mark.parametrize("code", ["ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidParameterValueException"])
async def test_what_is_not_in_hand_any_more_is_sent_once_and_told_if_it_was_done(bench: Bench, code: str) -> None:
    a, b = await bench.receive("a", "b")
    bench.sqs.plan = [CloudError("sqs.ChangeMessageVisibilityBatch", code, "Gone")] * 2
    bench.leases.lost([a])
    await anyio.sleep(2)
    assert not any("ended before its message was deleted" in line for line in bench.said)
    bench.leases.finish([b])
    await anyio.sleep(LINGER + 2)  # before the next heartbeat
    assert [name for name, _ in bench.sqs.sent] == ["change_message_visibility_batch", "delete_message_batch"]
    assert bench.leases.idle
    assert sum("ended before its message was deleted" in line for line in bench.said) == 1
    assert bench.leases.undeleted == 0


def returns_of(bench: Bench) -> Returns:
    """Returns of their own, whose lines are the bench's."""
    sqs: Any = bench.sqs
    return Returns(sqs, bench.stack.queue_url, lambda code, line: bench.said.append(line), bench.said.append)


@pytest.mark.parametrize("beside", [False])
async def test_nothing_is_due_when_all_that_was_gathered_is_handed_out(bench: Bench) -> None:
    returns = returns_of(bench)
    assert returns.gather(["a"], 2) == []
    assert returns.due == anyio.current_time() + LINGER
    assert returns.gather(["b"], 2) == ["a", "b"]
    assert returns.due == math.inf


@pytest.mark.parametrize("beside", [False])
@pytest.mark.parametrize(("hide", "undeleted"), [(None, 1), (0, 0)], ids=["to be deleted", "given back"])
async def test_what_the_end_of_the_run_cut_off_is_told_by_its_number(
    bench: Bench, hide: int | None, undeleted: int
) -> None:
    returns = returns_of(bench)
    bench.sqs.plan = [CloudError("sqs", ABANDONED, "the run ended before it was answered")]
    returns.add("handle", hide)
    await returns.flush(at_once=True)
    assert (len(returns), returns.undeleted) == (0, undeleted)
    assert [line.partition(":")[0] for line in bench.said] == [
        "could not give a message back" if hide is not None else "could not delete a message"
    ]
