"""Faults for the door: what goes wrong with a run's requests, chosen by whoever wants to see what happens then.

    faults = (
        Faults(seed=7)
        .fail("sqs.ReceiveMessage", "ServiceUnavailable", rate=0.2)
        .slow("s3.GetObject", seconds=1, at=3)
        .lose_answer("sqs.DeleteMessageBatch", on=lambda event: event.kind == "written", times=1)
    )
    async with open_cloud("simulated", faults=faults) as cloud: ...

Rules:

1. A fault strikes a request of the operation it names; `"sqs.*"` names all of a service's. It strikes at a `rate` (0 to
   1, by seeded chance), `at` the n-th call of that operation (from 1; one number or several), or `on` a trace event: at
   the first call after an event for which that is true. `times`: how often at most. `where`: only requests of whose
   arguments that is true.
2. One fault strikes a request: the first, in the order in which they were added.
3. Faults stand before the place and behind the client, so the client's own retries meet them. They are the same on
   every place. The run's own bookkeeping (`cloud.monitor`) is spared.
4. The same seed and the same requests suffer the same faults.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

import anyio

from palleto.errors import CloudError, SettingError
from palleto.trace import TraceEvent

if TYPE_CHECKING:
    from palleto.cloud.clients import Transport
    from palleto.cloud.clients.body import Use

T = TypeVar("T")
Response = dict[str, Any]
STATUS = {
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "ThrottlingException": 400,
    "AccessDenied": 403,
    "AWS.SimpleQueueService.NonExistentQueue": 400,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "ReadTimeoutError": 0,
    "ConnectionClosedError": 0,
    "EndpointConnectionError": 0,
    "ResponseStreamingError": 0,
}
"""Some codes for `fail`, and their HTTP status: 0 where no answer came. Any other code has 400."""

CALLERS = ("ReceiptHandleIsInvalid", "InvalidParameterValue")
"""Codes of an entry of a batch that say that its caller is to blame."""
MADE = "a fault, made on purpose"


class When(TypedDict, total=False):
    """When a fault strikes: rule 1."""

    rate: float
    at: int | Iterable[int]
    on: Callable[[TraceEvent], bool]
    times: int
    where: Callable[[Response], bool]


@dataclass(frozen=True)
class Request:
    """A request that a fault strikes. `twice`: the ids of messages that the run was handed a second time on purpose."""

    transport: Transport
    operation: str
    method: str
    arguments: Response
    twice: set[str]

    async def send(self, method: str | None = None, arguments: Response | None = None) -> Response:
        """Send it to the place, or another one in its stead; raises `CloudError`."""
        return await self.transport.send(self.operation, method or self.method, arguments or self.arguments)


Strike = Callable[[Request], Awaitable[Response]]
"""What becomes of a request: the answer that its caller gets; raises `CloudError`."""


@dataclass
class Fault:
    """One fault, and how often it has struck."""

    operation: str
    what: str
    strike: Strike = field(repr=False)
    rate: float = 0.0
    at: frozenset[int] = frozenset()
    on: Callable[[TraceEvent], bool] | None = field(default=None, repr=False)
    times: int | None = None
    where: Callable[[Response], bool] | None = field(default=None, repr=False)
    struck: int = 0
    armed: bool = False

    @property
    def when(self) -> str:
        """When it strikes, in words."""
        rate = [f"at a rate of {self.rate:g}"] * (self.rate > 0)
        calls = sorted(self.at)
        at = (
            [f"at call {calls[0]}" if len(calls) == 1 else f"at {len(calls)} calls from {calls[0]} on"] if calls else []
        )
        return " and ".join([*rate, *at, *["on an event"] * (self.on is not None)])

    def strikes(self, call: int, chance: random.Random) -> bool:
        """Whether it strikes the `call`-th request."""
        by_chance = self.rate > 0 and chance.random() < self.rate
        if self.struck == self.times or not (by_chance or call in self.at or self.armed):
            return False
        self.armed = False
        self.struck += 1
        return True


class Faults:
    """The faults of one run, by seed. Each method adds one and returns the faults; any time, also while the run goes.

    `listeners` are called with the operation and the fault, in words, when one strikes. `twice` has the ids of the
    messages that were handed out a second time (`duplicate`).
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.faults: list[Fault] = []
        self.calls: Counter[str] = Counter()
        self.listeners: list[Callable[[str, str], None]] = []
        self._chance = random.Random(seed)
        self.twice: set[str] = set()

    def __repr__(self) -> str:
        told = ", ".join(f"{fault.operation} {fault.what} ({fault.struck} times)" for fault in self.faults)
        return f"<Faults seed={self.seed}: {told or 'none'}>"

    # ---- what goes wrong

    def fail(self, operation: str, code: str = "ServiceUnavailable", **when: Unpack[When]) -> Faults:
        """The request is not carried out, and fails with this error of boto3's or botocore's."""

        async def strike(request: Request) -> Response:
            raise error_of(request.operation, code)

        return self._add(operation, f"fails with {code}", strike, when)

    def slow(self, operation: str, seconds: float, **when: Unpack[When]) -> Faults:
        """The answer comes `seconds` of run time late; what was asked for is done at once."""

        async def strike(request: Request) -> Response:
            answer = await request.send()
            await anyio.sleep(seconds)
            return answer

        return self._add(operation, f"is {seconds:g} s slow", strike, when)

    def hang(self, operation: str, seconds: float = 30.0, **when: Unpack[When]) -> Faults:
        """Nothing is carried out and no answer comes; after `seconds` botocore gives up (`ReadTimeoutError`)."""

        async def strike(request: Request) -> Response:
            await anyio.sleep(seconds)
            raise error_of(request.operation, "ReadTimeoutError")

        return self._add(operation, f"hangs for {seconds:g} s", strike, when)

    def lose_answer(
        self, operation: str = "sqs.Delete*", code: str = "ConnectionClosedError", **when: Unpack[When]
    ) -> Faults:
        """The request is carried out, but its caller gets this error: a message is deleted, and nobody knows.

        A receive whose answer is lost leaves its messages in flight until their visibility timeout: so it is on AWS.
        """

        async def strike(request: Request) -> Response:
            await request.send()
            raise error_of(request.operation, code)

        return self._add(operation, f"loses its answer ({code})", strike, when)

    def cut(self, after: int = 0, operation: str = "s3.GetObject", **when: Unpack[When]) -> Faults:
        """The object's body breaks off after so many bytes: the connection is reset."""

        async def strike(request: Request) -> Response:
            answer = await request.send()
            return {**answer, "Body": CutBody(request.operation, answer["Body"], after)}

        return self._add(operation, f"breaks off after {after} bytes", strike, when)

    def duplicate(self, **when: Unpack[When]) -> Faults:
        """A receive's messages are handed out a second time, as SQS may do; the same message once at most."""

        async def strike(request: Request) -> Response:
            answer = await request.send()
            for message in answer.get("Messages", []):
                if message["MessageId"] not in request.twice:
                    request.twice.add(message["MessageId"])
                    again = {"QueueUrl": request.arguments["QueueUrl"], "ReceiptHandle": message["ReceiptHandle"]}
                    await request.send("change_message_visibility", {**again, "VisibilityTimeout": 0})
            return answer

        return self._add("sqs.ReceiveMessage", "delivers twice", strike, when)

    def fewer(self, most: int = 1, **when: Unpack[When]) -> Faults:
        """A receive hands out at most so many messages; with 0 none, after its wait."""

        async def strike(request: Request) -> Response:
            if most == 0:
                await anyio.sleep(request.arguments.get("WaitTimeSeconds", 0))
                return {"ResponseMetadata": {"HTTPStatusCode": 200}}
            count = min(most, request.arguments.get("MaxNumberOfMessages", 1))
            return await request.send(arguments={**request.arguments, "MaxNumberOfMessages": count})

        return self._add("sqs.ReceiveMessage", f"hands out {most} at most", strike, when)

    def garble(self, **when: Unpack[When]) -> Faults:
        """A character of each message's body is another one when a receive's answer arrives."""

        async def strike(request: Request) -> Response:
            answer = await request.send()
            for message in answer.get("Messages", []):
                message["Body"] = message["Body"][:-1] + chr(ord(message["Body"][-1]) ^ 1)
            return answer

        return self._add("sqs.ReceiveMessage", "is garbled", strike, when)

    def refuse(self, code: str = "InternalError", **when: Unpack[When]) -> Faults:
        """A batch delete deletes all but its first entry, of which its answer says that it failed, with this code."""

        async def strike(request: Request) -> Response:
            first, *rest = request.arguments["Entries"]
            answer = await request.send(arguments={**request.arguments, "Entries": rest}) if rest else {}
            failed = {"Id": first["Id"], "SenderFault": code in CALLERS, "Code": code, "Message": MADE}
            return {**answer, "Failed": [*answer.get("Failed", []), failed]}

        return self._add("sqs.DeleteMessageBatch", f"refuses its first entry with {code}", strike, when)

    def again(self) -> Faults:
        """The same faults as if none had struck yet, for a run that is repeated."""
        fresh = Faults(self.seed)
        fresh.faults = [replace(fault, struck=0, armed=False) for fault in self.faults]
        return fresh

    def clear(self) -> Faults:
        """No faults any more."""
        self.faults.clear()
        return self

    def _add(self, operation: str, what: str, strike: Strike, when: When) -> Faults:
        if not operation.startswith(("sqs.", "s3.", "cloudformation.", "*")):
            raise SettingError(f"expected an operation such as 's3.GetObject' or 'sqs.*', got: {operation!r}")
        if not when.keys() & {"rate", "at", "on"}:
            raise SettingError(f"expected when {operation} {what}: rate=0.2, at=3 or on=..., got none of them")
        rate, at = when.get("rate", 0.0), when.get("at", ())
        numbers = frozenset([at] if isinstance(at, int) else at)
        if not 0 <= rate <= 1 or any(number < 1 for number in numbers):
            raise SettingError(f"expected a rate of 0 to 1 and calls counted from 1, got: rate={rate}, at={at}")
        conditions = when.get("on"), when.get("times"), when.get("where")
        self.faults.append(Fault(operation, what, strike, rate, numbers, *conditions))
        return self

    # ---- how they get there

    def hear(self, event: TraceEvent) -> None:
        """Listen to a trace, for faults that strike `on` an event: `recorder.listeners.append(faults.hear)`."""
        for fault in self.faults:
            if fault.on is not None and fault.on(event):
                fault.armed = True

    def draw(self, operation: str, arguments: Response) -> Fault | None:
        """The fault that strikes the next request of this operation, if one does."""
        self.calls[operation] += 1
        for fault in self.faults:
            named = fnmatchcase(operation, fault.operation)
            meant = named and (fault.where is None or fault.where(arguments))
            if meant and fault.strikes(self.calls[operation], self._chance):
                for listener in self.listeners:
                    listener(operation, fault.what)
                return fault
        return None

    def around(self, transport: Transport) -> Transport:
        """A transport whose requests suffer these faults."""
        return FaultyTransport(transport, self)


