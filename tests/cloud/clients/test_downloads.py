"""Each download has its result, or why there is none; who is cancelled, or in a hurry, has none."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest

from palleto.cloud.clients import Objects
from palleto.cloud.clients.downloads import Found
from palleto.cloud.clients.errors import ABANDONED
from palleto.cloud.faults import Faults
from palleto.cloud.warehouse import Warehouse
from palleto.errors import BadFile
from palleto.files import Spool, Zipped

GOOD = gzip.compress(b"a\n\nb\n")
CUT = gzip.compress(bytes(range(256)) * 90)[:-100]
OBJECTS = {
    "good": (GOOD, "5"),
    "other": (gzip.compress(b"x\n" * 50_000), "100000"),
    "empty": (gzip.compress(b""), "0"),
    "text": (b"not gzip at all", "BadFile: not gzip: begins with 6e 6f 74 20 instead of 1f 8b"),
    "nothing": (b"", "BadFile: not gzip: the file is empty"),
    "cut": (CUT, f"BadFile: cut off after {len(CUT)} bytes of gzip"),
    "large": (gzip.compress(b"\n" * 200_001), "BadFile: unzips to more than --max-bytes=200000"),
    "gone": (None, "CloudError: s3.GetObject failed with NoSuchKey: The specified key does not exist."),
    "a//b": (GOOD, "BadFile: expected a key without empty, '.' or '..' segments, got 'a//b.gz'"),
}


@pytest.fixture
def place() -> str:
    """The only one here, but where a test names others."""
    return "embedded"


class Event(NamedTuple):
    bucket: str
    key: str
    version: str | None = None


async def put(warehouse: Warehouse) -> list[Event]:
    """The objects, and an event for each."""
    for key, (data, _) in OBJECTS.items():
        if data is not None:
            await warehouse.s3.put_object(Bucket=warehouse.bucket, Key=f"{key}.gz", Body=data)
    return [Event(warehouse.bucket, f"{key}.gz") for key in OBJECTS]


def told(spool: Spool, found: list[Found]) -> list[str]:
    """What came of each, in words: the size of its text; checks that a file is there exactly where one was promised."""
    paths = [each for each in found if isinstance(each, Path)]
    assert {path.name for path in spool.folder.iterdir() if path.name != ".lock"} == {path.name for path in paths}
    assert spool.owned(paths) == paths
    return [said_of(each) for each in found]


def said_of(found: Found) -> str:
    try:
        if isinstance(found, Path | Zipped):
            return str(found.stat().st_size if isinstance(found, Path) else found.size)
    except BadFile as error:
        found = error
    return f"{type(found).__name__}: {found}"


@pytest.mark.parametrize("place", ["simulated", "embedded"])
@pytest.mark.parametrize(
    "faults",
    [None, Faults().fail("s3.GetObject", "SlowDown", at=[1, 4]).slow("s3.GetObject", 0.01, at=2).cut(3, at=[3, 5])],
    ids=["no faults", "faults"],
)
async def test_each_has_its_result_or_why_there_is_none(
    warehouse: Warehouse, faults: Faults | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("palleto.cloud.clients.client.backoff", lambda attempt, chance: 0.0)
    monkeypatch.setattr(warehouse, "max_bytes", 200_000)
    events = await put(warehouse)
    found = await warehouse.download(events)
    assert told(warehouse.spool, found) == [said for _, said in OBJECTS.values()]
    assert warehouse.cloud.requests["s3.GetObject"] == len(OBJECTS) - 1 + (2 if faults else 0)


class Gate:
    """Holds downloads up until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        get = Objects.get

        def held_up(objects: Objects, arguments: dict[str, Any]) -> Any:
            self.reached.set()
            assert self.opened.wait(10)
            return get(objects, arguments)

        monkeypatch.setattr(Objects, "get", held_up)


@pytest.mark.parametrize("settings", [{"concurrency": 1}])
async def test_who_is_cancelled_sends_no_more_and_leaves_no_file(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    events = [event for event in await put(warehouse) if event.key in ("good.gz", "other.gz", "empty.gz")]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(warehouse.download, events)
        await anyio.to_thread.run_sync(gate.reached.wait, 10)
        tasks.cancel_scope.cancel()
        gate.opened.set()
    assert warehouse.cloud.requests["s3.GetObject"] == 1
    assert told(warehouse.spool, []) == []


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("place", ["simulated", "embedded"])
async def test_who_is_cancelled_in_the_middle_of_it_goes_no_further(warehouse: Warehouse, count: int) -> None:
    """The request is not cancelled, its answer comes; but a stage that was killed must not go on with it."""
    events = (await put(warehouse))[:count]
    further = []
    async with anyio.create_task_group() as tasks:

        async def stage() -> None:
            further.append(await warehouse.download(events))

        tasks.start_soon(stage)
        while not warehouse.cloud.requests["s3.GetObject"]:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert further == []
    assert told(warehouse.spool, []) == []


observed: list[Any] = []


@pytest.mark.parametrize("settings", [{"observer": lambda *answer: observed.append(answer[2])}])
async def test_a_hurry_leaves_calls_behind_and_nothing_is_bad(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    found: list[Found] = []

    async def download() -> None:
        found.extend(await warehouse.download([Event(warehouse.bucket, "a.gz"), Event(warehouse.bucket, "b.gz")]))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(download)
        await anyio.to_thread.run_sync(gate.reached.wait, 10)
        observed.clear()
        warehouse.cloud.hurry(0.1)
    assert [getattr(each, "code", each) for each in found] == [ABANDONED] * 2
    assert [each.code for each in observed] == [ABANDONED] * 2
    assert warehouse.cloud.requests["s3.GetObject"] == 2
    gate.opened.set()
