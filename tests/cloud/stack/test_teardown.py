"""A stack is removed as a whole, and nothing else; not on the simulated place, which forgets all at its end."""

from __future__ import annotations

from typing import Any

import pytest

from palleto.cloud import Cloud, deploy
from palleto.cloud.stack import DEAD_LETTERS, QUEUE
from palleto.cloud.stack.teardown import tear_down
from palleto.errors import CloudError, SettingError

KEY = "packrat/data/x.gz"
EMBEDDED = pytest.mark.parametrize("place", ["embedded"])
"""LocalStack removes what the template retains, and its new bucket has a deleted one's tags."""


@pytest.fixture(params=["embedded", pytest.param("localstack", marks=pytest.mark.localstack)])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_down_removes_what_was_made_and_only_that(cloud: Cloud) -> None:
    await cloud.s3.create_bucket(Bucket="a.bucket")
    await cloud.sqs.create_queue(QueueName="events")
    stack = await deploy(cloud)
    await cloud.s3.put_object(Bucket=stack.bucket, Key=KEY, Body=b"abc")
    with pytest.raises(SettingError, match="to be empty, got 1 files; add --files-too"):
        await tear_down(cloud)
    assert await deploy(cloud) == stack, "nothing was removed"
    lines = await tear_down(cloud, files_too=True)
    assert lines[0] == f"removed stack {stack.name}"
    assert f"removed bucket {stack.bucket} and its 1 files" in lines
    assert [bucket["Name"] for bucket in (await cloud.s3.list_buckets())["Buckets"]] == ["a.bucket"]
    urls = (await cloud.sqs.list_queues())["QueueUrls"]
    assert [url.rpartition("/")[2] for url in urls] == ["events"]
    with pytest.raises(CloudError):
        await cloud.cloudformation.describe_stacks(StackName=stack.name)
    assert await tear_down(cloud) == ["nothing to remove: there is no stack palleto-development"]


ODD = ["packrat/data/\x01.gz", "\x0b", "\x85", "\u2028", "\ufffe", "]]>&<", " "]


async def test_tear_down_removes_files_that_xml_cannot_name(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    for key in ODD:
        await cloud.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"")
    assert f"removed bucket {stack.bucket} and its {len(ODD)} files" in await tear_down(cloud, files_too=True)


async def test_tear_down_tries_one_by_one_what_a_batch_left(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    for key in ("a", "b"):
        await cloud.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"")

    async def refuse(**arguments: object) -> dict[str, object]:
        return {"Errors": [{"Key": key, "Code": "InternalError"} for key in ("a", "b")]}

    cloud.monitor.s3.delete_objects = refuse
    list_objects = cloud.monitor.s3.list_objects_v2
    cloud.monitor.s3.list_objects_v2 = lambda **arguments: list_objects(**arguments | {"MaxKeys": 1})  # a page each
    assert f"removed bucket {stack.bucket} and its 2 files" in await tear_down(cloud, files_too=True)


async def test_tear_down_lists_again_until_nothing_is_there(cloud: Cloud) -> None:
    """LocalStack's second page lacks keys."""
    stack = await deploy(cloud)
    for key in ("a", "b", "c"):
        await cloud.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"")
    list_objects = cloud.monitor.s3.list_objects_v2

    async def first_page(**arguments: Any) -> Any:
        return {**await list_objects(**arguments | {"MaxKeys": 2}), "IsTruncated": False}

    cloud.monitor.s3.list_objects_v2 = first_page
    assert f"removed bucket {stack.bucket} and its 3 files" in await tear_down(cloud, files_too=True)


@EMBEDDED
async def test_tear_down_does_not_ask_for_ever(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    await cloud.s3.put_object(Bucket=stack.bucket, Key="a", Body=b"")

    async def nothing(**arguments: Any) -> dict[str, Any]:
        return {}

    cloud.monitor.s3.delete_objects = nothing
    with pytest.raises(CloudError, match="BucketNotEmpty"):
        await tear_down(cloud, files_too=True)


@EMBEDDED
async def test_what_a_tear_down_could_not_remove_is_known_to_the_next(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    delete_bucket = cloud.monitor.s3.delete_bucket

    async def refuse(**arguments: Any) -> None:
        raise CloudError("s3.DeleteBucket", "BucketNotEmpty", "The bucket you tried to delete is not empty", 409)

    cloud.monitor.s3.delete_bucket = refuse
    with pytest.raises(CloudError, match="BucketNotEmpty"):
        await tear_down(cloud)
    cloud.monitor.s3.delete_bucket = delete_bucket
    assert await tear_down(cloud) == [f"removed bucket {stack.bucket}"]


async def test_down_leaves_what_was_made_some_other_way(cloud: Cloud) -> None:
    await cloud.sqs.create_queue(QueueName=QUEUE)
    await deploy(cloud)
    assert await tear_down(cloud) == [
        f"removed queue {DEAD_LETTERS}",
        "removed bucket warehouse.development",
        f"left {QUEUE}: it was made some other way",
    ]


@EMBEDDED
async def test_down_leaves_a_bucket_that_was_made_some_other_way_and_its_files(cloud: Cloud) -> None:
    await cloud.s3.create_bucket(Bucket="warehouse.development")
    stack = await deploy(cloud)
    await cloud.s3.put_object(Bucket=stack.bucket, Key=KEY, Body=b"abc")
    assert await tear_down(cloud, files_too=True) == [
        f"removed queue {QUEUE}",
        f"removed queue {DEAD_LETTERS}",
        f"left {stack.bucket}: it was made some other way",
    ]
    assert (await cloud.s3.head_object(Bucket=stack.bucket, Key=KEY))["ContentLength"] == 3
