"""What the tests share about servers that outlive them: LocalStack, and what PALLETO_TEST_ENDPOINT names."""

from __future__ import annotations

from palleto.cloud import Cloud
from palleto.cloud.stack import Deployment

OURS = ("events", "dead", "a.bucket", "b.bucket", "palleto", "warehouse")


async def wipe(cloud: Cloud) -> None:
    """Delete what tests and steps made on a server that outlives them, by its name."""
    clients = cloud.monitor
    for stack in (await clients.cloudformation.describe_stacks())["Stacks"]:
        name = stack["StackName"]
        if name.startswith("palleto-") and stack["StackStatus"] != "DELETE_COMPLETE":
            await clients.cloudformation.delete_stack(StackName=name)
            await Deployment(cloud, name.removeprefix("palleto-"), {}).settled()
    for url in (await clients.sqs.list_queues()).get("QueueUrls", []):
        if url.rpartition("/")[2].startswith(OURS):
            await clients.sqs.delete_queue(QueueUrl=url)
    for name in [bucket["Name"] for bucket in (await clients.s3.list_buckets())["Buckets"]]:
        if name.startswith(OURS):
            while entries := (await clients.s3.list_objects_v2(Bucket=name)).get("Contents", []):
                keys = [{"Key": entry["Key"]} for entry in entries]
                await clients.s3.delete_objects(Bucket=name, Delete={"Objects": keys})
            await clients.s3.delete_bucket(Bucket=name)
