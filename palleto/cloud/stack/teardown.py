"""The opposite of `deploy`: remove the stack and what was made beside it, and only that.

A bucket or queue is removed when the stack `palleto-<environment>` lists it, or it carries the tag that `deploy` gives
to what it makes beside CloudFormation. One that was made some other way is left, and said to be.
"""

from __future__ import annotations

import re

from palleto.cloud.clients.errors import whole_answers
from palleto.cloud.door import Cloud
from palleto.cloud.endurance import no_queue
from palleto.cloud.stack.deployment import DEAD_LETTERS, QUEUE, TAG, Deployment
from palleto.errors import CloudError, SettingError

NOT_XML = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""A character that XML 1.0 cannot hold, or that may come out of it as another one."""


async def tear_down(cloud: Cloud, environment: str = "development", *, files_too: bool = False) -> list[str]:
    """Remove the stack of an environment, its queues and its bucket, and give back a line for each thing done or left.

    The messages in its queues go with them: they are announcements of files. A bucket that holds files is
    refused, before anything is removed, unless `files_too`. Raises `SettingError` then, and `CloudError`.
    """
    with whole_answers("removing the stack"):
        return await _Teardown(cloud, environment).run(files_too)


class _Teardown:
    def __init__(self, cloud: Cloud, environment: str) -> None:
        self.there = Deployment(cloud, environment, {"Environment": environment})
        self.sqs, self.s3, self.cloudformation = self.there.sqs, self.there.s3, self.there.cloudformation
        self.name, self.bucket = self.there.name, self.there.bucket

    async def run(self, files_too: bool) -> list[str]:
        lines = []
        listed = await self.listed()
        buckets = [self.bucket] if await self.there.has_bucket() else []
        queues = [name for name in (QUEUE, DEAD_LETTERS) if await self.there.url(name) is not None]
        foreign = [name for name in queues if name not in listed and not await self.tagged_queue(name)]
        foreign += [name for name in buckets if name not in listed and not await self.tagged_bucket()]
        ours_bucket = bool(buckets) and self.bucket not in foreign
        keys = await self.keys() if ours_bucket else []
        if keys and not files_too:
            raise SettingError(
                f"expected bucket {self.bucket} to be empty, got {len(keys)} files; add --files-too to remove them"
            )
        count = await self.empty(keys)
        if self.bucket in listed and ours_bucket:  # if the rest fails, the next `down` knows it without the stack
            await self.there.tag_bucket()
        if await self.there.settled() is not None:
            await self.cloudformation.delete_stack(StackName=self.name)
            status = await self.there.settled()
            lines.append(f"removed stack {self.name}" + (f" ({status}: the rest by hand)" if status else ""))
        for name in queues:
            if name not in foreign:
                await self.delete_queue(name)
                lines.append(f"removed queue {name}")
        if ours_bucket:
            if await self.there.has_bucket():  # the template retains it, as files are dear
                await self.s3.delete_bucket(Bucket=self.bucket)
            lines.append(f"removed bucket {self.bucket}" + (f" and its {count} files" if count else ""))
        lines += [f"left {name}: it was made some other way" for name in foreign]
        return lines or [f"nothing to remove: there is no stack {self.name}"]

    async def listed(self) -> set[str]:
        """The names of the stack's queues and bucket."""
        try:
            answer = await self.cloudformation.describe_stack_resources(StackName=self.name)
        except CloudError as error:
            if error.code != "ValidationError":
                raise
            return set()
        # A queue's physical id is its URL.
        return {str(each.get("PhysicalResourceId", "")).rpartition("/")[2] for each in answer["StackResources"]}

    async def tagged_queue(self, name: str) -> bool:
        answer = await self.sqs.list_queue_tags(QueueUrl=await self.there.url(name))
        return bool(answer.get("Tags", {}).get(TAG["Key"]) == TAG["Value"])

    async def tagged_bucket(self) -> bool:
        try:
            return TAG in (await self.s3.get_bucket_tagging(Bucket=self.bucket))["TagSet"]
        except CloudError as error:
            if error.code != "NoSuchTagSet":
                raise
            return False

    async def keys(self) -> list[str]:
        keys: list[str] = []
        more: dict[str, str] = {}
        while True:
            answer = await self.s3.list_objects_v2(Bucket=self.bucket, **more)
            keys += [entry["Key"] for entry in answer.get("Contents", [])]
            if not answer.get("IsTruncated"):
                return keys
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    async def empty(self, keys: list[str]) -> int:
        """Delete these objects, and whatever is there then: how many. LocalStack's second page lacks some."""
        count = 0
        while keys:
            await self.delete_files(keys)
            count += len(keys)
            before, keys = keys, await self.keys()
            if keys == before:  # S3 said that they were deleted; `delete_bucket` will say that they are not
                break
        return count

    async def delete_files(self, keys: list[str]) -> None:
        """Delete objects, a thousand in one request; one by one those that its XML cannot name, or that it left."""
        single = [key for key in keys if NOT_XML.search(key)]
        several = [key for key in keys if not NOT_XML.search(key)]
        for start in range(0, len(several), 1000):  # the operation's limit
            batch = [{"Key": key} for key in several[start : start + 1000]]
            answer = await self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": batch, "Quiet": True})
            single += [error["Key"] for error in answer.get("Errors", [])]
        for key in single:
            await self.s3.delete_object(Bucket=self.bucket, Key=key)

    async def delete_queue(self, name: str) -> None:
        try:
            await self.sqs.delete_queue(QueueUrl=self.there.urls[name])
        except CloudError as error:
            if not no_queue(error):  # it went with the stack
                raise