class FaultyTransport:
    """Carries requests as the transport inside does, with faults."""

    def __init__(self, inside: Transport, faults: Faults) -> None:
        self._inside = inside
        self._faults = faults

    def __repr__(self) -> str:
        return f"{self._inside!r} with {self._faults!r}"

    def knows(self, method: str) -> bool:
        """As the transport inside."""
        return self._inside.knows(method)

    async def send(self, operation: str, method: str, arguments: Response, use: Use | None = None) -> Response:
        """The response, or what a fault makes of it, after `use` has had it; raises `CloudError`."""
        fault = self._faults.draw(operation, arguments)
        if fault is None:
            return await self._inside.send(operation, method, arguments, use)
        answer = await fault.strike(Request(self._inside, operation, method, arguments, self._faults.twice))
        if use is not None:
            await self.run(use, answer)
        return answer

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """As the transport inside."""
        return await self._inside.run(function, *args)

    def reopen(self, arguments: Response, etag: str, offset: int, attempt: int) -> Any:
        """As the transport inside: a body that was cut is not cut again."""
        return self._inside.reopen(arguments, etag, offset, attempt)


class CutBody:
    """A body that breaks off after `left` bytes."""

    def __init__(self, operation: str, body: Any, left: int) -> None:
        self._operation = operation
        self._body = body
        self._left = left

    def read(self, n: int | None = None) -> bytes:
        """The next bytes, as far as they come; raises `CloudError` where the body breaks off."""
        if self._left <= 0:
            raise error_of(self._operation, "ResponseStreamingError")
        data: bytes = self._body.read(self._left if n is None else min(n, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Give the connection up."""
        self._body.close()


def error_of(operation: str, code: str) -> CloudError:
    """The error of that code, as the door would raise it."""
    return CloudError(operation, code, MADE, STATUS.get(code, 400))
