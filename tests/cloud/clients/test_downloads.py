"""A download in one call to a thread is what it would be in two; who is cancelled, or in a hurry, has none."""

from __future__ import annotations

import gzip
import threading
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palleto import CloudError
from palleto.cloud import Cloud, deploy
from palleto.cloud.clients.boto import BotoTransport
from palleto.cloud.clients.downloads import Downloads, Found, Wanted
from palleto.cloud.clients.errors import ABANDONED
from palleto.cloud.warehouse import Warehouse, open_warehouse

OBJECTS = {
    "good": gzip.compress(b"a\n\nb\n"),
    "other": gzip.compress(b"x\n" * 50_000),
    "empty": gzip.compress(b""),
    "text": b"not gzip at all",
    "nothing": b"",
    "cut": gzip.compress(bytes(range(256)) * 90)[:-100],
    "large": gzip.compress(b"\n" * 200_001),
    "gone": None,
}
MAX_BYTES = 200_000
SEND, DOWNLOAD = BotoTransport.blocking, BotoTransport.download


@pytest.fixture
def place() -> str:
    """The only one here."""
    return "embedded"


class Asked(NamedTuple):
    """An object that is asked for, and how often S3 is out of order before it answers."""

    key: str
    failures: int


asked = st.lists(st.builds(Asked, st.sampled_from([*OBJECTS]), st.sampled_from([0] * 15 + [1, 2])), max_size=10)


async def outcome(warehouse: Warehouse, form: Any, wanted: list[Wanted]) -> tuple[list[str], Counter[str]]:
    """What came of it, in words, and the requests; checks that a file is there exactly where one was promised."""
    before = Counter(warehouse.cloud.requests)
    found: list[Found] = await form(wanted)
    told = []
    for each, came in zip(wanted, found, strict=True):
        assert each.path.exists() == isinstance(came, Path)
        assert bool(warehouse.spool.owned([each.path])) or not isinstance(came, Path)
        told.append(f"{len(came.read_bytes())}" if isinstance(came, Path) else f"{type(came).__name__}: {came}")
        if isinstance(came, Path):
            warehouse.spool.done(came)  # and a later one is written over it
    return told, Counter(warehouse.cloud.requests) - before


def test_what_one_call_does_is_what_two_would_do(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palleto.cloud.clients.client.backoff", lambda attempt, chance: 0.0)
    out_of_order: Counter[str] = Counter()
    lock = threading.Lock()

    def fail(key: str) -> None:
        with lock:
            fails = out_of_order[key] > 0
            out_of_order[key] -= fails
        if fails:
            raise CloudError("s3.GetObject", "SlowDown", "out of order", 503)

    def send(transport: BotoTransport, operation: str, method: str, arguments: dict[str, Any]) -> Any:
        fail(arguments.get("Key", ""))
        return SEND(transport, operation, method, arguments)

    def download(transport: BotoTransport, bucket: str, key: str) -> Any:
        fail(key)
        return DOWNLOAD(transport, bucket, key)

    monkeypatch.setattr(BotoTransport, "blocking", send)
    monkeypatch.setattr(BotoTransport, "download", download)

    observed: list[str] = []

    async def test(cloud: Cloud) -> None:
        async with open_warehouse(
            cloud, stack := await deploy(cloud), output=tmp_path / "output", max_bytes=MAX_BYTES
        ) as warehouse:
            assert warehouse.s3.can_direct
            for key, data in OBJECTS.items():
                for number in range(10):
                    if data is not None:
                        await cloud.s3.put_object(Bucket=stack.bucket, Key=f"{number}/{key}", Body=data)
            forms = Downloads(cloud.s3, warehouse.blocking, warehouse.spool, MAX_BYTES)

            async def alone(wanted: list[Wanted]) -> list[Found]:
                return [await forms.one(each) for each in wanted]

            async def check(these: list[Asked]) -> None:
                answers = []
                for form in (alone, forms.several):
                    keys = [f"{number}/{each.key}" for number, each in enumerate(these)]
                    out_of_order.update({key: each.failures for key, each in zip(keys, these, strict=True)})
                    wanted = [Wanted(stack.bucket, key, warehouse.new_file()) for key in keys]
                    observed.clear()
                    answers.append(await outcome(warehouse, form, wanted))
                    assert Counter(observed) == answers[-1][1]
                assert answers[0] == answers[1]

            @settings(max_examples=25, deadline=None)
            @given(asked)
            def equal(these: list[Asked]) -> None:
                anyio.from_thread.run(check, these)

            await anyio.to_thread.run_sync(equal)

    run(test, observer=lambda operation, *rest: observed.append(operation))


class Gate:
    """Holds downloads up until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

        def download(transport: BotoTransport, bucket: str, key: str) -> Any:
            self.reached.set()
            assert self.opened.wait(10)
            return DOWNLOAD(transport, bucket, key)

        monkeypatch.setattr(BotoTransport, "download", download)


class Event(NamedTuple):
    bucket: str
    key: str


@pytest.mark.parametrize("settings", [{"concurrency": 1}])
async def test_who_is_cancelled_sends_no_more_and_leaves_no_file(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    events = [Event(warehouse.bucket, f"{number}.gz") for number in range(4)]
    for event in events:
        await warehouse.s3.put_object(Bucket=event.bucket, Key=event.key, Body=OBJECTS["good"])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(warehouse.download, events)
        await anyio.to_thread.run_sync(gate.reached.wait, 10)
        tasks.cancel_scope.cancel()
        gate.opened.set()
    assert warehouse.cloud.requests["s3.GetObject"] == 1
    assert [path.name for path in warehouse.spool.folder.iterdir() if path.name != ".lock"] == []


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
