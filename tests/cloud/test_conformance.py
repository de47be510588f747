"""The same calls get the same answers: simulated (on virtual time), moto and LocalStack, on asyncio and trio.

The differences that stay are written down in localstack/differences.md; where a test meets one, it says so.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import anyio
import pytest
from queues import make_queue, receive

from palleto.cloud import Cloud, deploy, sample, upload
from palleto.errors import CloudError

Run = Callable[..., Any]
ODD_KEYS = ("2016 07+20.gz", "a%20b.gz", "ünï-日本.gz", "two..dots.gz", "deep/er/x.gz", "q?&=#;.gz")


async def receive_all(cloud: Cloud, url: str, count: int) -> list[dict[str, Any]]:
    """Receive until there are `count` messages, and no more: S3 may announce a file after it has answered the put."""
    messages: list[dict[str, Any]] = []
    with anyio.move_on_after(10):
        while len(messages) < count:
            messages += await receive(cloud, url)
    assert len(messages) == count
    assert await receive(cloud, url, WaitTimeSeconds=0) == []
    return messages


async def code_of(request: Any) -> str:
    with pytest.raises(CloudError) as caught:
        await request
    return caught.value.code


async def test_a_message_is_sent_received_and_deleted(cloud: Cloud) -> None:
    url = await make_queue(cloud)
    sent = await cloud.sqs.send_message(QueueUrl=url, MessageBody="hey")
    (message,) = await receive(cloud, url)
    assert set(message) == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}
    assert message["Body"] == "hey"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"] == "6057f13c496ecf7fd777ceb9e79ae285"
    await cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    answer = await cloud.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    assert "Messages" not in answer
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("argument", ["AttributeNames", "MessageSystemAttributeNames"])
async def test_attributes_of_a_message_are_given_when_asked_for(cloud: Cloud, argument: str) -> None:
    url = await make_queue(cloud, "hey")
    (message,) = await receive(cloud, url, **{argument: ["ApproximateReceiveCount"]}, VisibilityTimeout=0)
    assert message["Attributes"] == {"ApproximateReceiveCount": "1"}
    (message,) = await receive(cloud, url, **{argument: ["All"]})
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"
    assert {"SenderId", "SentTimestamp", "ApproximateFirstReceiveTimestamp"} < set(message["Attributes"])


@pytest.mark.parametrize(
    "arguments", [{"MaxNumberOfMessages": 0}, {"MaxNumberOfMessages": 11}, {"WaitTimeSeconds": 21}]
)
async def test_a_receive_out_of_range_is_refused(cloud: Cloud, arguments: dict[str, int]) -> None:
    if "localstack" in cloud.place.name and arguments == {"MaxNumberOfMessages": 0}:
        return  # a difference that stays: LocalStack answers with a message, if there is one
    url = await make_queue(cloud)
    assert await code_of(cloud.sqs.receive_message(QueueUrl=url, **arguments)) == "InvalidParameterValue"


async def test_a_receive_hands_out_at_most_what_was_asked(cloud: Cloud) -> None:
    url = await make_queue(cloud)
    entries = [{"Id": str(n), "MessageBody": f"message {n}"} for n in range(10)]
    answer = await cloud.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == [entry["Id"] for entry in entries]
    first = await receive(cloud, url, MaxNumberOfMessages=3)
    rest = await receive(cloud, url)
    assert [message["Body"] for message in first] == ["message 0", "message 1", "message 2"]
    assert len(rest) == 7


async def test_a_long_poll_ends_when_a_message_comes(cloud: Cloud) -> None:
    url = await make_queue(cloud)
    began = anyio.current_time()

    async def send() -> None:
        await anyio.sleep(0.2)
        await cloud.sqs.send_message(QueueUrl=url, MessageBody="hey")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        assert len(await receive(cloud, url, WaitTimeSeconds=20)) == 1
    assert 0.2 <= anyio.current_time() - began < 2


async def test_a_long_poll_of_nothing_takes_its_whole_wait(cloud: Cloud) -> None:
    url = await make_queue(cloud, ReceiveMessageWaitTimeSeconds="1")
    began = anyio.current_time()
    assert "Messages" not in await cloud.sqs.receive_message(QueueUrl=url)  # the queue's own wait
    assert 1 <= anyio.current_time() - began < 2
    began = anyio.current_time()
    assert await receive(cloud, url, WaitTimeSeconds=0) == []
    assert anyio.current_time() - began < 0.5


async def test_a_message_comes_back_after_its_visibility_timeout_with_a_new_handle(cloud: Cloud) -> None:
    url = await make_queue(cloud, "hey", VisibilityTimeout="1")
    (first,) = await receive(cloud, url)
    assert await receive(cloud, url, WaitTimeSeconds=0) == []
    (again,) = await receive(cloud, url, WaitTimeSeconds=2, AttributeNames=["All"])
    assert again["MessageId"] == first["MessageId"]
    assert again["ReceiptHandle"] != first["ReceiptHandle"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    await cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])  # an old handle deletes
    assert await receive(cloud, url) == []


async def test_a_visibility_is_changed_to_longer_and_to_0(cloud: Cloud) -> None:
    url = await make_queue(cloud, "hey", VisibilityTimeout="1")
    (message,) = await receive(cloud, url)
    handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    await cloud.sqs.change_message_visibility(**handle, VisibilityTimeout=600)
    await anyio.sleep(0.5)
    assert await receive(cloud, url) == []
    await cloud.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    (again,) = await receive(cloud, url, WaitTimeSeconds=0)  # at once
    assert again["MessageId"] == message["MessageId"]


async def test_batches_fail_in_part(cloud: Cloud) -> None:
    url = await make_queue(cloud, "hey")
    (message,) = await receive(cloud, url)
    good = {"Id": "good", "ReceiptHandle": message["ReceiptHandle"]}
    bad = {"Id": "bad", "ReceiptHandle": "no-such-handle"}
    for operation, more in (
        (cloud.sqs.change_message_visibility_batch, {"VisibilityTimeout": 60}),
        (cloud.sqs.delete_message_batch, {}),
    ):
        answer = await operation(QueueUrl=url, Entries=[{**bad, **more}, {**good, **more}])
        assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
        (failed,) = answer["Failed"]
        assert (failed["Id"], failed["Code"]) == ("bad", "ReceiptHandleIsInvalid")
        assert failed["SenderFault"] is (cloud.place.name != "localstack")  # a difference that stays
        assert "handle" in failed["Message"]


async def test_a_batch_that_is_no_batch_is_refused(cloud: Cloud) -> None:
    url = await make_queue(cloud)
    request = cloud.sqs.delete_message_batch(QueueUrl=url, Entries=[])
    assert await code_of(request) == "AWS.SimpleQueueService.EmptyBatchRequest"
    twice = [{"Id": "1", "MessageBody": "a"}, {"Id": "1", "MessageBody": "b"}]
    request = cloud.sqs.send_message_batch(QueueUrl=url, Entries=twice)
    assert await code_of(request) == "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"
    request = cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle="no-such-handle")
    assert await code_of(request) == "ReceiptHandleIsInvalid"


async def test_a_message_is_dead_lettered_at_receive_n_plus_1(cloud: Cloud) -> None:
    dead = await make_queue(cloud, name="dead")
    arn = (await cloud.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    url = await make_queue(cloud, RedrivePolicy=policy)
    sent = await cloud.sqs.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        assert len(await receive(cloud, url, VisibilityTimeout=0)) == 1
        assert await receive(cloud, dead, WaitTimeSeconds=0) == []
    assert await receive(cloud, url) == []
    (message,) = await receive(cloud, dead, AttributeNames=["ApproximateReceiveCount"])
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "poison")
    assert message["Attributes"]["ApproximateReceiveCount"] == "3"


async def test_depth_is_counted(cloud: Cloud) -> None:
    url = await make_queue(cloud, "a", "b", "c")
    await cloud.sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=600)
    await receive(cloud, url, MaxNumberOfMessages=1)
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    answer = await cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    assert [answer["Attributes"][name] for name in names] == ["2", "1", "1"]
    await cloud.sqs.purge_queue(QueueUrl=url)
    answer = await cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    assert answer["Attributes"][names[0]] == "0"


async def test_queues_are_found_by_name(cloud: Cloud) -> None:
    url = await make_queue(cloud, VisibilityTimeout="7")
    assert await make_queue(cloud, VisibilityTimeout="7") == url
    assert (await cloud.sqs.get_queue_url(QueueName="events"))["QueueUrl"] == url
    request = cloud.sqs.create_queue(QueueName="events", Attributes={"VisibilityTimeout": "8"})
    assert await code_of(request) == "QueueAlreadyExists"
    await cloud.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "9"})
    answer = await cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert answer["Attributes"] == {"VisibilityTimeout": "9"}
    await cloud.sqs.delete_queue(QueueUrl=url)
    for request in (cloud.sqs.get_queue_url(QueueName="events"), cloud.sqs.receive_message(QueueUrl=url)):
        assert await code_of(request) == "AWS.SimpleQueueService.NonExistentQueue"


async def test_objects_are_put_read_listed_and_deleted(cloud: Cloud) -> None:
    await cloud.s3.create_bucket(Bucket="a.bucket")
    etag = '"900150983cd24fb0d6963f7d28e17f72"'
    put = await cloud.s3.put_object(Bucket="a.bucket", Key="b/c", Body=b"abc", Metadata={"made": "here"})
    assert put["ETag"] == etag
    await cloud.s3.put_object(Bucket="a.bucket", Key="file", Body=io.BytesIO(b"0123456789"))
    head = await cloud.s3.head_object(Bucket="a.bucket", Key="b/c")
    got = await cloud.s3.get_object(Bucket="a.bucket", Key="b/c")
    for answer in (head, got):
        assert (answer["ContentLength"], answer["ETag"], answer["Metadata"]) == (3, etag, {"made": "here"})
        assert answer["LastModified"].tzinfo is not None
    with got["Body"] as body:
        assert await cloud.blocking(body.read) == b"abc"
        assert await cloud.blocking(body.read) == b""
    body = (await cloud.s3.get_object(Bucket="a.bucket", Key="file"))["Body"]
    assert [body.read(4), *body.iter_chunks(5)] == [b"0123", b"45678", b"9"]
    body.close()
    body.close()
    listed = await cloud.s3.list_objects_v2(Bucket="a.bucket", MaxKeys=1)
    assert [(entry["Key"], entry["Size"], entry["ETag"]) for entry in listed["Contents"]] == [("b/c", 3, etag)]
    assert (listed["IsTruncated"], listed["KeyCount"]) == (True, 1)
    token = listed["NextContinuationToken"]
    listed = await cloud.s3.list_objects_v2(Bucket="a.bucket", ContinuationToken=token)
    assert [entry["Key"] for entry in listed["Contents"]] == ["file"]
    assert await code_of(cloud.s3.delete_bucket(Bucket="a.bucket")) == "BucketNotEmpty"
    await cloud.s3.delete_object(Bucket="a.bucket", Key="b/c")
    await cloud.s3.delete_objects(Bucket="a.bucket", Delete={"Objects": [{"Key": "file"}]})
    await cloud.s3.delete_object(Bucket="a.bucket", Key="never-there")
    listed = await cloud.s3.list_objects_v2(Bucket="a.bucket", Prefix="b")
    assert (listed["KeyCount"], "Contents" in listed) == (0, False)
    await cloud.s3.delete_bucket(Bucket="a.bucket")
    assert await code_of(cloud.s3.head_bucket(Bucket="a.bucket")) == "404"


async def test_objects_that_are_not_there(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match=r"^s3.GetObject failed with NoSuchBucket: ") as caught:
        await cloud.s3.get_object(Bucket="a.bucket", Key="k")
    assert (caught.value.operation, caught.value.status) == ("s3.GetObject", 404)
    await cloud.s3.create_bucket(Bucket="a.bucket")
    assert await code_of(cloud.s3.get_object(Bucket="a.bucket", Key="k")) == "NoSuchKey"
    assert await code_of(cloud.s3.head_object(Bucket="a.bucket", Key="k")) == "404"
    assert await code_of(cloud.s3.head_bucket(Bucket="b.bucket")) == "404"


async def test_an_operation_or_argument_that_is_not_there(cloud: Cloud) -> None:
    with pytest.raises(AttributeError, match="recieve_message"):
        cloud.sqs.recieve_message  # noqa: B018
    with pytest.raises(AttributeError):
        cloud.sqs.close  # noqa: B018
    assert await code_of(cloud.sqs.receive_message(Queue="x")) == "ParamValidationError"
    assert await code_of(cloud.s3.get_object(Bucket="a.bucket")) == "ParamValidationError"


async def test_a_put_is_announced(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    await cloud.s3.put_object(Bucket=stack.bucket, Key="packrat/data/20160720.gz", Body=b"abc")
    await cloud.s3.put_object(Bucket=stack.bucket, Key="packrat/data/notes.txt", Body=b"abc")
    await cloud.s3.put_object(Bucket=stack.bucket, Key="elsewhere/20160720.gz", Body=b"abc")
    test_event, event = [json.loads(message["Body"]) for message in await receive_all(cloud, stack.queue_url, 2)]
    assert test_event["Event"] == "s3:TestEvent"
    assert test_event["Bucket"] == stack.bucket
    assert "Records" not in test_event
    (record,) = event["Records"]
    assert {"eventVersion", "eventSource", "awsRegion", "eventTime", "eventName", "s3"} <= set(record)
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["s3"]["bucket"]["name"] == stack.bucket
    assert unquote_plus(record["s3"]["object"]["key"]) == "packrat/data/20160720.gz"
    assert record["s3"]["object"]["size"] == 3
    assert record["s3"]["object"]["eTag"] == "900150983cd24fb0d6963f7d28e17f72"


async def test_odd_keys_come_back_from_an_event(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    keys = [f"packrat/data/{key}" for key in ODD_KEYS]
    for key in keys:
        await cloud.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"")
    messages = await receive_all(cloud, stack.queue_url, len(keys) + 1)
    _, *events = [json.loads(message["Body"]) for message in messages]
    told = [unquote_plus(event["Records"][0]["s3"]["object"]["key"]) for event in events]
    assert sorted(told) == sorted(keys)
    for key in told:
        body = (await cloud.s3.get_object(Bucket=stack.bucket, Key=key))["Body"]
        assert await cloud.blocking(body.read) == b""


async def test_deploying_twice_changes_nothing(cloud: Cloud) -> None:
    stack = await deploy(cloud, "test", visibility_timeout=5, max_receive_count=4)
    assert (stack.name, stack.bucket) == ("palleto-test", "warehouse.test")
    assert (stack.visibility_timeout, stack.max_receive_count) == (5.0, 4)
    before = await settings_of(cloud, stack)
    assert await deploy(cloud, "test", visibility_timeout=6) == stack
    assert await settings_of(cloud, stack) == before
    assert len(await receive(cloud, stack.queue_url)) == 1, "one TestEvent: the notification was put once"
    policy = json.loads(before["queue"]["Policy"])
    (statement,) = filter(None, policy["Statement"])  # of AWS::NoValue in a list moto makes null, AWS nothing
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == stack.queue_arn
    assert statement["Condition"]["ArnEquals"] == {"aws:SourceArn": "arn:aws:s3:::warehouse.test"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": stack.queue_arn.split(":")[4]}
    assert before["queue"]["MessageRetentionPeriod"] == before["dead"]["MessageRetentionPeriod"] == "1209600"
    assert before["queue"]["SqsManagedSseEnabled"] == "true"
    assert set(before["block"].values()) == {True}


async def settings_of(cloud: Cloud, stack: Any) -> dict[str, Any]:
    async def attributes(url: str) -> dict[str, str]:
        answer = await cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return {k: v for k, v in answer["Attributes"].items() if not k.startswith("Approximate")}

    notification = await cloud.s3.get_bucket_notification_configuration(Bucket=stack.bucket)
    block = await cloud.s3.get_public_access_block(Bucket=stack.bucket)
    return {
        "queue": await attributes(stack.queue_url),
        "dead": await attributes(stack.dead_letter_url),
        "notification": notification["QueueConfigurations"],
        "block": block["PublicAccessBlockConfiguration"],
    }


async def test_two_environments_share_the_queue(cloud: Cloud) -> None:
    one, two = await deploy(cloud, "one"), await deploy(cloud, "two")
    assert (one.bucket, two.bucket, one.queue_url) == ("warehouse.one", "warehouse.two", two.queue_url)


async def test_uploading_again_puts_what_is_new(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    files, begun = [sample(day) for day in range(3)], []
    assert await upload(cloud, stack, files[:2]) == [file.key for file in files[:2]]
    assert await upload(cloud, stack, files, begun=lambda: begun.append(None)) == [files[2].key]
    await cloud.s3.put_object(Bucket=stack.bucket, Key=files[0].key, Body=b"x" * files[0].size)
    assert await upload(cloud, stack, files) == [files[0].key], "same size, other bytes"
    assert len(begun) == 3, "whenever a file is there, whoever has put it"
    await receive_all(cloud, stack.queue_url, 6)  # with the TestEvent
    assert set(cloud.requests) == {"s3.PutObject", "sqs.ReceiveMessage"}, "deploy and upload are not counted"


def test_requests_are_counted_and_observed(run: Run) -> None:
    seen: list[tuple[str, dict[str, Any], Any]] = []

    async def test(cloud: Cloud) -> None:
        url = (await cloud.sqs.create_queue(QueueName="events"))["QueueUrl"]
        await cloud.monitor.sqs.receive_message(QueueUrl=url)
        await code_of(cloud.s3.get_object(Bucket="none", Key="k"))
        assert cloud.requests == {"sqs.CreateQueue": 1, "s3.GetObject": 1}
        assert repr(cloud) == f"<Cloud {cloud.place.name}: 2 requests>"

    run(test, observer=lambda *request: seen.append(request))
    assert [(operation, sorted(arguments)) for operation, arguments, _ in seen] == [
        ("sqs.CreateQueue", ["QueueName"]),
        ("s3.GetObject", ["Bucket", "Key"]),
    ]
    assert seen[0][2]["QueueUrl"].endswith("/events")
    assert isinstance(seen[1][2], CloudError)


async def test_a_cancelled_receive_hands_its_messages_on(cloud: Cloud) -> None:
    """The answer comes to the caller, and the cancellation at the caller's next await."""
    url = await make_queue(cloud)
    got: list[str] = []

    async with anyio.create_task_group() as tasks:

        async def poll() -> None:
            messages = await receive(cloud, url, WaitTimeSeconds=20)
            got.extend(message["Body"] for message in messages)
            await anyio.lowlevel.checkpoint()
            pytest.fail("the cancellation was lost")

        tasks.start_soon(poll)
        await anyio.sleep(0.2)
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.1)
            await cloud.sqs.send_message(QueueUrl=url, MessageBody="hey")
    assert got == ["hey"]


async def test_a_cancelled_caller_sends_nothing(cloud: Cloud) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await cloud.sqs.create_queue(QueueName="never")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await cloud.blocking(pytest.fail, "called")
    assert cloud.requests == {}
