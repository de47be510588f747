"""What the simulated services share: settings, the run's clock, seeded chance, and the calling convention."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import anyio
from anyio.lowlevel import checkpoint

from palleto.cloud.clients.body import Use
from palleto.errors import CloudError

T = TypeVar("T")
Response = dict[str, Any]
Seconds = float | tuple[float, float]

ACCOUNT = "000000000000"
REGION = "us-east-1"
EPOCH = datetime(2016, 7, 20, tzinfo=UTC)  # a run's first moment: the same in every run, or traces would differ


@dataclass(frozen=True)
class Simulation:
    """How the simulated place behaves.

    Each latency is a number of seconds of run time, or a pair (shortest, longest) from which a seeded value is
    drawn for each request; 0 by default.

    - `seed`: of all chance; the same seed gives the same run, 0 by default.
    - `receive`, `delete`, `get_object`, `put_object`: how long the answer to such a request takes. Messages of
      a receive whose answer is on its way are in flight already.
    - `arrival`: from `put_object` to the moment that its message is visible in the queue, beside the queue's delay.
    - `short_poll`: the share of visible messages that a short poll (wait 0) looks at, 0 to 1; 0.75 by default, as
      SQS asks only some of its servers. A long poll looks at all of them.
    - `shuffle`: hand messages out in a seeded order instead of first in, first out; False by default.
    """

    seed: int = 0
    receive: Seconds = 0.0
    delete: Seconds = 0.0
    get_object: Seconds = 0.0
    put_object: Seconds = 0.0
    arrival: Seconds = 0.0
    short_poll: float = 0.75
    shuffle: bool = False


@dataclass
class World:
    """The clock and the chance of one simulated cloud."""

    simulation: Simulation
    chance: random.Random = field(init=False)
    _start: float | None = None

    def __post_init__(self) -> None:
        self.chance = random.Random(self.simulation.seed)

    def now(self) -> float:
        """Seconds of run time; outside a run, 0."""
        try:
            now = anyio.current_time()
        except RuntimeError:
            return 0.0
        if self._start is None:
            self._start = now
        return now - self._start

    def date(self, at: float | None = None) -> datetime:
        """A moment of the run as a date: runs start at 2016-07-20, midnight UTC."""
        return EPOCH + timedelta(seconds=self.now() if at is None else at)

    def draw(self, seconds: Seconds) -> float:
        """A latency: the number itself, or a seeded one between the two of a pair."""
        return self.chance.uniform(*seconds) if isinstance(seconds, tuple) else seconds

    async def pause(self, seconds: Seconds) -> None:
        """Let a request's latency go by."""
        if (latency := self.draw(seconds)) > 0:
            await anyio.sleep(latency)

    def token(self, length: int = 32) -> str:
        """A seeded id of hexadecimal digits."""
        return f"{self.chance.getrandbits(4 * length):0{length}x}"

    def message_id(self) -> str:
        """A seeded id in the form of a UUID, as SQS's are."""
        token = self.token()
        return "-".join((token[:8], token[8:12], token[12:16], token[16:20], token[20:]))


@cache
def _misfit(operation: Any, names: tuple[str, ...]) -> str | None:
    """What is wrong with arguments of these names; found out once, as that is a tenth of a request here."""
    try:
        inspect.signature(operation).bind(None, **dict.fromkeys(names))
    except TypeError as error:
        return str(error)
    return None


class Service:
    """A simulated service: its public coroutine methods are its operations.

    It is the simulated `Transport`: it knows an operation by its method, and turns an argument that the method
    does not take into the error that boto3 has for it.
    """

    def knows(self, method: str) -> bool:
        """Whether the service simulates this operation."""
        return inspect.iscoroutinefunction(getattr(type(self), method, None)) and method not in ("send", "run")

    def reopen(self, arguments: dict[str, Any], etag: str, offset: int, attempt: int) -> Any:
        """The rest of an object's body: S3's alone."""
        raise NotImplementedError

    async def send(self, operation: str, method: str, arguments: dict[str, Any], use: Use | None = None) -> Response:
        """The response of an operation, after `use` has had it; raises `CloudError`."""
        call = getattr(self, method)
        if wrong := _misfit(getattr(type(self), method), tuple(arguments)):
            raise CloudError(operation, "ParamValidationError", f"Parameter validation failed: {wrong}")
        response: Response = await call(**arguments)
        response = {**response, "ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0}}
        if use is not None:
            await self.run(use, response)
        return response

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that blocks right here: virtual time must not race with threads."""
        await checkpoint()
        return function(*args)
