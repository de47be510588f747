"""Helpers of the cloud's tests: `run` a test's coroutine behind an open door, on a place and a backend.

moto, werkzeug and botocore warn of nothing in what is used here, so no warning is filtered.

`PALLETO_TEST_ENDPOINT=http://127.0.0.1:4566 pytest tests/cloud/test_conformance.py` asks a server that runs already
(LocalStack, MiniStack, `moto_server`) too; each test deletes all queues, buckets and stacks on it first.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from palleto import clock
from palleto.cloud import Cloud, open_cloud

ENDPOINT = os.environ.get("PALLETO_TEST_ENDPOINT")
BACKENDS = ("asyncio", "trio")
PLACES = ("simulated", "embedded", *(["endpoint"] if ENDPOINT else []))

CloudTest = Callable[[Cloud], Awaitable[Any]]


def behind_the_door(test: CloudTest, place: str, backend: str, **settings: Any) -> Any:
    """Run `test(cloud)`: simulated on virtual time, other places on real time."""

    async def main() -> Any:
        async with open_cloud(place, endpoint=ENDPOINT if place == "endpoint" else None, **settings) as cloud:
            if place == "endpoint":
                await wipe(cloud)
            return await test(cloud)

    return clock.run(main, backend=backend, time="virtual" if place == "simulated" else "real")


async def wipe(cloud: Cloud) -> None:
    """Delete everything on a server that outlives its tests."""
    clients = cloud.monitor
    for stack in (await clients.cloudformation.describe_stacks())["Stacks"]:
        await clients.cloudformation.delete_stack(StackName=stack["StackName"])
    for url in (await clients.sqs.list_queues()).get("QueueUrls", []):
        await clients.sqs.delete_queue(QueueUrl=url)
    for name in [bucket["Name"] for bucket in (await clients.s3.list_buckets())["Buckets"]]:
        for entry in (await clients.s3.list_objects_v2(Bucket=name)).get("Contents", []):
            await clients.s3.delete_object(Bucket=name, Key=entry["Key"])
        await clients.s3.delete_bucket(Bucket=name)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run(place: str, backend: str) -> Callable[..., Any]:
    """`run(test)` on each place and each backend."""

    def run(test: CloudTest, **settings: Any) -> Any:
        return behind_the_door(test, place, backend, **settings)

    return run


@pytest.fixture
def simulate(backend: str) -> Callable[..., Any]:
    """`simulate(test, simulation=...)` on the simulated place, virtual time, each backend."""

    def simulate(test: CloudTest, **settings: Any) -> Any:
        return behind_the_door(test, "simulated", backend, **settings)

    return simulate
