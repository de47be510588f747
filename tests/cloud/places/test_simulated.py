"""What only the simulated place has: scripts, latencies, chance, the ledger; and SQS's laws as properties."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from queues import make_queue

from palleto import clock
from palleto.cloud import Cloud, Ledger, Simulated, Simulation, deploy, open_cloud
from palleto.cloud.places.simulated.queue import Message, Queue
from palleto.cloud.trace_events import watch
from palleto.errors import CloudError

Run = Callable[..., Any]


@pytest.fixture
def place() -> str:
    """The only one here."""
    return "simulated"


async def receive(cloud: Cloud, url: str, wait: int = 2) -> list[str]:
    answer = await cloud.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait)
    return [message["Body"] for message in answer.get("Messages", [])]


def ledger(cloud: Cloud, url: str) -> Ledger:
    assert cloud.simulated is not None
    found = cloud.simulated.ledger(url)
    assert found.holds, str(found)
    return found


async def test_deliveries_follow_a_script(cloud: Cloud) -> None:
    url = await make_queue(cloud, *map(str, range(20)))
    assert cloud.simulated is not None
    cloud.simulated.script(url, [3, 2, 0, 1])
    began = anyio.current_time()
    counts = [len(await receive(cloud, url)) for _ in range(2)]
    assert anyio.current_time() == began
    counts.append(len(await receive(cloud, url)))
    assert anyio.current_time() == began + 2, "a 0 waits its whole long poll"
    counts += [len(await receive(cloud, url)) for _ in range(3)]
    assert counts == [3, 2, 0, 1, 10, 4]


async def test_a_script_waits_for_messages(cloud: Cloud) -> None:
    url = await make_queue(cloud)
    assert cloud.simulated is not None
    cloud.simulated.script(url, [2, 1])
    assert await receive(cloud, url) == []
    for body in "abc":
        await cloud.sqs.send_message(QueueUrl=url, MessageBody=body)
    assert [await receive(cloud, url) for _ in range(2)] == [["a", "b"], ["c"]]


@pytest.mark.parametrize(
    "settings", [{"simulation": Simulation(receive=3, put_object=5, get_object=(1, 2), arrival=20)}]
)
async def test_latencies_are_run_time_and_a_message_on_its_way_is_in_flight(cloud: Cloud) -> None:
    url = await make_queue(cloud, "0")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(receive, cloud, url)
        await anyio.sleep(1)
        assert str(ledger(cloud, url)) == ("sent 1 = deleted 0 + visible 0 + in flight 1 + delayed 0 + dead-lettered 0")
    assert anyio.current_time() == 3.0
    stack = await deploy(cloud)
    await cloud.s3.put_object(Bucket=stack.bucket, Key="packrat/data/x.gz", Body=b"abc")
    assert anyio.current_time() == 8.0
    assert ledger(cloud, stack.queue_url).delayed == 1
    await cloud.s3.get_object(Bucket=stack.bucket, Key="packrat/data/x.gz")
    assert 9.0 <= anyio.current_time() <= 10.0
    await anyio.sleep(20 - (anyio.current_time() - 8.0))
    assert ledger(cloud, stack.queue_url).visible == 2


async def test_purged_messages_are_in_the_books_as_deleted_wherever_they_were(cloud: Cloud) -> None:
    url = await make_queue(cloud, "a", "b", "c")
    await cloud.sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=600)
    answer = await cloud.sqs.receive_message(QueueUrl=url)
    assert str(ledger(cloud, url)) == "sent 4 = deleted 0 + visible 2 + in flight 1 + delayed 1 + dead-lettered 0"
    await cloud.sqs.purge_queue(QueueUrl=url)
    await cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle=answer["Messages"][0]["ReceiptHandle"])
    assert str(ledger(cloud, url)) == "sent 4 = deleted 4 + visible 0 + in flight 0 + delayed 0 + dead-lettered 0"


def test_a_short_poll_under_delivers_and_a_long_poll_does_not(run: Run) -> None:
    async def test(cloud: Cloud) -> list[int]:
        url = await make_queue(cloud, *map(str, range(10)))
        counts: list[int] = []
        while sum(counts) < 10:
            counts.append(len(await receive(cloud, url, wait=0)))
        assert len(await receive(cloud, url, wait=1)) == 0
        return counts

    seen = [run(test, seed=seed) for seed in range(10)]
    assert any(counts[0] < 10 for counts in seen)
    assert seen[3] == run(test, seed=3)
    exact = run(test, simulation=Simulation(short_poll=1.0))
    assert exact == [10]


def test_shuffled_delivery_is_seeded(run: Run) -> None:
    async def test(cloud: Cloud) -> list[str]:
        return await receive(cloud, await make_queue(cloud, *map(str, range(10))))

    in_order = [str(n) for n in range(10)]
    assert run(test) == in_order
    shuffled = run(test, simulation=Simulation(shuffle=True), seed=7)
    assert shuffled == run(test, simulation=Simulation(shuffle=True), seed=7)
    assert shuffled != in_order == sorted(shuffled)


def test_the_same_seed_gives_the_same_answers() -> None:
    async def main() -> str:
        async with open_cloud("simulated", seed=5) as cloud:
            stack = await deploy(cloud)
            await cloud.s3.put_object(Bucket=stack.bucket, Key="packrat/data/x.gz", Body=b"abc")
            await anyio.sleep(1.5)
            answer = await cloud.sqs.receive_message(
                QueueUrl=stack.queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
            )
            return json.dumps(answer) + repr(cloud.simulated)

    answers = {clock.run(main, backend=backend, time="virtual") for backend in ("asyncio", "trio") for _ in range(2)}
    assert len(answers) == 1


def test_several_doors_lead_to_one_place(go: Run) -> None:
    async def main() -> tuple[list[str], list[str], list[int]]:
        place = Simulated(Simulation(seed=3))
        async with (
            open_cloud("simulated", simulation=place) as one,
            open_cloud("simulated", simulation=place, seed=9) as other,
        ):
            assert one.simulated is other.simulated is place
            assert place.world.simulation.seed == 3, "the place is there: no seed is chosen for it"
            url = await make_queue(one, "a")
            found = await receive(one, url), await receive(other, url, wait=0)
            assert ledger(other, url).in_flight == 1
            return *found, [sum(cloud.requests.values()) for cloud in (one, other)]

    assert go(main) == (["a"], [], [1, 1]), "each door counts its own requests"


@pytest.mark.parametrize("gone", [0, 2])
async def test_the_first_who_watches_a_queue_is_told_of_what_is_there_and_of_what_comes(
    cloud: Cloud, gone: int
) -> None:
    url = await make_queue(cloud, *"ab"[:gone])
    await cloud.sqs.purge_queue(QueueUrl=url)
    await cloud.sqs.send_message(QueueUrl=url, MessageBody="c")
    told: list[list[int]] = [[], []]
    for one in told:
        watch(cloud.simulated, url, lambda message, data, one=one: one.append(data["sent"]), 0.0)
    await cloud.sqs.send_message(QueueUrl=url, MessageBody="d")
    assert told == [[1, 2], []], "how many have arrived, of those that it may have heard of"


async def test_where_simulated_follows_aws_and_moto_does_not(cloud: Cloud) -> None:
    async def code(operation: Callable[..., Any], **arguments: Any) -> str:
        try:
            await operation(**arguments)
        except CloudError as error:
            return error.code
        return ""

    url = await make_queue(cloud, "0")
    answer = await cloud.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    handle = {"QueueUrl": url, "ReceiptHandle": answer["Messages"][0]["ReceiptHandle"]}
    await cloud.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    change = cloud.sqs.change_message_visibility
    assert await code(change, **handle, VisibilityTimeout=0) == "MessageNotInflight"
    await cloud.sqs.delete_message(**handle)
    assert await code(cloud.sqs.delete_message, **handle) == "", "deleting twice is no error"
    assert await code(cloud.sqs.send_message, QueueUrl=url, MessageBody="") == "MissingParameter"
    entries = [{"Id": str(n), "ReceiptHandle": "x"} for n in range(11)]
    said = await code(cloud.sqs.delete_message_batch, QueueUrl=url, Entries=entries)
    assert said == "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
    await cloud.s3.create_bucket(Bucket="a.bucket")
    missing = {"QueueConfigurations": [{"QueueArn": "arn:aws:sqs:::x", "Events": ["s3:ObjectCreated:*"]}]}
    put = cloud.s3.put_bucket_notification_configuration
    assert await code(put, Bucket="a.bucket", NotificationConfiguration=missing) == "InvalidArgument"
    await deploy(cloud)
    create = cloud.cloudformation.create_stack
    template = (await cloud.cloudformation.get_template(StackName="palleto-development"))["TemplateBody"]
    assert await code(create, StackName="palleto-development", TemplateBody="{}") == "AlreadyExistsException"
    assert await code(create, StackName="other", TemplateBody=template) == "AlreadyExistsException"
    assert await code(create, StackName="other", TemplateBody="Resources: {A: {Type: AWS::X}}") == "ValidationError"
    assert ledger(cloud, url).deleted == 1


async def test_an_event_says_what_awss_says(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    await receive(cloud, stack.queue_url)
    for key in ("2016 07+20.gz", "ü/x.gz"):
        await cloud.s3.put_object(Bucket=stack.bucket, Key=f"packrat/data/{key}", Body=b"abc")
    events = [json.loads(body)["Records"][0]["s3"]["object"] for body in await receive(cloud, stack.queue_url)]
    assert [event["key"] for event in events] == ["packrat/data/2016+07%2B20.gz", "packrat/data/%C3%BC/x.gz"]
    assert events[0]["sequencer"] < events[1]["sequencer"]


class QueueLaws(RuleBasedStateMachine):
    """Whatever is done to a queue in whatever order: nothing is lost, nothing is in two places, time hides exactly."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.queue = Queue("q", "url", "arn", {})
        self.dead: list[Message] = []
        self.handles: list[str] = []
        self.hidden: dict[str, float] = {}  # by id, until when a message must not be handed out
        self.deleted: set[str] = set()
        self.given: dict[str, str] = {}  # message id by handle
        self.chance = random.Random(0)

    def change(self, handle: str, timeout: float) -> None:
        message_id = self.given[handle]
        in_flight = message_id in self.queue.messages and self.hidden.get(message_id, 0.0) > self.now
        if not in_flight:
            with pytest.raises(CloudError, match="MessageNotInflight"):
                self.queue.change_visibility(handle, timeout, self.now, "sqs.ChangeMessageVisibility")
            return
        self.queue.change_visibility(handle, timeout, self.now, "sqs.ChangeMessageVisibility")
        self.hidden[message_id] = self.now + timeout

    @rule(delay=st.sampled_from([0, 0, 5]))
    def send(self, delay: int) -> None:
        message = Message(0, f"id-{self.queue.sent}", "body", self.now)
        self.queue.add(message, self.now, delay)
        self.hidden[message.id] = self.now + delay

    @rule(seconds=st.sampled_from([0.5, 1, 10]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.queue.settle(self.now)

    @rule(count=st.integers(1, 10), hide_for=st.sampled_from([0, 1, 3]), blind=st.booleans())
    def receive(self, count: int, hide_for: int, blind: bool) -> None:
        before = dict(self.hidden)
        taken = self.queue.take(
            count,
            self.now,
            hide_for,
            3,
            self.dead.append,
            lambda: f"handle-{len(self.given)}-{self.chance.random()}",
            lambda message: not blind or message.number % 2 == 0,
        )
        assert len(taken) <= count
        assert len({message.id for message in taken}) == len(taken)
        for message in taken:
            assert before[message.id] <= self.now, "it was hidden"
            assert message.id not in self.deleted
            assert 1 <= message.receives <= 3
            assert message.handle not in self.given
            assert message.handle is not None
            self.given[message.handle] = message.id
            self.hidden[message.id] = self.now + hide_for
        if not blind and len(taken) < count:
            assert self.queue.ledger().visible == sum(hide_for == 0 for _ in taken)

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        handle = data.draw(st.sampled_from(list(self.given)))
        self.queue.delete(handle, "sqs.DeleteMessage")
        self.deleted.add(self.given[handle])

    @precondition(lambda self: self.given)
    @rule(data=st.data(), timeout=st.sampled_from([0, 2]))
    def change_visibility(self, data: st.DataObject, timeout: int) -> None:
        self.change(data.draw(st.sampled_from(list(self.given))), timeout)

    @invariant()
    def conserved(self) -> None:
        ledger = self.queue.ledger()
        assert ledger.holds, str(ledger)
        assert ledger.dead_lettered == len(self.dead)
        assert min(ledger.sent, ledger.visible, ledger.in_flight, ledger.delayed) >= 0
        hidden = sum(self.hidden[message_id] > self.now for message_id in self.queue.messages)
        assert hidden == ledger.in_flight + ledger.delayed


TestQueueLaws = QueueLaws.TestCase
TestQueueLaws.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
