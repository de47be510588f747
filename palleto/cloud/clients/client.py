"""One service's client: boto3's operations as awaitable methods, the same on every place.

Rules:

1. A request whose caller is cancelled already is not sent.
2. A request that was sent is always answered: it is shielded, and its caller gets the response before the
   cancellation strikes at the caller's next await. A receive hands out messages in the moment that it is
   answered; a caller that never saw the answer would leave them in flight until their visibility timeout.
   Only the end of the run leaves one behind, when its time is up (`Patience`).
3. Only `palleto.errors.CloudError` comes out, never an exception of boto3's.
4. After a passing error (`passing`) a request to S3, or one that only reads (`get_...`), is sent again, up to
   `ATTEMPTS` times: those may be repeated. A download that breaks off goes on where it broke, and is compared with its
   MD5 at its end (`body.py`). A batch to SQS answers that all its entries failed, which its caller knows how to deal
   with. Any other error is its caller's: a receive must not be hidden in here.
5. A message that was damaged on its way (`intact`) is not handed out: it comes again after its visibility timeout.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio
from anyio import CapacityLimiter
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from palleto.cloud.clients.body import Use, WholeBody
from palleto.cloud.clients.errors import abandoned, backoff
from palleto.cloud.clients.patience import Patience
from palleto.cloud.endurance import passing
from palleto.errors import CloudError

T = TypeVar("T")
Response = dict[str, Any]
Observer = Callable[[str, dict[str, Any], "Response | CloudError"], None]
Operation = Callable[..., Awaitable[Response]]

ATTEMPTS = 8
"""How often a request to S3 is sent at most: with waits of 0.1 to 5 s in between, some 10 s of run time in all."""


class Transport(Protocol):
    """Carries requests of one service to one place."""

    def knows(self, method: str) -> bool:
        """Whether the service has an operation of that name, in boto3's snake_case."""

    async def send(self, operation: str, method: str, arguments: dict[str, Any], use: Use | None = None) -> Response:
        """The response to a request, after `use` has had it; raises `CloudError`."""

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """What a function returns that blocks, where this place lets functions block."""

    def reopen(self, arguments: dict[str, Any], etag: str, offset: int, attempt: int) -> Any:
        """The body of a `get_object` from byte `offset` on, for the `attempt`-th time; blocks, raises `CloudError`."""


