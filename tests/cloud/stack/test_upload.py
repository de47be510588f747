"""Files into the bucket: read from what opens them, and one error where that fails."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import BinaryIO

import pytest

from palleto.cloud import Cloud, deploy, sample, samples, upload
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
