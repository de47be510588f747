"""A stack that is half there is mended, and one that cannot be made is an error; dead letters tell why, and go back."""

from __future__ import annotations

import gzip
import json
from typing import Any

import anyio
import pytest
from queues import make_queue, receive

from palleto.cloud import Cloud, Stack, deploy
from palleto.cloud.queue.dead_letters import WORKS, dead_letters, put_back
from palleto.cloud.stack import DEAD_LETTERS, QUEUE
from palleto.errors import CloudError, SettingError

KEY = "packrat/data/x.gz"


async def announced(cloud: Cloud, stack: Stack) -> list[str]:
    """Put a file, and what the queue says until then."""
    await cloud.s3.put_object(Bucket=stack.bucket, Key=KEY, Body=b"abc")
    bodies: list[str] = []
    with anyio.move_on_after(10):
        while not any(KEY.rpartition("/")[2] in body for body in bodies):
            bodies += [message["Body"] for message in await receive(cloud, stack.queue_url)]
    return bodies


@pytest.mark.parametrize(
    "lost", ["queue", "dead letters", "bucket", "notification", "policy", "redrive policy", "block of public access"]
)
async def test_a_stack_that_lost_something_is_reported_and_mended(cloud: Cloud, place: str, lost: str) -> None:
    if place == "simulated" and lost in ("queue", "block of public access"):
        pytest.skip("the simulated place deletes no block, and a queue with its stack only")
    said: list[str] = []
    stack = await deploy(cloud, report=said.append)
    assert said == [], "a fresh one is nothing to report"
    match lost:
        case "queue":
            await cloud.sqs.delete_queue(QueueUrl=stack.queue_url)
        case "dead letters":
            await cloud.sqs.delete_queue(QueueUrl=stack.dead_letter_url)
        case "bucket":
            await cloud.s3.delete_bucket(Bucket=stack.bucket)
        case "notification":
            await cloud.s3.put_bucket_notification_configuration(Bucket=stack.bucket, NotificationConfiguration={})
        case "policy":
            await cloud.sqs.set_queue_attributes(QueueUrl=stack.queue_url, Attributes={"Policy": ""})
        case "redrive policy":
            await cloud.sqs.set_queue_attributes(QueueUrl=stack.queue_url, Attributes={"RedrivePolicy": ""})
        case "block of public access":
            await cloud.s3.delete_public_access_block(Bucket=stack.bucket)
    assert await deploy(cloud, report=said.append) == stack
    thing = {
        "dead letters": f"queue {DEAD_LETTERS}",
        "queue": f"queue {QUEUE}",
        "policy": f"policy of queue {QUEUE}",
    }
    assert any("half there: made" in line and thing.get(lost, lost) in line for line in said), said
    assert await announced(cloud, stack)
    again: list[str] = []
    assert await deploy(cloud, report=again.append) == stack
    assert again == [], "mended once"


class Answers:
    """CloudFormation's client, whose DescribeStacks says other statuses first; None: the true one."""

    def __init__(self, client: Any, statuses: list[str | None]) -> None:
        self.client, self.statuses, self.deleted = client, statuses, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    async def describe_stacks(self, StackName: str) -> Any:  # noqa: N803
        if self.statuses and (status := self.statuses.pop(0)) is not None:
            return {"Stacks": [{"StackName": StackName, "StackStatus": status, "StackStatusReason": "no more room"}]}
        return await self.client.describe_stacks(StackName=StackName)

    async def delete_stack(self, StackName: str) -> None:  # noqa: N803
        self.deleted += 1


@pytest.mark.parametrize("place", ["simulated"])
@pytest.mark.parametrize(
    ("statuses", "deleted", "made", "said"),
    [
        (["ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS"], 1, True, ": it was rolled back"),
        (["ROLLBACK_COMPLETE", "DELETE_FAILED"], 1, False, ": it was rolled back"),
        (["CREATE_FAILED"], 0, False, ": CREATE_FAILED; using what there is of it"),
        (["DELETE_FAILED"], 0, False, ": DELETE_FAILED; using what there is of it"),
        (["UPDATE_ROLLBACK_COMPLETE"], 0, False, f": made queue {DEAD_LETTERS}"),  # its queues may hold messages
        (["DELETE_COMPLETE"], 0, True, None),
    ],
)
async def test_a_stack_that_failed_is_made_good(
    cloud: Cloud, statuses: list[str], deleted: int, made: bool, said: str | None
) -> None:
    answers = Answers(cloud.monitor.cloudformation, list(statuses))
    object.__setattr__(cloud.monitor, "cloudformation", answers)
    lines: list[str] = []
    stack = await deploy(cloud, report=lines.append)
    assert lines[:1] == [] if said is None else said in lines[0]
    assert answers.deleted == deleted
    assert await announced(cloud, stack)
    assert (stack.name in {each["StackName"] for each in (await answers.describe_stacks(None))["Stacks"]}) == made