class Client:
    """One service of one place: `await client.receive_message(QueueUrl=..., MaxNumberOfMessages=10)`.

    Every operation has boto3's name, keyword arguments and response; an operation that boto3 (or the simulated
    place) does not have is an AttributeError, one that fails a `CloudError`.
    """

    def __init__(
        self,
        service: str,
        transport: Transport,
        limiter: CapacityLimiter | None = None,
        requests: Counter[str] | None = None,
        observer: Observer | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._service = service
        self._transport = transport
        self._limiter = limiter
        self._requests = requests
        self._observer = observer
        self._patience = patience or Patience()
        self._chance = random.Random(0)

    def __repr__(self) -> str:
        return f"<Client {self._service} over {self._transport!r}>"

    def __getattr__(self, method: str) -> Operation:
        if method.startswith("_") or not self._transport.knows(method):
            raise AttributeError(f"expected an operation of {self._service} in boto3's words, got {method!r}")
        return partial(self._call, method)

    async def download(self, use: Callable[[Response], T], **arguments: Any) -> T:
        """`get_object`, and what `use` makes of its answer, on a real place in one call to a thread.

        What `use` raises is raised here; a CloudError would be taken for the request's, so it returns that.
        """
        used: list[T] = []
        await self._call("get_object", lambda answer: used.append(use(answer)), **arguments)
        await checkpoint_if_cancelled()  # who was killed meanwhile must not go on with it
        return used[0]

    async def _call(self, method: str, use: Use | None = None, /, **arguments: Any) -> Response:
        attempt = 0
        while True:
            try:
                return await self._turn(method, arguments, use)
            except CloudError as error:
                if not passing(error):
                    raise
                if method.endswith("_batch"):
                    return _all_failed(arguments, error)
                attempt += 1
                repeatable = self._service == "s3" or method.startswith("get_")
                if not repeatable or attempt == ATTEMPTS or not _rewound(arguments.get("Body")):
                    raise
            await anyio.sleep(backoff(attempt - 1, self._chance))

    async def _turn(self, method: str, arguments: dict[str, Any], use: Use | None) -> Response:
        if self._limiter is None:
            await checkpoint()  # rule 1
            return await self._send(method, arguments, use)
        # While it waits for its turn a request is not sent yet, and may be cancelled.
        async with self._limiter:
            return await self._send(method, arguments, use)

    async def _send(self, method: str, arguments: dict[str, Any], use: Use | None) -> Response:
        operation = operation_name(self._service, method)
        answer: Response | CloudError = abandoned(operation)
        if self._patience.over:
            raise abandoned(operation)

        def then(answer: Response) -> None:
            assert use is not None
            use(self._whole(arguments, answer))

        self._count(operation)
        with self._patience.waiting():  # rule 2
            try:
                answer = await self._transport.send(operation, method, arguments, then if use else None)
            except CloudError as error:
                answer = error
        if method == "receive_message" and isinstance(answer, dict) and "Messages" in answer:
            answer["Messages"] = [message for message in answer["Messages"] if intact(message)]  # rule 5
        self._observe(operation, arguments, answer)
        if isinstance(answer, CloudError):
            raise answer
        if method == "get_object" and use is None and "Range" not in arguments:
            return self._whole(arguments, answer)
        return answer

    def _count(self, operation: str) -> None:
        if self._requests is not None:
            self._requests[operation] += 1

    def _observe(self, operation: str, arguments: dict[str, Any], answer: Response | CloudError) -> None:
        if self._observer is not None:
            self._observer(operation, arguments, answer)

    def _whole(self, arguments: dict[str, Any], answer: Response) -> Response:
        reopen = partial(self._transport.reopen, arguments, answer.get("ETag", ""))
        md5 = answer.pop("MD5", None)
        return {**answer, "Body": WholeBody(answer["Body"], reopen, md5)}


def _all_failed(arguments: dict[str, Any], error: CloudError) -> Response:
    """The answer to a batch that failed as a whole, in SQS's words: each of its entries did."""
    said = {"SenderFault": False, "Code": error.code, "Message": str(error)}
    return {"Successful": [], "Failed": [{"Id": entry["Id"], **said} for entry in arguments["Entries"]]}


def _rewound(body: Any) -> bool:
    """Whether what a request carries can be sent again; a file is wound back to its beginning."""
    if body is None or isinstance(body, bytes):
        return True
    try:
        body.seek(0)
    except (AttributeError, OSError, ValueError):
        return False
    return True


def intact(message: object) -> bool:
    """Whether a message came as it was sent: SQS says the MD5 of each body, and boto3 does not look.

    >>> intact({"MessageId": "1", "ReceiptHandle": "h", "Body": "hey", "MD5OfBody": "6057f13c496ecf7fd777ceb9e79ae285"})
    True
    >>> intact({"MessageId": "1", "ReceiptHandle": "h", "Body": "hay", "MD5OfBody": "6057f13c496ecf7fd777ceb9e79ae285"})
    False
    """
    if not isinstance(message, dict):
        return False
    parts = [message.get(name) for name in ("MessageId", "ReceiptHandle", "Body")]
    if not all(isinstance(part, str) for part in parts):
        return False
    count = message.get("Attributes", {}).get("ApproximateReceiveCount", "1")
    body = str(parts[2]).encode("utf-8", "surrogatepass")
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return message.get("MD5OfBody", md5) == md5 and str(count).isdecimal()


def operation_name(service: str, method: str) -> str:
    """The name of an operation in traces and counters.

    >>> operation_name("s3", "list_objects_v2")
    's3.ListObjectsV2'
    """
    return f"{service}.{''.join(word.capitalize() for word in method.split('_'))}"
