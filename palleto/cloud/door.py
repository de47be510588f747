"""The door to the cloud: open it, and SQS, S3 and CloudFormation stand behind it, wherever they are.

    async with open_cloud() as cloud:
        stack = await deploy(cloud)
        answer = await cloud.sqs.receive_message(QueueUrl=stack.queue_url, WaitTimeSeconds=2)

Rules:

1. A step cannot tell the places apart: the same operations, arguments, responses and errors on each.
2. A run reaches AWS only when its caller said so (`place.py`), and again when asked (`consent.py`).
3. What a run starts ends with it: clients are closed, and the embedded server with its port and its thread.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar, TypeVarTuple

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import checkpoint

from palleto.cloud.clients import BotoTransport, Client, Observer, Patience, Transport
from palleto.cloud.clients.errors import abandoned
from palleto.cloud.consent import consent
from palleto.cloud.faults import Faults
from palleto.cloud.place import Place, choose, named_place
from palleto.cloud.places import EmbeddedServer, Simulated, Simulation, make_clients
from palleto.errors import SettingError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MONITOR_CONCURRENCY = 8  # requests of the run's own bookkeeping at one time


@dataclass(frozen=True)
class Clients:
    """A client a service."""

    sqs: Client
    s3: Client
    cloudformation: Client


class Cloud:
    """An open door: `sqs`, `s3` and `cloudformation` are its clients.

    - `place`: where the requests go, and why.
    - `requests`: how many were sent, by operation: `{"sqs.ReceiveMessage": 12}`. Failed ones count.
    - `monitor`: clients of the same place for a run's own bookkeeping; their requests are not counted, not
      observed, and wait for none of the others.
    - `simulated`: the simulated services behind the door, to script and to look at; None on a real place.
    """

    def __init__(
        self,
        place: Place,
        transports: dict[str, Transport],
        limiter: CapacityLimiter | None,
        observer: Observer | None = None,
        simulated: Simulated | None = None,
        faults: Faults | None = None,
        threads: CapacityLimiter | None = None,
    ) -> None:
        self.place = place
        self.requests: Counter[str] = Counter()
        self.simulated = simulated
        self.patience = Patience()
        self._limiter = limiter
        self._threads = threads

        def client(service: str) -> Client:
            transport = transports[service] if faults is None else faults.around(transports[service])
            return Client(service, transport, limiter, self.requests, observer, self.patience)

        self.sqs = client("sqs")
        self.s3 = client("s3")
        self.cloudformation = client("cloudformation")
        aside = CapacityLimiter(MONITOR_CONCURRENCY) if limiter is not None else None
        self.monitor = Clients(
            **{service: Client(service, transports[service], aside, patience=self.patience) for service in transports}
        )

    def __repr__(self) -> str:
        return f"<Cloud {self.place.name}: {sum(self.requests.values())} requests>"

    def hurry(self, seconds: float) -> None:
        """From now on, wait at most `seconds` of run time for what was sent and for blocking calls. See `Patience`."""
        self.patience.hurry(seconds)

    async def blocking(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call a function that blocks (reads a body, unzips, writes a file), and give back what it returns.

        It runs in a worker thread, at most `concurrency` of them and of requests at one time, and on the simulated
        place right here, where there is nothing to wait for and virtual time must not race with threads. A call
        that began is finished, whether its caller is cancelled or not, unless `hurry` leaves it behind. Raises what the
        function raises, and CloudError (`Abandoned`).
        """
        if self._limiter is None:
            await checkpoint()
            return function(*args)
        async with self._limiter:
            with self.patience.waiting():
                return await to_thread.run_sync(function, *args, limiter=self._threads, abandon_on_cancel=True)
        raise abandoned(getattr(function, "__name__", "a blocking call"))


@asynccontextmanager
async def open_cloud(
    place: str | None = None,
    *,
    endpoint: str | None = None,
    concurrency: int = 16,
    seed: int | None = None,
    observer: Observer | None = None,
    simulation: Simulation | Simulated | None = None,
    yes: bool = False,
    faults: Faults | None = None,
) -> AsyncIterator[Cloud]:
    """Open the door to a place, and close it at the end of the `async with` block.

    - `place`: "simulated", "embedded", "localstack", "endpoint" or "aws"; without it, `PALLETO_PLACE`, else
      LocalStack if it answers on its port, else embedded. `place.py` has the rules.
    - `endpoint`: the URL of a server of AWS's API (moto, LocalStack, MiniStack, ...), named by the user.
    - `concurrency`: how many requests and blocking calls run at one time, 16 by default, at least 1. Each long
      poll takes one place for as long as it waits.
    - `seed`: of the simulated place's chance, in `simulation`'s stead; 0 by default.
    - `observer`: called in the event loop as `observer(operation, arguments, response or CloudError)` after each
      request's answer, before its caller sees it.
    - `simulation`: how the simulated place behaves (latencies, delivery), or one that is there: then several doors lead
      to the same queues, as those of several workers do, and `seed` does not count. Other places ignore it.
    - `yes`: the caller is sure. Without it AWS's account and region are shown and asked for on the terminal.
    - `faults`: what goes wrong, on any place (`faults.py`); `monitor`'s requests are spared.

    Raises `SettingError` when a setting is out of range or contradicts another, the place does not answer, or AWS
    was named and there are no credentials, no terminal to ask on, or the answer was not yes.
    """
    if concurrency < 1:
        raise SettingError(f"expected a concurrency of 1 or more, got {concurrency}")
    if named_place(place, endpoint) == "simulated":
        if isinstance(simulation, Simulated):
            world = simulation
        else:
            settings = simulation or Simulation()
            world = Simulated(settings if seed is None else replace(settings, seed=seed))
        services: dict[str, Transport] = {
            "sqs": world.sqs,
            "s3": world.s3,
            "cloudformation": world.cloudformation,
        }
        yield Cloud(choose(place, endpoint), services, None, observer, world, faults)
        return
    async with _real_cloud(place, endpoint, concurrency, observer, yes, faults) as cloud:
        yield cloud


@asynccontextmanager
async def _real_cloud(
    place: str | None,
    endpoint: str | None,
    concurrency: int,
    observer: Observer | None,
    yes: bool,
    faults: Faults | None,
) -> AsyncIterator[Cloud]:
    chosen = await to_thread.run_sync(choose, place, endpoint)
    server = objects = None
    clients: dict[str, Any] = {}
    threads = CapacityLimiter(math.inf)  # who has its turn has a thread; anyio alone has 40
    try:
        if chosen.name == "embedded":
            server = await to_thread.run_sync(EmbeddedServer)
            chosen = replace(chosen, endpoint=server.url)
        chosen, clients, objects = await to_thread.run_sync(make_clients, chosen, concurrency + MONITOR_CONCURRENCY)
        if chosen.name == "aws" and not yes:
            await to_thread.run_sync(consent, chosen.reason, abandon_on_cancel=True)
        transports: dict[str, Transport] = {
            name: BotoTransport(client, threads, objects if name == "s3" else None) for name, client in clients.items()
        }
        yield Cloud(chosen, transports, CapacityLimiter(concurrency), observer, faults=faults, threads=threads)
    finally:
        for client in clients.values():
            client.close()
        if objects is not None:
            objects.close()
        if server is not None:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(server.stop)
