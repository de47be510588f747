"""`bench`: a test works on the simulated queue of a fresh stack, on virtual time."""

from __future__ import annotations

import anyio
import pytest
from lease_bench import Bench
from opened import Opened, Test

from palleto import clock
from palleto.cloud import deploy, open_cloud


@pytest.fixture
def beside() -> bool:
    """Whether `Leases.run` runs beside the test."""
    return True


@pytest.fixture
def batch() -> int:
    """Of how many messages a delete is."""
    return 1


@pytest.fixture
def bench(backend: str, beside: bool, batch: int) -> Opened:
    """A bench."""

    def play(test: Test) -> None:
        async def main() -> None:
            async with open_cloud("simulated") as cloud:
                stack = await deploy(cloud)
                await cloud.sqs.purge_queue(QueueUrl=stack.queue_url)  # S3's test message
                bench = Bench(cloud, stack, batch)
                async with anyio.create_task_group() as tasks:
                    if beside:
                        tasks.start_soon(bench.leases.run)
                    await test(bench)
                    tasks.cancel_scope.cancel()

        clock.run(main, backend=backend, time="virtual")

    return Opened(play)
