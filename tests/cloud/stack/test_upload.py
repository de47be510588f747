"""Files into the bucket: read from what opens them, and one error where that fails."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import anyio
import pytest

from palleto.cloud import Cloud, Sample, Simulation, deploy, sample, samples, upload
from palleto.errors import CloudError


class Unreadable:
    key = "packrat/data/x.gz"
    size = 1
    etag = ""

    def open(self) -> bytes:
        raise CloudError("disk.Read", "Gone", "gone")


async def test_an_upload_that_fails_is_one_error(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    with pytest.raises(CloudError, match="NoSuchBucket"):
        await upload(cloud, replace(stack, bucket="warehouse.gone"), samples(3))
    with pytest.raises(CloudError, match=r"^disk\.Read failed with Gone: gone$"):
        await upload(cloud, stack, [Unreadable(), sample(0), Unreadable(), sample(1)])

    async def refuse(**arguments: Any) -> None:
        raise CloudError("s3.PutObject", "AccessDenied", "Not for you", 403)

    cloud.monitor.s3.put_object = refuse
    file = File("packrat/data/hello.gz", io.BytesIO(b"hello"))
    with pytest.raises(CloudError, match="Not for you"):
        await upload(cloud, stack, [file, sample(0)], concurrency=1)
    assert file.stream.closed


@dataclass
class File:
    key: str
    stream: BinaryIO
    size: int = 5
    etag: str = "5d41402abc4b2a76b9719d911017c592"

    def open(self) -> BinaryIO:
        return self.stream


async def test_files_are_read_from_a_stream_that_is_closed(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    file = File("packrat/data/hello.gz", io.BytesIO(b"hello"))
    assert await upload(cloud, stack, [file]) == [file.key]
    assert file.stream.closed
    assert await upload(cloud, stack, [file]) == []
    body = (await cloud.s3.get_object(Bucket=stack.bucket, Key=file.key))["Body"]
    assert await cloud.blocking(body.read) == b"hello"


class Watched:
    """A file that notes what is done with it, and in which thread."""

    key = "packrat/data/watched.gz"

    def __init__(self, data: bytes) -> None:
        self.data, self.size = data, len(data)
        self.done: list[tuple[str, int]] = []

    @property
    def etag(self) -> str:
        self.done.append(("hashed", threading.get_ident()))
        return hashlib.md5(self.data).hexdigest()

    def open(self) -> bytes:
        self.done.append(("opened", threading.get_ident()))
        return self.data


@pytest.mark.parametrize("place", ["embedded"])
async def test_files_are_read_beside_the_event_loop_and_hashed_only_where_they_may_be_there(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    one, same, longer = Watched(b"hello"), Watched(b"hello"), Watched(b"hello again")
    for file in (one, same, longer):
        await upload(cloud, stack, [file])
    assert [[what for what, _ in file.done] for file in (one, same, longer)] == [["opened"], ["hashed"], ["opened"]]
    assert threading.get_ident() not in {thread for file in (one, same, longer) for _, thread in file.done}


@pytest.mark.parametrize("place", ["simulated"])
async def test_a_fresh_bucket_is_not_asked_for_each_file_and_what_is_denied_is_an_error(cloud: Cloud) -> None:
    stack, s3 = await deploy(cloud), cloud.monitor.s3
    list_objects, listed, status = s3.list_objects_v2, [], 403

    async def listing(**arguments: Any) -> Any:
        listed.append(arguments)
        return await list_objects(**arguments)

    async def denied(**arguments: Any) -> Any:
        raise CloudError("s3.HeadObject", str(status), "No", status)

    s3.list_objects_v2, s3.head_object = listing, denied
    keys = [sample(day).key for day in range(2)]
    assert await upload(cloud, stack, []) == []
    assert listed == [], "a worker may not list it, and has no files"
    assert await upload(cloud, stack, samples(2)) == keys
    assert len(listed) == 1
    with pytest.raises(CloudError, match=r"s3\.HeadObject failed with 403"):
        await upload(cloud, stack, samples(2))
    assert await upload(cloud, stack, samples(2), again=True) == keys
    status = 404
    assert await upload(cloud, stack, samples(2)) == keys


class Gone:
    """S3's client: nothing is answered in the first `away` seconds, nor in as many after each answer."""

    def __init__(self, client: Any, away: float) -> None:
        self.client, self.away, self.back, self.tried = client, away, anyio.current_time() + away, 0

    def __getattr__(self, name: str) -> Any:
        async def request(**arguments: Any) -> Any:
            self.tried += 1
            if anyio.current_time() < self.back:
                raise CloudError(f"s3.{name}", "EndpointConnectionError", "Could not connect")
            self.back = anyio.current_time() + self.away
            return await getattr(self.client, name)(**arguments)

        return request


@pytest.mark.parametrize("place", ["simulated"])
async def test_a_server_that_is_gone_again_is_waited_for_as_long_again(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    await upload(cloud, stack, [sample(1)])
    s3 = Gone(cloud.monitor.s3, away=15)
    object.__setattr__(cloud.monitor, "s3", s3)
    begun = anyio.current_time()
    assert await upload(cloud, stack, [sample(0)], patience=20) == [sample(0).key]
    assert anyio.current_time() - begun == pytest.approx(45), "before it is listed, asked for, and put"
    assert s3.tried == 48, "once a second"


@pytest.mark.parametrize("place", ["simulated"])
@pytest.mark.parametrize("settings", [{"simulation": Simulation(put_object=(1, 2))}])
@pytest.mark.parametrize(("how", "at_one_time"), [({"concurrency": 3}, 3), ({}, 8)])
async def test_so_many_are_put_at_one_time_and_told_in_their_order(
    cloud: Cloud, how: dict[str, Any], at_one_time: int
) -> None:
    stack = await deploy(cloud)
    taken: list[tuple[int, float]] = []

    def files() -> Iterator[Sample]:
        for day in range(18):
            taken.append((day, anyio.current_time()))
            yield sample(day)

    begun = anyio.current_time()
    assert await upload(cloud, stack, files(), **how) == [sample(day).key for day in range(18)]
    assert 18 / at_one_time <= anyio.current_time() - begun <= 2 * (18 // at_one_time + 1)
    assert [day for day, when in taken if when == begun] == list(range(at_one_time + 1))  # the last is ready, and waits
