"""boto3 behind a client: requests in worker threads, and bodies and errors of ours in place of botocore's."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from palleto.cloud.clients.body import Body, Use, encrypted, md5_in
from palleto.cloud.clients.errors import backoff, raise_cloud_error
from palleto.cloud.clients.objects import Objects
from palleto.errors import CloudError

T = TypeVar("T")
Response = dict[str, Any]

NEEDED = {"sqs.GetQueueUrl": "QueueUrl", "sqs.GetQueueAttributes": "Attributes", "s3.GetObject": "Body"}
"""What an answer must have; botocore makes an empty one of JSON that was damaged."""


def object_name(bucket: str, key: str, version: str | None) -> dict[str, str]:
    """An object in the words of boto3's `get_object`; of a version, or the newest."""
    name = {"Bucket": bucket, "Key": key}
    return name if version is None else {**name, "VersionId": version}


class BotoTransport:
    """Carries requests to a boto3 client, each in a worker thread.

    `threads` limits them no further (infinity): `Client` holds its own limiter around each request, so that a request
    is either waiting there, and can be cancelled, or sent. None: anyio's own limit, of 40.
    """

    def __init__(self, client: Any, threads: CapacityLimiter | None = None, objects: Objects | None = None) -> None:
        self._client = client
        self._threads = threads
        self._objects = objects

    def __repr__(self) -> str:
        return f"boto3 at {self._client.meta.endpoint_url}"

    def knows(self, method: str) -> bool:
        """Whether boto3 maps this method to an operation of the service."""
        return method in self._client.meta.method_to_api_mapping

    async def send(self, operation: str, method: str, arguments: dict[str, Any], use: Use | None = None) -> Response:
        """The response, with a `Body` of ours in place of botocore's; raises `CloudError`."""
        # The client shields this, and leaves the thread behind only where its time is up.
        return await self.run(self.blocking, operation, method, arguments, use)

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that blocks."""
        return await to_thread.run_sync(function, *args, limiter=self._threads, abandon_on_cancel=True)

    def blocking(self, operation: str, method: str, arguments: dict[str, Any], use: Use | None) -> Response:
        """As `send`, in the thread that calls it."""
        if method == "get_object":
            response = self._get_object(arguments)
        else:
            response = _call(getattr(self._client, method), operation, arguments)
        if use is not None:
            use(response)
        return response

    def _get_object(self, arguments: dict[str, Any]) -> Response:
        """By obstore, and where that has no answer by boto3; with the `MD5` that its body must have, where known."""
        if "Range" in arguments:
            return _call(self._client.get_object, "s3.GetObject", arguments)
        response = None if self._objects is None else self._objects.get(arguments)
        if response is not None and "MD5" in response:  # not compared yet, and obstore does not say if it is one
            said = _call(self._client.head_object, "s3.HeadObject", arguments)
            if md5_in(said) != response["MD5"]:
                response["Body"].close()
                response = None
        if response is not None:
            return response
        response = _call(self._client.get_object, "s3.GetObject", {**arguments, "ChecksumMode": "ENABLED"})
        if self._objects is not None and encrypted(response):
            self._objects.leave(arguments["Bucket"])
        return {**response, "MD5": md5_in(response)}

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
