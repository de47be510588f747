"""Helpers of the cloud's tests: `run` a test's coroutine behind an open door, on a place and a backend.

LocalStack is one of the places, if it answers.

moto, werkzeug and botocore warn of nothing in what is used here, so no warning is filtered.

`PALLETO_TEST_ENDPOINT=http://127.0.0.1:4566 pytest tests/cloud/test_conformance.py` asks a server that runs already
(MiniStack, `moto_server`) too. On a server that outlives a test, each deletes the queues, buckets and stacks of the
names that tests and steps use first.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers import wipe

from palleto import clock
from palleto.cloud import Cloud, open_cloud

ENDPOINT = os.environ.get("PALLETO_TEST_ENDPOINT")
BACKENDS = ("asyncio", "trio")
PLACES = (
    "simulated",
    "embedded",
    pytest.param("localstack", marks=pytest.mark.localstack),
    *(["endpoint"] if ENDPOINT else []),
)

CloudTest = Callable[[Cloud], Awaitable[Any]]


def behind_the_door(test: CloudTest, place: str, backend: str, **settings: Any) -> Any:
    """Run `test(cloud)`: simulated on virtual time, other places on real time."""

    async def main() -> Any:
        async with open_cloud(place, endpoint=ENDPOINT if place == "endpoint" else None, **settings) as cloud:
            if place in ("localstack", "endpoint"):
                await wipe(cloud)
            return await test(cloud)

    return clock.run(main, backend=backend, time="virtual" if place == "simulated" else "real")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run(request: pytest.FixtureRequest, place: str, backend: str) -> Callable[..., Any]:
    """`run(test)` on each place and each backend."""
    if place == "localstack":
        request.getfixturevalue("localstack_url")  # skips the test where there is none

    def run(test: CloudTest, **settings: Any) -> Any:
        return behind_the_door(test, place, backend, **settings)

    return run


@pytest.fixture
def simulate(backend: str) -> Callable[..., Any]:
    """`simulate(test, simulation=...)` on the simulated place, virtual time, each backend."""

    def simulate(test: CloudTest, **settings: Any) -> Any:
        return behind_the_door(test, "simulated", backend, **settings)

    return simulate
