from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest

from palleto import clock
from palleto.cloud import Cloud, deploy, open_cloud
from palleto.cloud.clients.boto import Body
from palleto.errors import CloudError


def listeners(port: int) -> list[str]:
    """The addresses, as /proc writes them, on which this port is listened on."""
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, number = local.partition(":")
            if state == "0A" and int(number, 16) == port:
                found.append(address)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/net")
def test_listens_on_loopback_only_and_closes_its_port(backend: str) -> None:
    async def main() -> int:
        async with open_cloud("embedded") as cloud:
            port = int(urlsplit(str(cloud.place.endpoint)).port or 0)
            assert listeners(port) == ["0100007F"]
            return port

    before = set(threading.enumerate())
    assert listeners(clock.run(main, backend=backend)) == []
    assert not [thread for thread in set(threading.enumerate()) - before if "moto" in thread.name]


def test_is_stopped_by_an_error_and_by_cancellation(backend: str) -> None:
    async def fail() -> None:
        async with open_cloud("embedded"):
            raise ZeroDivisionError

    async def cancelled() -> None:
        with anyio.CancelScope() as scope:
            async with open_cloud("embedded"):
                scope.cancel()
                await anyio.sleep_forever()

    with pytest.raises(ZeroDivisionError):
        clock.run(fail, backend=backend)
    clock.run(cancelled, backend=backend)
    assert not [thread for thread in threading.enumerate() if thread.name == "palleto-moto"]


def test_a_run_sees_nothing_of_the_run_before() -> None:
    async def main() -> list[str]:
        async with open_cloud("embedded") as cloud:
            found = [bucket["Name"] for bucket in (await cloud.s3.list_buckets())["Buckets"]]
            await cloud.s3.create_bucket(Bucket="a.bucket")
            return found

    assert clock.run(main) == clock.run(main) == []


def test_many_receivers_get_each_message_once(backend: str) -> None:
    """moto alone handed 1 or 2 of 300 messages out twice, and lost deletes that crossed."""

    async def main() -> Counter[str]:
        got: Counter[str] = Counter()
        async with open_cloud("embedded", concurrency=32) as cloud:
            url = (await cloud.sqs.create_queue(QueueName="events"))["QueueUrl"]
            for n in range(30):
                entries = [{"Id": str(i), "MessageBody": f"{n}-{i}"} for i in range(10)]
                await cloud.sqs.send_message_batch(QueueUrl=url, Entries=entries)

            async def work() -> None:
                while messages := (await cloud.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3)).get(
                    "Messages"
                ):
                    got.update(message["Body"] for message in messages)
                    entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
                    assert not (await cloud.sqs.delete_message_batch(QueueUrl=url, Entries=entries)).get("Failed")

            async with anyio.create_task_group() as tasks:
                for _ in range(32):
                    tasks.start_soon(work)
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            left = await cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
            assert set(left["Attributes"].values()) == {"0"}
        return got

    got = clock.run(main, backend=backend)
    assert (len(got), set(got.values())) == (300, {1})


def test_concurrency_is_the_doors_own(backend: str) -> None:
    """Sixty blocking calls at one time: more than anyio's shared 40 threads."""

    async def main() -> None:
        async with open_cloud("embedded", concurrency=60) as cloud:
            barrier = threading.Barrier(60, timeout=10)
            async with anyio.create_task_group() as tasks:
                for _ in range(60):
                    tasks.start_soon(cloud.blocking, lambda: barrier.wait())

    clock.run(main, backend=backend)


def test_says_nothing_and_leaves_other_models_of_moto_alone() -> None:
    """In a fresh process: deploying writes nothing to standard error, and Kinesis's models are moto's own after it."""
    program = (
        "import sys, anyio, palleto.cloud\n"
        "async def main():\n"
        "    async with palleto.cloud.open_cloud('embedded') as cloud:\n"
        "        await palleto.cloud.deploy(cloud)\n"
        "        assert not {'moto.ec2', 'moto.kinesis'} & set(sys.modules), 'not needed'\n"
        "anyio.run(main)\n"
        "import moto.kinesis.models\n"
        "print(moto.kinesis.models.KinesisBackend.__module__)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "moto.kinesis.models\n"


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


def test_a_body_that_breaks_off_is_a_cloud_error() -> None:
    from botocore.exceptions import ResponseStreamingError
    from urllib3.exceptions import ProtocolError

    class Broken:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def read(self, n: int | None) -> bytes:
            raise self.error

    for error in (ResponseStreamingError(error="cut"), ProtocolError("cut"), ConnectionResetError("cut")):
        with pytest.raises(CloudError, match=f"^s3.GetObject failed with {type(error).__name__}: ") as caught:
            list(Body("s3.GetObject", Broken(error)).iter_chunks())
        assert caught.value.__cause__ is error
    with pytest.raises(ZeroDivisionError):
        Body("s3.GetObject", Broken(ZeroDivisionError())).read()


def test_a_body_is_closed_without_waiting_for_a_read_that_was_left_behind() -> None:
    """As io.BufferedReader does, the stream keeps one lock for reading and closing."""

    class Silent:
        def __init__(self) -> None:
            self.lock, self.begun, self.answer = threading.Lock(), threading.Event(), threading.Event()
            self.closed = 0

        def read(self, n: int | None) -> bytes:
            with self.lock:
                self.begun.set()
                self.answer.wait(20)
                return b"at last"

        def close(self) -> None:
            with self.lock:
                self.closed += 1

    stream = Silent()
    body = Body("s3.GetObject", stream)
    reader = threading.Thread(target=body.read, daemon=True)
    reader.start()
    stream.begun.wait(20)
    body.close()
    assert stream.closed == 0
    stream.answer.set()
    reader.join(20)
    assert stream.closed == 1
    body.close()
    assert stream.closed == 2


def test_a_profile_of_the_users_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody has this one")

    async def main() -> None:
        async with open_cloud("embedded") as cloud:
            await deploy(cloud)

    anyio.run(main)
    assert os.environ["AWS_PROFILE"] == "nobody has this one"
