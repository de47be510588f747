"""Files put into the stack's bucket, of which S3 tells the queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import BinaryIO, Protocol, TypeVar

import anyio

from palleto.cloud.door import Cloud
from palleto.cloud.endurance import Endurance, passing
from palleto.cloud.stack.deployment import Stack
from palleto.errors import CloudError

T = TypeVar("T")

UPLOADS = 8  # puts at one time; more do not make moto faster
PAUSE = 1.0
"""Seconds of run time until a request that failed as often as its client sends it is made again."""


class Uploadable(Protocol):
    """A file to upload: its key, its size in bytes, its ETag, and a stream of its bytes."""

    @property
    def key(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def etag(self) -> str: ...

    def open(self) -> BinaryIO | bytes: ...


async def upload(
    cloud: Cloud,
    stack: Stack,
    files: Iterable[Uploadable],
    *,
    concurrency: int = UPLOADS,
    again: bool = False,
    begun: Callable[[], object] = lambda: None,
    patience: float = 0.0,
) -> list[str]:
    """Put files into the stack's bucket, `concurrency` at one time, and give back the keys that were put, in order.

    A file whose key holds an object of its size and ETag is left as it is: nothing is announced for it again,
    unless `again`. The files are asked for one by one, so a generator's are in memory a few at a time. Its requests
    are not counted in `cloud.requests`. `begun` is called whenever a file is there. A server that does not answer is
    waited for: for `patience` seconds of run time, or until its client gives up. Raises `CloudError`.
    """
    endurance = Endurance(patience)
    put: dict[int, str] = {}
    slots = anyio.Semaphore(concurrency)

    async def enduring(request: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                answer = await request()
            except CloudError as error:
                if not (patience and passing(error)):
                    raise
                if ending := endurance.judge(error.operation, {}, error, anyio.current_time()):
                    raise ending from error
            else:
                endurance.judge("s3.PutObject", {}, {}, anyio.current_time())
                return answer
            await anyio.sleep(PAUSE)

    async def put_one(number: int, file: Uploadable) -> None:
        if again or is_empty or not await enduring(partial(_is_there, cloud, stack.bucket, file)):
            await enduring(partial(_put, cloud, stack.bucket, file))
            put[number] = file.key
        begun()
        slots.release()

    failure: BaseException | None = None
    try:
        async with anyio.create_task_group() as tasks:
            for number, file in enumerate(files):
                if number == 0:  # a worker has no files, and may not list the whole bucket
                    listed = await enduring(partial(cloud.monitor.s3.list_objects_v2, Bucket=stack.bucket, MaxKeys=1))
                    is_empty = listed.get("KeyCount") == 0  # a fresh bucket is not asked for each file
                await slots.acquire()
                tasks.start_soon(put_one, number, file)
    except* CloudError as group:
        failure = group.exceptions[0]
    if failure is not None:
        raise failure
    return [put[number] for number in sorted(put)]


async def _put(cloud: Cloud, bucket: str, file: Uploadable) -> None:
    body = await cloud.blocking(file.open)
    try:
        await cloud.monitor.s3.put_object(Bucket=bucket, Key=file.key, Body=body)
    finally:
        if not isinstance(body, bytes):
            body.close()


async def _is_there(cloud: Cloud, bucket: str, file: Uploadable) -> bool:
    try:
        head = await cloud.monitor.s3.head_object(Bucket=bucket, Key=file.key)
    except CloudError as error:
        if error.status == 404:
            return False
        raise
    if head.get("ContentLength") != file.size:
        return False
    return bool(head.get("ETag", "").strip('"') == await cloud.blocking(lambda: file.etag))
