"""Files put into the stack's bucket, of which S3 tells the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO, Protocol

import anyio

from palleto.cloud.door import Cloud
from palleto.cloud.stack.deployment import Stack
from palleto.errors import CloudError

UPLOADS = 8  # puts at one time; more do not make moto faster


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
) -> list[str]:
    """Put files into the stack's bucket, `concurrency` at one time, and give back the keys that were put, in order.

    A file whose key holds an object of its size and ETag is left as it is: nothing is announced for it again,
    unless `again`. The files are asked for one by one, so a generator's are in memory a few at a time. Its requests
    are not counted in `cloud.requests`. `begun` is called whenever a file is there. Raises `CloudError`.
    """
    put: dict[int, str] = {}
    slots = anyio.Semaphore(concurrency)

    async def put_one(number: int, file: Uploadable) -> None:
        try:
            if again or is_empty or not await _is_there(cloud, stack.bucket, file):
                body = await cloud.blocking(file.open)
                try:
                    await cloud.monitor.s3.put_object(Bucket=stack.bucket, Key=file.key, Body=body)
                finally:
                    if not isinstance(body, bytes):
                        body.close()
                put[number] = file.key
            begun()
        finally:
            slots.release()

    failure: CloudError | None = None
    try:
        async with anyio.create_task_group() as tasks:
            for number, file in enumerate(files):
                if number == 0:  # a worker has no files, and may not list the whole bucket
                    listed = await cloud.monitor.s3.list_objects_v2(Bucket=stack.bucket, MaxKeys=1)
                    is_empty = listed.get("KeyCount") == 0  # a fresh bucket is not asked for each file
                await slots.acquire()
                tasks.start_soon(put_one, number, file)
    except* CloudError as group:
        failure = next(error for error in _leaves(group))
    if failure is not None:
        raise failure
    return [put[number] for number in sorted(put)]


def _leaves(group: BaseExceptionGroup[CloudError]) -> Iterable[CloudError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


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
