"""The warehouse's spool, where blocking work is done in threads, and its end."""

from __future__ import annotations

import gzip
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import anyio
import pytest

from palleto import BadFile, CloudError, SettingError, Supervisor
from palleto.cloud import Cloud, Faults, deploy
from palleto.cloud.clients.body import WholeBody
from palleto.cloud.warehouse import LONGEST, Warehouse, open_warehouse
from palleto.files import SPARE, Zipped, count_lines, unzip
from palleto.runtime import running


@pytest.fixture
def place() -> str:
    """The only one here, but where a test names others."""
    return "simulated"


@pytest.mark.parametrize("place", ["embedded"])
async def test_a_caller_that_is_cancelled_leaves_no_file_in_the_spool(warehouse: Warehouse, tmp_path: Path) -> None:
    path, kept = warehouse.new_file(), warehouse.new_file()
    begun, go_on = threading.Event(), threading.Event()

    def work(target: Path) -> None:
        begun.set()
        go_on.wait(10)
        target.write_text("x")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(warehouse.blocking, work, path)
        await anyio.to_thread.run_sync(begun.wait, 10)
        tasks.cancel_scope.cancel()
        go_on.set()
    assert not path.exists()
    await warehouse.blocking(kept.write_text, "x")
    await warehouse.blocking(work, kept)
    assert kept.exists()
    warehouse.spool.remove([("an event", kept), tmp_path])  # nothing outside of the spool
    assert not kept.exists()


@pytest.mark.parametrize("place", ["simulated", "embedded"])
async def test_a_result_takes_the_place_of_the_file_it_was_counted_in(warehouse: Warehouse, tmp_path: Path) -> None:
    good, refused = warehouse.new_file(), warehouse.new_file()
    for file in (good, refused):
        file.write_text("a\n\nb\n")
    async with running(Supervisor([])):
        path = await warehouse.write("some/data.gz", count_lines, good)
        with pytest.raises(BadFile, match="a key that ends in"):
            await warehouse.write("some/data.zip", count_lines, refused)
    assert path.read_text() == "2\n"
    assert path == tmp_path / "output" / "some" / "data.txt"
    assert not refused.exists()
    with pytest.raises(FileNotFoundError, match="not done yet"):
        await warehouse.write("some/data.gz", count_lines, good)


async def test_a_large_file_is_removed_and_a_small_one_is_written_over_by_a_later_one(warehouse: Warehouse) -> None:
    large, small = warehouse.new_file(), warehouse.new_file()
    large.write_bytes(b"x" * (SPARE + 1))
    small.write_bytes(b"x" * SPARE)
    async with running(Supervisor([])):
        await warehouse.write_each([("a.gz", large), ("b.gz", small)], count_lines)
    assert (large.exists(), small.exists()) == (False, True)


