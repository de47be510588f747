"""The messages in hand: each test works on the simulated queue of a fresh stack, on virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import anyio
import pytest
from anyio.lowlevel import checkpoint

from palleto import BadFile, BadMessage, CloudError, clock
from palleto.cloud import deploy, open_cloud
from palleto.cloud.leases import Leases
from palleto.cloud.returns import ATTEMPTS, LINGER

TIMEOUT = 30


class Event(NamedTuple):
    name: str
    message_id: str
    receipt_handle: str

    def __str__(self) -> str:
        return self.name


class Download(NamedTuple):
    event: Event
    path: str


def parse(message: dict[str, Any]) -> list[Event]:
    """An event a word of the body; "bad" is a bad message, "none" has no events, "oops" is a mistake of ours."""
    words = message["Body"].split()
    if words == ["bad"]:
        raise BadMessage("expected something good, got: bad\n\x1b[31m")
    if words == ["oops"]:
        raise RecursionError("too deep")
    ids = message["MessageId"], message["ReceiptHandle"]
    return [] if words == ["none"] else [Event(word, *ids) for word in words]


class Refusing:
    """A client whose next batch requests go wrong: an error is raised, a set of numbers is the entries that fail."""

    def __init__(self, sqs: Any) -> None:
        self.sqs = sqs
        self.plan: list[CloudError | set[int]] = []
        self.sent: list[tuple[str, int]] = []

    def __getattr__(self, name: str) -> Any:
        async def call(QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803
            self.sent.append((name, len(Entries)))
            plan = self.plan.pop(0) if self.plan else set()
            if isinstance(plan, CloudError):
                raise plan
            failed = [{"Id": each["Id"], "Code": "InternalError"} for n, each in enumerate(Entries) if n in plan]
            rest = [each for n, each in enumerate(Entries) if n not in plan]
            answer = await getattr(self.sqs, name)(QueueUrl=QueueUrl, Entries=rest) if rest else {"Failed": []}
            return {**answer, "Failed": answer["Failed"] + failed}

        return call


class Bench:
    """A queue and its leases, and what a test does with them."""

    def __init__(self, cloud: Any, stack: Any, batch: int) -> None:
        self.cloud, self.stack = cloud, stack
        self.said: list[str] = []
        self.sqs = Refusing(cloud.sqs)
        self.leases = Leases(self.sqs, stack.queue_url, TIMEOUT, self.said.append, batch)  # type: ignore[arg-type]

    async def receive(self, *bodies: str, take: bool = True) -> list[Event]:
        """Send these, receive all there is, and take them."""
        for body in bodies:
            await self.cloud.sqs.send_message(QueueUrl=self.stack.queue_url, MessageBody=body)
        found: list[Event] = []
        while messages := (
            await self.cloud.sqs.receive_message(
                QueueUrl=self.stack.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
        ).get("Messages"):
            for message in messages:
                found += self.leases.take(message, parse) if take else self.leases.glance(message, parse)
        return found

    async def release(self, events: list[Event]) -> None:
        """As a step does."""
        entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(self.leases.finish(events))]
        if entries:
            answer = await self.sqs.delete_message_batch(QueueUrl=self.stack.queue_url, Entries=entries)
            self.leases.released(entries, answer)

    @property
    def depth(self) -> tuple[int, int, int, int]:
        """Visible, in flight, deleted, dead-lettered."""
        ledger = self.cloud.simulated.ledger(self.stack.queue_url)
        return ledger.visible, ledger.in_flight, ledger.deleted, ledger.dead_lettered


@pytest.fixture
def at_bench(backend: str) -> Callable[..., None]:
    """Run a test with a bench; `beside`: whether `Leases.run` runs; `batch`: of how many deletes are."""

    def at_bench(test: Callable[[Bench], Awaitable[None]], *, beside: bool = False, batch: int = 1) -> None:
        async def main() -> None:
            async with open_cloud("simulated") as cloud:
                stack = await deploy(cloud)
                await cloud.sqs.purge_queue(QueueUrl=stack.queue_url)  # S3's test message
                bench = Bench(cloud, stack, batch)
                async with anyio.create_task_group() as tasks:
                    if beside:
                        tasks.start_soon(bench.leases.run)
                    await test(bench)
                    tasks.cancel_scope.cancel()

        clock.run(main, backend=backend, time="virtual")

    return at_bench


def test_take_and_finish(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
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

    at_bench(test)


def test_a_message_without_events_is_deleted(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        assert await bench.receive("none") == []
        await anyio.sleep(0.1)
        assert bench.depth == (0, 0, 2, 0)
        assert bench.leases.idle

    at_bench(test, beside=True)


@pytest.mark.parametrize("take", [True, False])
@pytest.mark.parametrize("body", ["bad", "oops"])
def test_a_bad_message_is_reported_once_in_one_line_and_costs_no_other(at_bench: Any, take: bool, body: str) -> None:
    async def test(bench: Bench) -> None:
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

    at_bench(test, beside=True)


def test_a_message_of_two_parts_waits_for_both(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        a, b = await bench.receive("a b")
        assert bench.leases.finish([a]) == []
        assert bench.depth == (0, 1, 1, 0)
        assert bench.leases.finish([b]) == [a.receipt_handle]

    at_bench(test)


@pytest.mark.parametrize("first", [True, False])
def test_one_bad_part_keeps_the_message_from_being_deleted(at_bench: Any, first: bool) -> None:
    async def test(bench: Bench) -> None:
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

    at_bench(test)


def test_two_bad_parts_are_one_report(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        for event in await bench.receive("a b"):
            bench.leases.reject(event, BadFile("not gzip"))
        await bench.leases.flush()
        assert bench.depth == (1, 0, 1, 0)
        assert len(bench.said) == 1

    at_bench(test)


@pytest.mark.parametrize(("code", "visible"), [("NoSuchKey", 1), ("SlowDown", 0)])
def test_an_error_of_the_cloud_waits_and_an_object_that_is_gone_does_not(
    at_bench: Any, code: str, visible: int
) -> None:
    async def test(bench: Bench) -> None:
        (event,) = await bench.receive("a")
        bench.leases.reject(event, CloudError("s3.GetObject", code, ""))
        await bench.leases.flush()
        assert bench.depth == (visible, 1 - visible, 1, 0)
        await anyio.sleep(TIMEOUT)
        assert bench.depth == (1, 0, 1, 0)

    at_bench(test)


def test_what_is_lost_is_given_back_at_once(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        a, b, c, d = await bench.receive("a", "b", "c", "d")
        bench.leases.lost([a, Download(b, "path"), ("enqueue", [c]), "hey", a])
        await anyio.sleep(0.1)
        assert bench.depth == (3, 1, 1, 0)
        assert list(bench.leases.held) == [d.receipt_handle]

    at_bench(test, beside=True)


def test_a_stale_handle_changes_nothing(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
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

    at_bench(test)


def test_work_longer_than_the_timeout_keeps_its_message(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        events = await bench.receive(*"abcdefghijkl")
        await anyio.sleep(10 * TIMEOUT)
        assert bench.depth == (0, 12, 1, 0)
        assert {size for _, size in bench.sqs.sent} == {10, 2}
        assert len(bench.sqs.sent) == pytest.approx(2 * 30, abs=4)  # a beat each third of the timeout
        for event in events:
            await bench.release([event])
        assert bench.depth == (0, 0, 13, 0)

    at_bench(test, beside=True)


def test_a_failed_heartbeat_is_reported_once_and_tried_again(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.receive("a")
        error = CloudError("sqs.ChangeMessageVisibilityBatch", "EndpointConnectionError", "no network")
        bench.sqs.plan = [error, set(), error]
        await anyio.sleep(2 * TIMEOUT)
        assert bench.depth == (0, 1, 1, 0)
        assert bench.said == ["sqs.ChangeMessageVisibilityBatch failed with EndpointConnectionError: no network"]

    at_bench(test, beside=True)


def test_what_could_not_be_deleted_is_tried_again(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        events = await bench.receive("a", "b", "c")
        bench.sqs.plan = [{1}]
        await bench.release(events)
        assert not bench.leases.idle
        await anyio.sleep(0.1)
        assert bench.depth == (0, 0, 4, 0)
        assert bench.leases.idle
        assert bench.said == []

    at_bench(test, beside=True)


def test_what_cannot_be_deleted_is_reported_once_and_comes_again(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
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
        await anyio.sleep(1)
        assert bench.depth == (2, 0, 2, 0)

    at_bench(test, beside=True)


@pytest.mark.parametrize("end", [True, False])
def test_a_delete_that_is_not_answered_is_sent_again(at_bench: Any, end: bool) -> None:
    async def test(bench: Bench) -> None:
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

    at_bench(test, beside=True)


def test_give_back_returns_everything_in_batches_of_ten(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.receive(*"abcdefghijklmnopqrstuvwxy")
        assert await bench.leases.give_back() == 25
        assert bench.sqs.sent == [("change_message_visibility_batch", n) for n in (10, 10, 5)]
        assert bench.depth == (25, 0, 1, 0)
        assert bench.leases.idle
        assert await bench.leases.give_back() == 0

    at_bench(test)


def test_a_flush_that_is_cancelled_forgets_nothing(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        events = await bench.receive(*"abcdefghijklmnopqrstuvwxy")
        bench.leases.lost(events)
        change, answered = bench.cloud.sqs.change_message_visibility_batch, []

        async def slow(**arguments: Any) -> Any:
            answer = await change(**arguments)
            answered.append(answer)
            scope.cancel()  # after the first batch
            return answer

        bench.sqs.sqs = type("Slow", (), {"change_message_visibility_batch": staticmethod(slow)})
        with anyio.CancelScope() as scope:
            await bench.leases.flush()
            await checkpoint()
        await bench.leases.give_back()
        assert bench.depth == (25, 0, 1, 0)

    at_bench(test)


def test_a_heartbeat_on_its_way_does_not_hide_what_is_given_back(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.receive(*"abc")
        change = bench.cloud.sqs.change_message_visibility_batch

        async def slow(**arguments: Any) -> Any:
            if arguments["Entries"][0]["VisibilityTimeout"]:
                await anyio.sleep(3)
            return await change(**arguments)

        bench.sqs.sqs = type("Slow", (), {"change_message_visibility_batch": staticmethod(slow)})
        await anyio.sleep(TIMEOUT / 3 + 1)  # the beat is under way
        await bench.leases.give_back()
        await anyio.sleep(5)
        assert bench.depth == (3, 0, 1, 0)

    at_bench(test, beside=True)


def test_messages_that_go_back_all_the_time_do_not_keep_the_heartbeat_from_others(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.receive("slow")
        for _ in range(20):
            await bench.receive("none")  # is deleted at once
            await anyio.sleep(TIMEOUT / 5)
        assert len(bench.leases.held) == 1
        queue = bench.cloud.simulated.sqs.at("", bench.stack.queue_url)
        assert queue.expired == 0

    at_bench(test, beside=True)


def test_what_is_done_after_its_time_is_told_once_and_deleted(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        a, b = await bench.receive("a", "b")
        await anyio.sleep(TIMEOUT + 1)  # nobody extends
        await bench.release([a])
        await bench.release([b])
        (line,) = bench.said
        assert line.startswith("the visibility timeout (30 s) of a ended before its message was deleted")
        assert bench.depth == (0, 0, 3, 0)
        assert bench.leases.idle

    at_bench(test)


def test_a_heartbeat_that_comes_too_late_gives_the_lease_up(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        (event,) = await bench.receive("a")
        bench.sqs.plan = [CloudError("sqs.ChangeMessageVisibilityBatch", "EndpointConnectionError", "")] * 30
        await anyio.sleep(TIMEOUT + 20)  # it is visible again
        assert bench.depth == (1, 0, 1, 0)
        assert bench.leases.finish([event]) == [event.receipt_handle]
        assert any("ended before its message was deleted" in line for line in bench.said)

    at_bench(test, beside=True)


def test_a_delete_that_the_answer_does_not_mention_is_sent_again(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        (event,) = await bench.receive("a")
        entries = [{"Id": "0", "ReceiptHandle": handle} for handle in bench.leases.finish([event])]
        bench.leases.released(entries, {})
        await anyio.sleep(0.1)
        assert bench.depth == (0, 0, 2, 0)
        assert bench.leases.idle

    at_bench(test, beside=True)


def test_a_heartbeat_that_fails_is_sent_again_long_before_the_next(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.receive("a")
        bench.sqs.plan = [CloudError("sqs.ChangeMessageVisibilityBatch", "EndpointConnectionError", "")] * 4
        await anyio.sleep(3 * TIMEOUT)
        assert bench.sqs.plan == []
        assert bench.cloud.simulated.sqs.at("", bench.stack.queue_url).expired == 0
        assert len(bench.leases.held) == 1

    at_bench(test, beside=True)


def test_finished_messages_are_handed_out_by_tens_where_they_are_gathered(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        events = await bench.receive(*"abcdefghijklmnopqrstuvwxy")
        sizes = [len(bench.leases.finish([event])) for event in events]
        assert sizes == ([0] * 9 + [10]) * 2 + [0] * 5
        assert not bench.leases.idle

    at_bench(test, batch=10)


@pytest.mark.parametrize("batch", [1, 3, 10])
def test_no_more_than_ten_are_handed_out_at_once(at_bench: Any, batch: int) -> None:
    async def test(bench: Bench) -> None:
        events = await bench.receive(*"abcdefghijkl")
        await bench.release(events)
        assert bench.sqs.sent == [("delete_message_batch", 10)]
        await anyio.sleep(LINGER + 0.1)
        assert bench.sqs.sent[1:] == [("delete_message_batch", 2)]
        assert bench.depth == (0, 0, 13, 0)
        assert bench.leases.idle

    at_bench(test, beside=True, batch=batch)


def test_what_waits_for_others_waits_no_longer_than_its_time(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
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

    at_bench(test, beside=True, batch=10)


def test_what_waits_for_others_is_deleted_at_the_end(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        a, b, _ = await bench.receive("a", "b", "c")
        await bench.release([a, b])
        assert await bench.leases.give_back() == 1
        assert bench.depth == (1, 0, 3, 0)
        assert bench.leases.idle

    at_bench(test, batch=10)


def test_a_crash_does_not_give_back_what_waits_to_be_deleted(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        a, b = await bench.receive("a", "b")
        await bench.release([a])
        bench.leases.lost([a, b])
        await anyio.sleep(LINGER + 0.1)
        assert bench.depth == (1, 0, 2, 0)

    at_bench(test, beside=True, batch=10)


def test_gathered_deletes_that_fail_are_sent_again(at_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        events = await bench.receive("a", "b", "c")
        bench.sqs.plan = [CloudError("sqs.DeleteMessageBatch", "InternalError", ""), {1}]
        await bench.release(events)
        await anyio.sleep(LINGER + 1)
        assert bench.sqs.plan == []
        assert bench.depth == (0, 0, 4, 0)
        assert bench.leases.idle

    at_bench(test, beside=True, batch=10)
