"""boto3 behind a client: requests in worker threads, and bodies and errors of ours in place of botocore's."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread

from palleto.cloud.clients.download import CHUNK
from palleto.cloud.clients.errors import backoff, raise_cloud_error
from palleto.cloud.clients.shortcut import Shortcut
from palleto.errors import CloudError

Response = dict[str, Any]

NEEDED = {"sqs.GetQueueUrl": "QueueUrl", "sqs.GetQueueAttributes": "Attributes", "s3.GetObject": "Body"}
"""What an answer must have; botocore makes an empty one of JSON that was damaged."""


class BotoTransport:
    """Carries requests to a boto3 client, each in a worker thread.

    `threads` limits them no further (infinity): `Client` holds its own limiter around each request, so that a request
    is either waiting there, and can be cancelled, or sent. None: anyio's own limit, of 40.
    """

    def __init__(self, client: Any, threads: CapacityLimiter | None = None, shortcut: Shortcut | None = None) -> None:
        self._client = client
        self._threads = threads
        self._shortcut = shortcut

    def __repr__(self) -> str:
        return f"boto3 at {self._client.meta.endpoint_url}"

    def knows(self, method: str) -> bool:
        """Whether boto3 maps this method to an operation of the service."""
        return method in self._client.meta.method_to_api_mapping

    async def send(self, operation: str, method: str, arguments: dict[str, Any]) -> Response:
        """The response, with a `Body` of ours in place of botocore's; raises `CloudError`."""
        # The client shields this, and leaves the thread behind only where its time is up.
        send = partial(self.blocking, operation, method, arguments)
        return await to_thread.run_sync(send, limiter=self._threads, abandon_on_cancel=True)

    def blocking(self, operation: str, method: str, arguments: dict[str, Any]) -> Response:
        """As `send`, in the thread that calls it."""
        return _call(getattr(self._client, method), operation, arguments)

    def download(self, bucket: str, key: str) -> Response:
        """Of `get_object`'s response what a download needs, by the short cut where there is one; it blocks."""
        short = None if self._shortcut is None else self._shortcut.get_object(Bucket=bucket, Key=key)
        if short is None:
            return self.blocking("s3.GetObject", "get_object", {"Bucket": bucket, "Key": key})
        return {**short, "Body": Body("s3.GetObject", short["Body"])}

    def reopen(self, arguments: dict[str, Any], etag: str, offset: int, attempt: int) -> Body:
        """The rest of an object, if it is still the same one; waits before it asks, longer each time."""
        time.sleep(backoff(attempt - 1, random.Random(offset)))
        rest = {**arguments, "Range": f"bytes={offset}-", **({"IfMatch": etag} if etag else {})}
        body: Body = _call(self._client.get_object, "s3.GetObject", rest)["Body"]
        return body


def _call(method: Callable[..., Response], operation: str, arguments: dict[str, Any]) -> Response:
    try:
        response = method(**arguments)
    except Exception as error:
        # Any: a response that was damaged on its way makes botocore's parsers raise what they will.
        raise_cloud_error(operation, error, whatever=True)
    needed = NEEDED.get(operation)
    if needed is not None and needed not in response and arguments.get("AttributeNames", True):
        raise CloudError(operation, "ResponseParserError", f"the answer has no {needed}: it was damaged on its way")
    if hasattr(response.get("Body"), "read"):
        response["Body"] = Body(operation, response["Body"])
    return response


class Body:
    """What `get_object` answers as `"Body"`: the object's bytes, as a stream that is read in a worker thread.

    Its methods block (call them through `cloud.blocking`) and raise `CloudError` when the stream breaks off.
    Close it when it is not read to its end: a `with` statement does so.
    """

    def __init__(self, operation: str, stream: Any) -> None:
        self._operation = operation
        self._stream = stream
        self._reading = threading.Lock()
        self._given_up = False

    def __enter__(self) -> Body:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def read(self, n: int | None = None) -> bytes:
        """The next bytes, at most `n`; all that are left without `n`; empty at the end."""
        with self._reading:
            try:
                data: bytes = self._stream.read(n)
            except Exception as error:
                raise_cloud_error(self._operation, error)
            finally:
                if self._given_up:
                    self._stream.close()
        return data

    def iter_chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The rest of the bytes, in chunks of `size` (64 KiB by default); the last may be shorter."""
        while chunk := self.read(size):
            yield chunk

    def close(self) -> None:
        """Give the connection up; what was not read is lost. Closing twice is no error.

        It does not wait for a read that was left behind in another thread: that closes the stream when it is answered.
        """
        self._given_up = True
        if self._reading.acquire(blocking=False):
            try:
                self._stream.close()
            finally:
                self._reading.release()