async def test_results_that_take_long_are_written_in_several_calls(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is cancelled waits for one call."""
    passed = iter(0.6 * LONGEST * number for number in range(1000))
    monkeypatch.setattr("palleto.cloud.warehouse.time", SimpleNamespace(monotonic=lambda: next(passed)))
    files = [(f"{number}.gz", warehouse.new_file()) for number in range(6)]
    for _, file in files:
        file.write_text("x\n")
    calls = []
    blocking = warehouse.blocking

    async def counted(function: Any, *args: Any) -> Any:
        calls.append(len(args[0]))
        return await blocking(function, *args)

    monkeypatch.setattr(warehouse, "blocking", counted)
    async with running(Supervisor([])):
        await warehouse.write_each(files, count_lines)
    assert calls == [6, 4, 2]


async def test_a_full_disk_ends_the_run_at_once(warehouse: Warehouse) -> None:
    def full() -> None:
        raise SettingError("the disk is full")

    async def run() -> None:
        async with running(Supervisor([])):
            with suppress(SettingError):
                await warehouse.blocking(full)
            await anyio.sleep(1)
            pytest.fail("the run went on")

    with pytest.raises(SettingError, match="the disk is full"):
        await run()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_a_run_has_in_hand_at_its_end_is_given_back(cloud: Cloud, tmp_path: Path, cancelled: bool) -> None:
    stack = await deploy(cloud)
    with anyio.CancelScope() as scope, suppress(ZeroDivisionError):
        async with open_warehouse(cloud, stack, output=tmp_path / "output") as warehouse:
            answer = await cloud.sqs.receive_message(QueueUrl=stack.queue_url, WaitTimeSeconds=1)
            assert warehouse.leases.take(answer["Messages"][0], lambda message: [message])
            if cancelled:
                scope.cancel()
            else:
                raise ZeroDivisionError
    assert cloud.simulated is not None
    ledger = cloud.simulated.ledger(stack.queue_url)
    assert (ledger.visible, ledger.in_flight) == (1, 0)


@pytest.mark.parametrize(("output", "said"), [("file", "it is a file"), ("file/inside", "Not a directory")])
async def test_results_that_go_nowhere_are_refused(cloud: Cloud, tmp_path: Path, output: str, said: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingError, match=f": {said}; choose another folder"):
        async with open_warehouse(cloud, await deploy(cloud), output=tmp_path / output):
            pass


async def test_what_a_killed_run_left_half_written_is_removed(cloud: Cloud, tmp_path: Path) -> None:
    half = tmp_path / "output" / "a" / ".0123456789abcdef.tmp"
    half.parent.mkdir(parents=True)
    half.write_text("1")
    async with open_warehouse(cloud, await deploy(cloud), output=tmp_path / "output"):
        assert not half.exists()


class Event(NamedTuple):
    bucket: str
    key: str
    version: str | None = None


async def put(warehouse: Warehouse, key: str, lines: int) -> Event:
    await warehouse.s3.put_object(Bucket=warehouse.bucket, Key=key, Body=gzip.compress(b"x\n" * lines, mtime=0))
    return Event(warehouse.bucket, key)


async def downloaded(warehouse: Warehouse, event: Event) -> Path | Zipped:
    (found,) = await warehouse.download([event])
    assert isinstance(found, Path | Zipped)
    return found


@pytest.mark.parametrize("place", ["simulated", "embedded"])
async def test_folders_that_somebody_removes_are_made_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WholeBody, "here", None)  # as that of a large object: it goes to the spool
    events = [await put(warehouse, f"a/{lines}.gz", lines) for lines in range(1, 4)]
    async with running(Supervisor([])):
        for removed in (warehouse.spool.folder, warehouse.output):
            shutil.rmtree(removed)  # before it is downloaded, and before it is counted
            files = [(event.key, await downloaded(warehouse, event)) for event in events]
            shutil.rmtree(removed, ignore_errors=True)
            paths = await warehouse.write_each(files, count_lines)
            assert [path.read_text() for path in paths if isinstance(path, Path)] == ["1\n", "2\n", "3\n"]
        await put(warehouse, "a/1.gz", 2 * SPARE)
        large = await downloaded(warehouse, events[0])
        assert isinstance(large, Path)
        assert large.stat().st_size == 4 * SPARE
        assert warehouse.spool.folder.stat().st_mode & 0o077 == 0
        own = warehouse.new_file()
        own.unlink(missing_ok=True)
        with pytest.raises(FileNotFoundError):
            await warehouse.write("own.gz", count_lines, own)


@pytest.mark.parametrize("place", ["simulated", "embedded"])
async def test_a_refused_key_is_not_asked_for(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "output/link").symlink_to(tmp_path)
    keys = ["a//b.gz", "../b.gz", "a.txt/b.gz", "b.zip", "x" * 252 + ".gz", "link/b.gz", "good.gz"]
    events = [await put(warehouse, key, 1) for key in keys]
    found = await warehouse.download(events)
    assert [isinstance(each, BadFile) for each in found] == [True] * 6 + [False]
    for event in events[:6]:
        with pytest.raises(BadFile, match=r"^expected"):
            await warehouse.get_object(event)
    assert warehouse.cloud.requests["s3.GetObject"] == 1


@pytest.mark.parametrize("place", ["simulated", "embedded"])
@pytest.mark.parametrize("large", [False, True], ids=["in memory", "in the spool"])
async def test_the_newest_objects_count_wins_whoever_is_done_last(
    warehouse: Warehouse, tmp_path: Path, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers that share a folder: the one with the older object is done after the other."""
    if large:
        monkeypatch.setattr(WholeBody, "here", None)
    async with open_warehouse(warehouse.cloud, warehouse.stack, output=tmp_path / "output") as other:
        event = await put(warehouse, "k.gz", 5)
        old = await downloaded(warehouse, event)
        await put(warehouse, "k.gz", 1)
        new = await downloaded(other, event)
        async with running(Supervisor([])):
            path = await other.write("k.gz", count_lines, new)
            assert warehouse.cloud.requests["s3.HeadObject"] == 0  # the first to write it has nothing to ask
            assert await warehouse.write("k.gz", count_lines, old) == path
            assert warehouse.cloud.requests["s3.HeadObject"] == 1
            await other.write("k.gz", count_lines, await downloaded(other, event))  # nobody has written meanwhile
            assert warehouse.cloud.requests["s3.HeadObject"] == 1
    assert path.read_text() == "1\n"
    assert warehouse.cloud.requests["s3.GetObject"] == 4
    names = [file.name for file in warehouse.spool.folder.iterdir() if file.name != ".lock"]
    assert names == (["1"] if large else [])


async def test_step_8s_files_are_known_as_well(warehouse: Warehouse) -> None:
    """There an object is asked for and unzipped by the step."""

    async def downloaded(event: Event) -> Path:
        response = await warehouse.get_object(event)
        path = warehouse.new_file(event, response)
        await warehouse.blocking(unzip, response["Body"].iter_chunks(), path, 1000)
        return path

    event = await put(warehouse, "k.gz", 5)
    old = await downloaded(event)
    await put(warehouse, "k.gz", 1)
    async with running(Supervisor([])):
        await warehouse.write("k.gz", count_lines, await downloaded(event))
        path = await warehouse.write("k.gz", count_lines, old)
    assert path.read_text() == "1\n"


async def test_an_older_count_stays_where_the_newest_object_has_none(warehouse: Warehouse) -> None:
    event = await put(warehouse, "k.gz", 5)
    first, second = [await downloaded(warehouse, event) for _ in range(2)]
    async with running(Supervisor([])):
        await warehouse.write("k.gz", count_lines, first)
        await warehouse.s3.put_object(Bucket=event.bucket, Key=event.key, Body=b"not gzip")
        path = await warehouse.write("k.gz", count_lines, second)
    assert path.read_text() == "5\n"


async def test_a_file_that_is_no_objects_is_written_over_a_result_without_a_question(warehouse: Warehouse) -> None:
    for lines in (2, 1):
        file = warehouse.new_file()
        file.write_text("x\n" * lines)
        async with running(Supervisor([])):
            path = await warehouse.write("k.gz", count_lines, file)
        assert path.read_text() == f"{lines}\n"
    assert warehouse.cloud.requests.total() == 0


DENIED = "AccessDenied"


def failing(code: str) -> Faults:
    """The third object that is asked for: the newest, after two downloads of the older one."""
    return Faults().fail("s3.GetObject", code, at=3)


@pytest.mark.parametrize(
    ("faults", "done"),
    [
        (failing("NoSuchKey"), True),
        (failing("AccessDenied"), True),
        (
            Faults()
            .fail("s3.HeadObject", "AccessDenied", rate=1)
            .fail("s3.ListObjectVersions", "AccessDenied", rate=1),
            True,
        ),
        (failing("InvalidObjectState"), False),
    ],
)
async def test_a_result_is_done_if_the_newest_object_is_gone_and_not_if_it_cannot_be_got(
    warehouse: Warehouse, done: bool
) -> None:
    event = await put(warehouse, "k.gz", 5)
    first, second = [await downloaded(warehouse, event) for _ in range(2)]
    async with running(Supervisor([])):
        await warehouse.write("k.gz", count_lines, first)
        await put(warehouse, "k.gz", 1)
        (result,) = await warehouse.write_each([("k.gz", second)], count_lines)
    assert isinstance(result, Path) == done
    assert (warehouse.output / "k.txt").read_text() == "5\n"


@pytest.mark.parametrize("faults", [Faults().fail("s3.HeadObject", "InternalError", rate=1)])
async def test_a_result_is_not_done_while_s3_does_not_say_what_is_the_newest(warehouse: Warehouse) -> None:
    event = await put(warehouse, "k.gz", 5)
    first, second = [await downloaded(warehouse, event) for _ in range(2)]
    async with running(Supervisor([])):
        await warehouse.write("k.gz", count_lines, first)
        with pytest.raises(CloudError, match="HeadObject failed with InternalError"):
            await warehouse.write("k.gz", count_lines, second)


@pytest.mark.parametrize("place", ["simulated", "embedded", pytest.param("localstack", marks=pytest.mark.localstack)])
async def test_the_version_that_an_event_names_is_counted_and_the_newest_version_wins(warehouse: Warehouse) -> None:
    s3, bucket = warehouse.s3, warehouse.bucket
    await s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    versions = []
    for lines in (1, 2, 3):
        body = gzip.compress(b"x\n" * lines)
        answer = await s3.put_object(Bucket=bucket, Key="k.gz", Body=body)
        versions.append(Event(bucket, "k.gz", answer["VersionId"]))
        await s3.put_object(Bucket=bucket, Key="k.gz.gz", Body=body)  # a neighbour, with the same prefix
    old, middle, newest = versions

    async def count(event: Event) -> str:
        return (await warehouse.write(event.key, count_lines, await downloaded(warehouse, event))).read_text()

    async with running(Supervisor([])):
        assert await count(old) == "1\n"
        (warehouse.output / "k.txt").unlink()
        assert await count(middle) == "2\n"
        assert await count(old) == "3\n"  # there is a newer one
        await s3.delete_object(Bucket=bucket, Key="k.gz")
        assert await count(newest) == "3\n"
        assert await count(middle) == "3\n"  # below the delete marker
        response = await warehouse.get_object(old)
        assert gzip.decompress(response["Body"].read()) == b"x\n"
        await put(warehouse, "j.gz", 1)
        only = Event(
            bucket, "j.gz", (await s3.list_object_versions(Bucket=bucket, Prefix="j"))["Versions"][0]["VersionId"]
        )
        files = [("j.gz", await downloaded(warehouse, only)) for _ in range(2)]
        await warehouse.write_each(files[:1], count_lines)
        await s3.delete_object(Bucket=bucket, Key="j.gz", VersionId=only.version)  # for good
        (path,) = await warehouse.write_each(files[1:], count_lines)
        assert isinstance(path, Path)
        (gone,) = await warehouse.download([Event(bucket, "k.gz", str(middle.version).swapcase())])
        assert isinstance(gone, CloudError)
    for answer in [await s3.list_object_versions(Bucket=bucket)]:
        for each in [*answer["Versions"], *answer["DeleteMarkers"]]:
            await s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
    await s3.delete_bucket(Bucket=bucket)
