"""Faults of the door: each does what it says, when it says, the same for the same seed, on the simulated place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from queues import make_queue, receive

from palleto import CloudError, SettingError, TraceEvent
from palleto.cloud import Cloud
from palleto.cloud.clients.client import ATTEMPTS
from palleto.cloud.faults import Faults

Run = Callable[..., Any]


@pytest.fixture
def place() -> str:
    """The only one here."""
    return "simulated"


async def bodies(cloud: Cloud, url: str, **arguments: Any) -> list[str] | str:
    """What a receive hands out; the code of the error if it fails."""
    try:
        return [message["Body"] for message in await receive(cloud, url, **arguments)]
    except CloudError as error:
        return error.code


async def stored(cloud: Cloud, data: bytes = b"0123456789") -> dict[str, str]:
    await cloud.monitor.s3.create_bucket(Bucket="b")
    await cloud.monitor.s3.put_object(Bucket="b", Key="k", Body=data)
    return {"Bucket": "b", "Key": "k"}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("InternalError", 500),
        ("ServiceUnavailable", 503),
        ("ThrottlingException", 400),
        ("AccessDenied", 403),
        ("ReadTimeoutError", 0),
    ],
)
def test_a_request_fails_at_the_calls_that_were_named(run: Run, code: str, status: int) -> None:
    faults = Faults().fail("sqs.ReceiveMessage", code, at=(1, 3))

    async def test(cloud: Cloud) -> None:
        url = await make_queue(cloud, "a", "b")
        with pytest.raises(CloudError, match="on purpose") as caught:
            await cloud.sqs.receive_message(QueueUrl=url)
        assert (caught.value.operation, caught.value.status) == ("sqs.ReceiveMessage", status)
        assert await bodies(cloud, url) == ["a", "b"]  # nothing was handed out at the first
        assert await bodies(cloud, url) == code
        assert await bodies(cloud, url) == []
        assert cloud.requests["sqs.ReceiveMessage"] == 4

    run(test, faults=faults)
    assert repr(faults) == f"<Faults seed=0: sqs.ReceiveMessage fails with {code} (2 times)>"


def test_a_rate_is_met_and_a_seed_repeats_it(run: Run) -> None:
    def struck(seed: int) -> list[bool]:
        async def test(cloud: Cloud) -> list[bool]:
            url = await make_queue(cloud)
            return [await bodies(cloud, url, WaitTimeSeconds=0) == "ServiceUnavailable" for _ in range(400)]

        found: list[bool] = run(test, faults=Faults(seed).fail("sqs.*", rate=0.2))
        return found

    assert struck(1) == struck(1) != struck(2)
    assert 50 < sum(struck(3)) < 110


def test_a_fault_strikes_only_where_it_is_true_of_the_arguments(run: Run) -> None:
    faults = Faults().fail("sqs.*", rate=1, where=lambda arguments: arguments.get("WaitTimeSeconds") == 0)

    async def test(cloud: Cloud) -> None:
        url = await make_queue(cloud, "a")
        assert await bodies(cloud, url, WaitTimeSeconds=0) == "ServiceUnavailable"
        assert await bodies(cloud, url) == ["a"]

    run(test, faults=faults)


def test_a_fault_waits_for_an_event_of_the_trace_and_strikes_so_often(run: Run) -> None:
    faults = Faults().fail("sqs.*", on=lambda event: event.kind == "written", times=1)
    told: list[tuple[str, str]] = []
    faults.listeners.append(lambda *fault: told.append(fault))

    async def test(cloud: Cloud) -> None:
        url = await make_queue(cloud, "a")
        assert await bodies(cloud, url) == ["a"]
        faults.hear(TraceEvent(0, 0.0, "", "said"))
        assert await bodies(cloud, url) == []
        for _ in range(2):
            faults.hear(TraceEvent(0, 0.0, "", "written"))
        assert await bodies(cloud, url) == "ServiceUnavailable"
        assert await bodies(cloud, url) == []
        faults.hear(TraceEvent(0, 0.0, "", "written"))
        assert await bodies(cloud, url) == []  # once is enough

    run(test, faults=faults)
    assert told == [("sqs.ReceiveMessage", "fails with ServiceUnavailable")]


@pytest.mark.parametrize(
    ("faults", "received", "seconds"),
    [
        (Faults().slow("sqs.*", 5, at=1).hang("sqs.*", at=2), [["a", "b", "c"], "ReadTimeoutError"], 35),
        (Faults().fewer(1, at=1).fewer(0, at=2), [["a"], [], ["b", "c"]], 1),
        (Faults().garble(at=1), [[], []], 1),
    ],
    ids=["late, and never", "less, and none after the wait", "damaged on its way"],
)
async def test_what_comes_of_a_receive(cloud: Cloud, received: list[Any], seconds: float) -> None:
    url = await make_queue(cloud, "a", "b", "c")
    assert [await bodies(cloud, url) for _ in received] == received
    assert anyio.current_time() == seconds
    await anyio.sleep(30)
    assert await bodies(cloud, url) == ["a", "b", "c"]  # nothing is lost by it


@pytest.mark.parametrize("faults", [Faults().lose_answer(at=1)])
async def test_a_delete_whose_answer_is_lost_deletes(cloud: Cloud) -> None:
    url = await make_queue(cloud, "a")
    (message,) = await receive(cloud, url)
    entry = {"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}
    answer = await cloud.sqs.delete_message_batch(QueueUrl=url, Entries=[entry])
    assert [failure["Code"] for failure in answer["Failed"]] == ["ConnectionClosedError"]
    assert cloud.simulated is not None
    assert cloud.simulated.ledger(url).deleted == 1


@pytest.mark.parametrize("faults", [Faults().refuse("ReceiptHandleIsInvalid", at=1)])
async def test_a_delete_that_is_refused_in_part_deletes_the_others(cloud: Cloud) -> None:
    url = await make_queue(cloud, "a", "b")
    messages = await receive(cloud, url)
    entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
    answer = await cloud.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["1"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [("0", "ReceiptHandleIsInvalid")]
    again = await cloud.sqs.delete_message_batch(QueueUrl=url, Entries=entries[:1])
    assert [each["Id"] for each in again["Successful"]] == ["0"]


@pytest.mark.parametrize("faults", [Faults().duplicate(rate=1.0)])
async def test_a_duplicate_is_a_delivery_with_a_handle_of_its_own(cloud: Cloud) -> None:
    url = await make_queue(cloud, "a", "b")
    delivered = [message for _ in range(5) for message in await receive(cloud, url, MaxNumberOfMessages=1)]
    assert sorted(message["Body"] for message in delivered) == ["a", "a", "b", "b"]
    assert len({message["MessageId"] for message in delivered}) == 2
    assert len({message["ReceiptHandle"] for message in delivered}) == 4


@pytest.mark.parametrize("after", [0, 1, 9])
@pytest.mark.parametrize("size", [1, 4, None])
def test_a_download_that_breaks_off_goes_on_where_it_broke(run: Run, after: int, size: int | None) -> None:
    async def test(cloud: Cloud) -> None:
        body = (await cloud.s3.get_object(**await stored(cloud)))["Body"]
        data = body.read() if size is None else b"".join(body.iter_chunks(size))
        assert data == b"0123456789"
        assert body.read(1) == b""

    faults = Faults().cut(after, at=1)
    run(test, faults=faults)
    assert faults.faults[0].struck == 1


@pytest.mark.parametrize("faults", [Faults().cut(3, at=1)])
async def test_a_download_does_not_go_on_with_another_object(cloud: Cloud) -> None:
    where = await stored(cloud)
    body = (await cloud.s3.get_object(**where))["Body"]
    assert body.read(3) == b"012"
    await cloud.monitor.s3.put_object(**where, Body=b"abcdefghij")
    with pytest.raises(CloudError, match="PreconditionFailed"):
        body.read(3)


def test_a_request_to_s3_is_sent_again_and_at_last_fails(run: Run) -> None:
    faults = Faults().fail("s3.GetObject", "SlowDown", at=range(1, ATTEMPTS))

    async def test(cloud: Cloud) -> None:
        where = await stored(cloud)
        assert (await cloud.s3.get_object(**where))["Body"].read() == b"0123456789"
        assert cloud.requests["s3.GetObject"] == ATTEMPTS
        assert 5 < anyio.current_time() < 15
        faults.fail("s3.GetObject", "SlowDown", rate=1.0)
        with pytest.raises(CloudError, match="SlowDown"):
            await cloud.s3.get_object(**where)
        assert cloud.requests["s3.GetObject"] == 2 * ATTEMPTS
        faults.clear().fail("s3.GetObject", "AccessDenied", rate=1.0)
        with pytest.raises(CloudError, match="AccessDenied"):
            await cloud.s3.get_object(**where)
        assert cloud.requests["s3.GetObject"] == 2 * ATTEMPTS + 1  # waiting would not mend it

    run(test, faults=faults)


@pytest.mark.parametrize("faults", [Faults().fail("s3.GetObject", rate=1.0)])
async def test_who_waits_between_two_attempts_can_be_cancelled(cloud: Cloud) -> None:
    where = await stored(cloud)
    with anyio.move_on_after(1) as scope:
        await cloud.s3.get_object(**where)
    assert scope.cancelled_caught
    assert anyio.current_time() == 1


@pytest.mark.parametrize("faults", [Faults().hang("sqs.ReceiveMessage", 300, at=(1, 3))])
async def test_a_run_in_a_hurry_leaves_hung_requests_behind(cloud: Cloud) -> None:
    url = await make_queue(cloud, "a")
    codes: list[Any] = []

    async def poll() -> None:
        codes.append(await bodies(cloud, url))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(poll)
        await anyio.sleep(2)
        tasks.cancel_scope.cancel()  # alone, this would wait for the answer
        cloud.hurry(1.0)
    assert codes == ["Abandoned"]
    assert anyio.current_time() == pytest.approx(2.6)
    codes.append(await bodies(cloud, url))  # this one is answered
    codes.append(await bodies(cloud, url))
    assert codes[1:] == [["a"], "Abandoned"]
    assert anyio.current_time() < 3.1
    requests = cloud.requests.total()
    assert await bodies(cloud, url) == "Abandoned"  # not even sent
    assert cloud.requests.total() == requests


@pytest.mark.parametrize(
    "make",
    [
        lambda: Faults().fail("sqs.ReceiveMessage"),
        lambda: Faults().fail("ReceiveMessage", rate=1.0),
        lambda: Faults().slow("sqs.*", 1, rate=1.5),
        lambda: Faults().cut(at=0),
    ],
)
def test_a_fault_that_cannot_be_is_refused_in_one_line(make: Callable[[], Faults]) -> None:
    with pytest.raises(SettingError, match=r"^expected .*, got.*$"):
        make()


@pytest.mark.parametrize("faults", [Faults().fail("*", rate=1.0)])
async def test_the_runs_own_bookkeeping_is_spared(cloud: Cloud) -> None:
    url = await make_queue(cloud, "a")
    answer = await cloud.monitor.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert answer["Attributes"]["ApproximateNumberOfMessages"] == "1"


def test_when_a_fault_strikes_is_said_in_words() -> None:
    faults = Faults().fail("sqs.*", rate=0.5, at=7).duplicate(at=range(2, 6)).cut(on=lambda event: False)
    assert [fault.when for fault in faults.faults] == [
        "at a rate of 0.5 and at call 7",
        "at 4 calls from 2 on",
        "on an event",
    ]
