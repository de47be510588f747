"""Helpers of the cloud's tests: `run` a test's coroutine behind an open door, on a place and a backend.

LocalStack is one of the places, if it answers, and MiniStack, if its command is found or PALLETO_MINISTACK names it.

moto, werkzeug and botocore warn of nothing in what is used here, so no warning is filtered.

`PALLETO_TEST_ENDPOINT=http://127.0.0.1:4566 pytest tests/cloud/test_conformance.py` asks a server that runs already
(MiniStack, `moto_server`) too. On a server that outlives a test, each deletes the queues, buckets and stacks of the
names that tests and steps use first.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opened import Opened, play
from servers import MINISTACK, ministack, wipe

from palleto import clock
from palleto.cloud import Cloud, Faults, deploy, open_cloud
from palleto.cloud.warehouse import Warehouse, open_warehouse

ENDPOINT = os.environ.get("PALLETO_TEST_ENDPOINT")
BACKENDS = ("asyncio", "trio")
PLACES = (
    "simulated",
    "embedded",
    pytest.param("localstack", marks=pytest.mark.localstack),
    *(["ministack"] if MINISTACK else []),
    *(["endpoint"] if ENDPOINT else []),
)
STAYS = {
    "test_a_receive_out_of_range_is_refused": "accepts a wait above 20 s",
    "test_a_message_comes_back_after_its_visibility_timeout_with_a_new_handle": "refuses a handle that was replaced",
}
"""What MiniStack does otherwise (localstack/differences.md)."""


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes real time does so on trio in CI only: 7 s a test of errors, 40 s for LocalStack's conformance.

    So do tests of the stack on LocalStack, whose CloudFormation takes 3 s: moto's are enough from day to day.
    """
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        slow = parameters.get("place") in ("localstack", "embedded") or "errors_of_the_network" in item.name
        slow = slow or item.path.name == "test_embedded.py"  # it names no place: it has one
        stack = (
            item.path.name in ("test_stack.py", "test_teardown.py")
            or "deploying" in item.name
            or "two_environments" in item.name
        )
        if (stack and parameters.get("place") == "localstack") or (slow and parameters.get("backend") == "trio"):
            item.add_marker(pytest.mark.long)


CloudTest = Callable[[Cloud], Awaitable[Any]]


def behind_the_door(test: CloudTest, place: str, backend: str, endpoint: str | None = None, **settings: Any) -> Any:
    """Run `test(cloud)`: simulated on virtual time, other places on real time."""

    async def main() -> Any:
        async with open_cloud(place, endpoint=endpoint, **settings) as cloud:
            if place in ("localstack", "endpoint"):
                await wipe(cloud)
            return await test(cloud)

    return clock.run(main, backend=backend, time="virtual" if place == "simulated" else "real")


@pytest.fixture(scope="session")
def ministack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MiniStack's URL, one server for each process of tests."""
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings() -> dict[str, Any]:
    """What `open_cloud` is told beside the place; a test says otherwise with `parametrize("settings", ...)`."""
    return {}


@pytest.fixture
def faults() -> Faults | None:
    """What goes wrong in the test; said with `parametrize("faults", ...)`, and as if none had struck yet."""
    return None


@pytest.fixture
def run(
    request: pytest.FixtureRequest, place: str, backend: str, settings: dict[str, Any], faults: Faults | None
) -> Callable[..., Any]:
    """`run(test)` on each place and each backend."""
    endpoint = ENDPOINT if place == "endpoint" else None
    if place == "localstack":
        request.getfixturevalue("localstack_url")  # skips the test where there is none
    if place == "ministack":
        place, endpoint = "endpoint", request.getfixturevalue("ministack_url")
        if reason := STAYS.get(request.function.__name__):
            request.applymarker(pytest.mark.xfail(reason=reason))
    if faults is not None:
        settings = {**settings, "faults": faults.again()}

    def run(test: CloudTest, **more: Any) -> Any:
        return behind_the_door(test, place, backend, endpoint, **{**settings, **more})

    return run


@pytest.fixture
def cloud(run: Callable[..., Any]) -> Opened:
    """An open door, on each place, or on the module's own, and on each backend."""
    return Opened(run)


@pytest.fixture
def warehouse(run: Callable[..., Any], tmp_path: Path) -> Opened:
    """A warehouse of a fresh stack, behind such a door."""

    def play(test: Callable[[Warehouse], Awaitable[None]]) -> None:
        async def behind(cloud: Cloud) -> None:
            async with open_warehouse(cloud, await deploy(cloud), output=tmp_path / "output") as warehouse:
                await test(warehouse)

        run(behind)

    return Opened(play)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test may be a coroutine."""
    return play(pyfuncitem)
