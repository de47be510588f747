from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from palleto.cloud import Cloud, deploy, sample, samples, upload
from palleto.errors import CloudError
from palleto.program import user_files


def test_days_go_on_by_date() -> None:
    keys = [sample(day).key for day in (0, 11, 12, 165)]
    assert keys == [f"packrat/data/{date}.gz" for date in ("20160720", "20160731", "20160801", "20170101")]
    with pytest.raises(ValueError, match="got -1"):
        sample(-1)


def test_a_day_is_the_same_every_time() -> None:
    first, again = sample(3), sample(3)
    assert first == again
    assert first.data[4:8] == bytes(4), "no time of making in the gzip header"
    assert (first.size, len(first.etag)) == (len(first.data), 32)


def test_a_day_has_lines_of_json_in_order_of_time() -> None:
    counts = set()
    for file in samples(12):
        text = gzip.decompress(file.data)
        assert text.endswith(b"\n")
        lines = text.splitlines()
        assert len(lines) == file.lines >= 2_000
        counts.add(file.lines)
        times = [json.loads(line)["at"] for line in lines]
        assert times == sorted(times)
        assert times[0][:10].replace("-", "") == file.key[-11:-3]
    assert len(counts) == 12
    assert len({sample(day).lines for day in range(0, 400, 8)}) == 50


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


def test_files_are_read_from_a_stream_that_is_closed(run: Any) -> None:
    @dataclass
    class File:
        key: str
        stream: BinaryIO
        size: int = 5
        etag: str = "5d41402abc4b2a76b9719d911017c592"

        def open(self) -> BinaryIO:
            return self.stream

    async def test(cloud: Cloud) -> None:
        stack = await deploy(cloud)
        file = File("packrat/data/hello.gz", io.BytesIO(b"hello"))
        assert await upload(cloud, stack, [file]) == [file.key]
        assert file.stream.closed
        assert await upload(cloud, stack, [file]) == []
        body = (await cloud.s3.get_object(Bucket=stack.bucket, Key=file.key))["Body"]
        assert await cloud.blocking(body.read) == b"hello"

    run(test)


def test_user_files_are_uploaded_once(run: Any, tmp_path: Path) -> None:
    for name in ("a/x.gz", "b/x.gz", "b/c/y.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    files = user_files([tmp_path / "a/x.gz", tmp_path / "b/x.gz", tmp_path / "b/../a/x.gz", tmp_path / "b/c/y.gz"])
    keys = ["packrat/data/a/x.gz", "packrat/data/b/x.gz", "packrat/data/b/c/y.gz"]
    assert [file.key for file in files] == keys

    async def test(cloud: Cloud) -> None:
        stack = await deploy(cloud)
        assert await upload(cloud, stack, files) == keys
        assert await upload(cloud, stack, files) == []
        body = (await cloud.s3.get_object(Bucket=stack.bucket, Key=keys[2]))["Body"]
        assert await cloud.blocking(body.read) == b"b/c/y.gz"

    run(test)
