"""What the tests share about servers that outlive them: LocalStack, and what PALLETO_TEST_ENDPOINT names."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from palleto.cloud import Cloud
from palleto.cloud.stack import Deployment

OURS = ("events", "dead", "a.bucket", "b.bucket", "palleto", "warehouse")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


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


MINISTACK = shutil.which(os.environ.get("PALLETO_MINISTACK", "ministack"))
"""MiniStack's command, in an environment of its own as it pins botocore; None where it is not installed."""


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """The URL of a MiniStack that runs on this machine for the length of the block."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",  # it listens on 0.0.0.0 without
        "GATEWAY_PORT": str(port),
        "SERVICES": "s3,sqs,cloudformation",
        "SFTP_ENABLED": "0",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(MINISTACK)], cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        give_up = time.monotonic() + 30
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", port)) != 0:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < give_up, "MiniStack does not answer"
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)