@pytest.mark.parametrize("place", ["simulated"])
@pytest.mark.parametrize(("code", "used"), [("AlreadyExistsException", True), ("LimitExceededException", False)])
async def test_a_stack_that_another_run_makes_at_this_moment_is_used(cloud: Cloud, code: str, used: bool) -> None:
    client = cloud.monitor.cloudformation
    create_stack = client.create_stack

    async def late(**arguments: Any) -> None:
        await create_stack(**arguments)
        raise CloudError("cloudformation.CreateStack", code, "Too late", 400)

    client.create_stack = late
    said: list[str] = []
    if used:
        assert (await deploy(cloud, report=said.append)).bucket == "warehouse.development"
    else:
        with pytest.raises(CloudError, match="Too late"):
            await deploy(cloud, report=said.append)
    assert said == []


@pytest.mark.parametrize("place", ["simulated"])
@pytest.mark.parametrize(
    ("service", "method", "code", "said"),
    [
        ("cloudformation", "describe_stacks", "AccessDenied", "Not for you"),
        ("cloudformation", "create_stack", "AlreadyExistsException", "Not for you"),
        ("s3", "list_objects_v2", "AccessDenied", "Not for you"),
        ("s3", "get_public_access_block", "AccessDenied", "Not for you"),
        ("sqs", "get_queue_url", "AccessDenied", "Not for you"),
        ("sqs", "get_queue_url", "QueueDoesNotExist", "stack palleto-development has no queue warehouse_raw_events"),
    ],
)
async def test_what_is_refused_is_an_error(cloud: Cloud, service: str, method: str, code: str, said: str) -> None:
    async def refuse(**arguments: Any) -> Any:
        raise CloudError(method, code, "Not for you", 403)

    setattr(getattr(cloud.monitor, service), method, refuse)
    with pytest.raises(CloudError, match=said):
        await deploy(cloud)
    made = bool((await cloud.s3.list_buckets())["Buckets"])
    assert made == (code == "QueueDoesNotExist" or method == "get_public_access_block"), "nothing, before it may look"


@pytest.mark.parametrize("place", ["simulated"])
async def test_a_bucket_of_which_a_server_says_404_is_made(cloud: Cloud) -> None:
    """No more than HTTP's status, without a body."""
    list_objects = cloud.monitor.s3.list_objects_v2

    async def without_body(**arguments: Any) -> Any:
        try:
            return await list_objects(**arguments)
        except CloudError as error:
            raise CloudError(error.operation, "404", "Not Found", 404) from error

    cloud.monitor.s3.list_objects_v2 = without_body
    assert await announced(cloud, await deploy(cloud))


@pytest.mark.parametrize("place", ["simulated"])
async def test_a_stack_is_waited_for_with_growing_pauses_and_not_for_ever(cloud: Cloud) -> None:
    answers = Answers(cloud.monitor.cloudformation, [None, *["CREATE_IN_PROGRESS"] * 10])
    object.__setattr__(cloud.monitor, "cloudformation", answers)
    begun = anyio.current_time()
    await deploy(cloud)
    assert anyio.current_time() - begun == pytest.approx(sum(0.05 * 2**n for n in range(7)) + 3 * 5)
    answers.statuses = ["CREATE_IN_PROGRESS"] * 1000
    with pytest.raises(CloudError, match=r"Timeout: stack palleto-development is not there after 300.0 s"):
        await deploy(cloud)


