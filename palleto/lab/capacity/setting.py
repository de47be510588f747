"""What can be chosen: how many pipelines and workers, what each asks for, how long it waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import anyio

from palleto.cloud.warehouse import Warehouse
from palleto.errors import SettingError

__all__ = ["Setting", "TunedWarehouse"]


class Setting(NamedTuple):
    """How a pipeline is run.

    pipelines:  in each worker, 1 or more. max_demand: what each stage asks for at most, 1 or more.
    wait:       seconds that a receive waits for a message, 0 to 20. visibility: seconds that a message is hidden, 1 to
                43,200.
    workers:    processes on the same queue, 1 or more.
    """

    pipelines: int = 3
    max_demand: int = 1
    wait: int = 2
    visibility: int = 30
    workers: int = 1

    def __str__(self) -> str:
        many = f", {self.workers} workers" if self.workers > 1 else ""
        return f"{self.pipelines} x {self.max_demand}, wait {self.wait} s, visibility {self.visibility} s{many}"

    def checked(self) -> Setting:
        """Itself. Raises SettingError for what SQS or step 9 does not take."""
        for name, least, most in (("pipelines", 1, None), ("max_demand", 1, None), ("workers", 1, None),
                                  ("wait", 0, 20), ("visibility", 1, 43_200)):  # fmt: skip
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least or value > (most or value):
                upto = "or more" if most is None else f"to {most}"
                raise SettingError(f"expected {name} to be a whole number, {least} {upto}, got: {value!r}")
        return self


class TunedWarehouse:
    """A warehouse whose receives wait as long as a setting says, and whose results take a core as a load says.

    wait:  seconds, in the place of those that the step asks for. works: seconds a file that take the worker's one core.

    All else is the warehouse's own.
    """

    def __init__(self, warehouse: Warehouse, wait: int, works: float) -> None:
        self._warehouse = warehouse
        self._works = works
        self._core = anyio.Lock()
        self.sqs = _Waiting(warehouse.sqs, wait)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    async def compute(self, seconds: float) -> None:
        """Take the worker's core for so long, when it is free."""
        if seconds > 0:
            async with self._core:
                await anyio.sleep(seconds)

    async def write_each(self, files: Any, count: Callable[..., int]) -> Any:
        """The warehouse's, after the work on these files."""
        for _ in files:
            await self.compute(self._works)
        return await self._warehouse.write_each(files, count)


class _Waiting:
    """A client of SQS whose receives wait so long."""

    def __init__(self, sqs: Any, seconds: int) -> None:
        self._sqs, self._seconds = sqs, seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)

    async def receive_message(self, **arguments: Any) -> Any:
        """boto3's, but for `WaitTimeSeconds`."""
        return await self._sqs.receive_message(**{**arguments, "WaitTimeSeconds": self._seconds})
