"""The embedded server: on loopback, gone with its run, and moto as a pipeline needs it."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from palleto import clock
from palleto.cloud import Cloud, open_cloud
from palleto.cloud.clients import BotoTransport
from palleto.cloud.places.localstack.instance import listened_on
from palleto.errors import CloudError


@pytest.fixture
def place() -> str:
    """The only one here."""
    return "embedded"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/net")
def test_listens_on_loopback_only_and_closes_its_port(run: Any) -> None:
    async def test(cloud: Cloud) -> int:
        port = int(urlsplit(str(cloud.place.endpoint)).port or 0)
        assert listened_on(port) == {"127.0.0.1"}
        return port

    assert listened_on(run(test)) == set()


def test_is_stopped_by_an_error_and_by_cancellation(run: Any) -> None:
    async def fail(_: Cloud) -> None:
        raise ZeroDivisionError

    async def cancelled(_: Cloud) -> None:
        with anyio.CancelScope() as scope:
            async with open_cloud("embedded"):
                scope.cancel()
                await anyio.sleep_forever()

    with pytest.raises(ZeroDivisionError):
        run(fail)
    run(cancelled)
    assert not [thread for thread in threading.enumerate() if thread.name == "palleto-moto"]


@pytest.mark.parametrize("settings", [{"concurrency": 32}])
async def test_many_receivers_get_each_message_once(cloud: Cloud) -> None:
    """moto alone handed 1 or 2 of 300 messages out twice, and lost deletes that crossed."""
    got: Counter[str] = Counter()
    url = (await cloud.sqs.create_queue(QueueName="events"))["QueueUrl"]
    for n in range(30):
        entries = [{"Id": str(i), "MessageBody": f"{n}-{i}"} for i in range(10)]
        await cloud.sqs.send_message_batch(QueueUrl=url, Entries=entries)

    async def work() -> None:
        while messages := (await cloud.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3)).get("Messages"):
            got.update(message["Body"] for message in messages)
            entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
            assert not (await cloud.sqs.delete_message_batch(QueueUrl=url, Entries=entries)).get("Failed")

    async with anyio.create_task_group() as tasks:
        for _ in range(32):
            tasks.start_soon(work)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = await cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    assert set(left["Attributes"].values()) == {"0"}
    assert (len(got), set(got.values())) == (300, {1})


@pytest.mark.parametrize("requests", [True, False])
@pytest.mark.parametrize("settings", [{"concurrency": 60}])
async def test_concurrency_is_the_doors_own(cloud: Cloud, requests: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty requests, or blocking calls, at one time: more than anyio's shared 40 threads."""
    barrier = threading.Barrier(60, timeout=60)
    monkeypatch.setattr(BotoTransport, "blocking", lambda *request: {"Number": barrier.wait()})
    async with anyio.create_task_group() as tasks:
        for _ in range(60):
            tasks.start_soon(cloud.sqs.list_queues if requests else partial(cloud.blocking, barrier.wait))


def test_errors_of_the_network_are_cloud_errors(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # botocore waits between its tries, and the door between its own

    async def main() -> CloudError:
        async with open_cloud("embedded") as cloud:
            lost: Cloud = cloud
        with pytest.raises(CloudError) as caught:
            await lost.sqs.get_queue_url(QueueName="events")
        return caught.value

    error = clock.run(main, backend=backend, time=100)
    assert (error.operation, error.code, error.status) == ("sqs.GetQueueUrl", "EndpointConnectionError", 0)
