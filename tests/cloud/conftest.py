"""Helpers of the cloud's tests: `run` a test's coroutine behind an open door, on a place and a backend.

moto, werkzeug and botocore warn of nothing in what is used here, so no warning is filtered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from palleto import clock
from palleto.cloud import Cloud, open_cloud

BACKENDS = ("asyncio", "trio")
PLACES = ("simulated", "embedded")

CloudTest = Callable[[Cloud], Awaitable[Any]]


def behind_the_door(test: CloudTest, place: str, backend: str, **settings: Any) -> Any:
    """Run `test(cloud)`: simulated on virtual time, other places on real time."""

    async def main() -> Any:
        async with open_cloud(place, **settings) as cloud:
            return await test(cloud)

    return clock.run(main, backend=backend, time="virtual" if place == "simulated" else "real")


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