@pytest.mark.parametrize("there", [["queue"], ["dead letters"], ["bucket"], ["queue", "bucket"]], ids=str)
async def test_the_rest_is_made_beside_what_is_there(cloud: Cloud, there: list[str]) -> None:
    if "queue" in there:
        await make_queue(cloud, name=QUEUE, VisibilityTimeout="7")
    if "dead letters" in there:
        await cloud.sqs.create_queue(QueueName=DEAD_LETTERS)
    if "bucket" in there:
        await cloud.s3.create_bucket(Bucket="warehouse.development")
    said: list[str] = []
    stack = await deploy(cloud, report=said.append)
    assert sum(line.partition(": made ")[2].startswith(("queue", "bucket")) for line in said) == 3 - len(there)
    assert (stack.visibility_timeout, stack.max_receive_count) == (7 if "queue" in there else 30, 3)
    assert await deploy(cloud) == stack
    assert ["s3:TestEvent" in body for body in await announced(cloud, stack)] == [True, False]


@pytest.mark.parametrize("place", ["simulated"])
@pytest.mark.parametrize(("at_last", "reason"), [("ROLLBACK_COMPLETE", "no more room"), (None, "see its events")])
async def test_a_stack_that_could_not_be_made_is_an_error(cloud: Cloud, at_last: str | None, reason: str) -> None:
    answers = Answers(cloud.monitor.cloudformation, [None, "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", at_last])
    object.__setattr__(cloud.monitor, "cloudformation", answers)
    with pytest.raises(CloudError, match=f"CreateStack failed with ROLLBACK_COMPLETE: .*{reason}"):
        await deploy(cloud)


async def test_others_notifications_of_the_bucket_are_kept(cloud: Cloud, place: str) -> None:
    url = await make_queue(cloud)
    arn = (await cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]))["Attributes"]["QueueArn"]
    await cloud.s3.create_bucket(Bucket="warehouse.development")
    theirs: dict[str, Any] = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectRemoved:*"]}]}
    if place == "embedded":  # the simulated place has queues only, and LocalStack looks for the topic
        theirs["TopicConfigurations"] = [{"TopicArn": arn.replace("sqs", "sns"), "Events": ["s3:ObjectRemoved:*"]}]
    await cloud.s3.put_bucket_notification_configuration(
        Bucket="warehouse.development", NotificationConfiguration=theirs
    )
    stack = await deploy(cloud)
    answer = await cloud.s3.get_bucket_notification_configuration(Bucket=stack.bucket)
    assert {each["QueueArn"] for each in answer["QueueConfigurations"]} == {arn, stack.queue_arn}
    assert theirs.keys() <= answer.keys()


async def test_dead_letters_tell_why_and_go_back(cloud: Cloud) -> None:
    with pytest.raises(SettingError, match=r"expected queue \w+, got none; run a step first"):
        await dead_letters(cloud)
    stack = await deploy(cloud)
    assert await dead_letters(cloud) == []
    await cloud.s3.put_object(Bucket=stack.bucket, Key="elsewhere/good.gz", Body=gzip.compress(b"x\n"))
    await cloud.s3.put_object(Bucket=stack.bucket, Key="elsewhere/bad.gz", Body=b"not gzip")

    def event(key: str) -> str:
        return json.dumps({"Records": [{"s3": {"bucket": {"name": stack.bucket}, "object": {"key": key}}}]})

    bodies = ["hey", event("elsewhere/gone.gz"), event("elsewhere/bad.gz"), event("elsewhere/good.gz")]
    for body in [*bodies, event("../../etc/passwd.gz")]:
        await cloud.sqs.send_message(QueueUrl=stack.dead_letter_url, MessageBody=body)
    letters = await dead_letters(cloud)
    reasons = {letter.files[0] if letter.files else "": letter.reason for letter in letters}
    assert reasons[""] == "expected the JSON of an S3 event, got: hey"
    assert "NoSuchKey" in reasons["elsewhere/gone.gz"]
    assert "gzip" in reasons["elsewhere/bad.gz"]
    assert reasons["elsewhere/good.gz"] == WORKS
    assert ".." in reasons["../../etc/passwd.gz"]
    assert len(await dead_letters(cloud)) == 5, "looking takes nothing away"
    assert await put_back(cloud) == 5
    assert await dead_letters(cloud) == []
    left = []
    while messages := await receive(cloud, stack.queue_url):
        left += [message["Body"] for message in messages]
    assert set(bodies) < set(left)
