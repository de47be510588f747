"""The faults of the talk's original, by the rows of its table: a file is done once and whole, and then released.

Ours has none of them. Each test runs its check a second time on a small re-creation of the original's fault, and the
check must fail there.
"""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path
from typing import Any

import anyio
import pytest
from rig import PREFIX, VISIBILITY, event_of, fails, files, gz

from palleto import SettingError
from palleto.cloud import Simulation
from palleto.cloud.clients import downloads
from palleto.cloud.queue import Leases
from palleto.cloud.warehouse import Warehouse

BUCKET = "warehouse.development"


def test_row_7_a_failed_delete_is_tried_again(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        refused = iter([False, True, True])  # the first is the test message's

        async def refuse(client: Any, QueueUrl: str, Entries: list[dict[str, str]]) -> Any:  # noqa: N803
            if next(refused, False):
                return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in Entries]}
            return await client.delete_message_batch(QueueUrl=QueueUrl, Entries=Entries)

        one = rig(files(12), sqs={"delete_message_batch": refuse})
        one.perform(simulation=Simulation(get_object=0.1))
        one.check_all_done()
        assert next(refused, None) is None
        assert one.run.summary.redelivered == 0

    check()

    def ignore(self: Leases, entries: list[dict[str, str]], response: Any) -> None:
        self._finished.difference_update(entry["ReceiptHandle"] for entry in entries)

    monkeypatch.setattr(Leases, "released", ignore)
    fails(check)


def test_row_8_bad_files_crash_nothing(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {f"{PREFIX}{n}.gz": b"not gzip" for n in range(20)}

    def check() -> None:
        one = rig({f"{PREFIX}two.dots.gz": gz(7), **bad, **files(12)}, [event_of(BUCKET, "gone.gz")] * 4)
        one.perform()
        assert not one.late
        assert one.run.kinds("crash") == []
        assert one.results == {f"{PREFIX}two.dots.gz": 7} | {key: int(key[-6:-3]) for key in files(12)}
        assert one.ledger.dead_lettered == len(bad) + 4

    check()

    def crash(self: Leases, event: Any, error: Exception) -> None:
        raise error

    monkeypatch.setattr(Leases, "reject", crash)
    fails(check)


def test_row_9_memory_is_bounded(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = gzip.compress(b"\n" * 40_000_000, 1)

    def check() -> None:
        one = rig({f"{PREFIX}large.gz": data})
        tracemalloc.start()
        try:
            one.perform()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert one.results == {f"{PREFIX}large.gz": 0}
        assert peak < 16 * 2**20

    check()

    def whole(chunks: Any, path: Path, max_bytes: int) -> int:
        return path.write_bytes(gzip.decompress(b"".join(chunks)))

    monkeypatch.setattr(downloads, "unzip", whole)
    fails(check)


def test_row_10_results_have_paths_of_their_own_and_are_replaced(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    same = {f"{PREFIX}a/x.gz": gz(1), f"{PREFIX}b/x.gz": gz(2)}

    def check() -> None:
        one = rig(same, [event_of(BUCKET, key) for key in same])  # each is announced twice
        one.perform()
        one.check_all_done()

    check()

    async def append(self: Warehouse, results: list[tuple[str, Path]], count: Any) -> list[Path]:
        paths = [self.output / (Path(key).stem + ".txt") for key, _ in results]
        for path, (_, file) in zip(paths, results, strict=True):
            with path.open("a") as result:
                result.write(f"{count(file)}\n")
        return paths

    monkeypatch.setattr(Warehouse, "write_each", append)
    fails(check)


def test_row_12_a_slow_file_keeps_its_message(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        one = rig(files(4), deadline=400)
        one.perform(simulation=Simulation(get_object=100.0))
        one.check_all_done()
        assert one.run.performance.warehouse.stack.visibility_timeout == VISIBILITY
        assert one.run.summary.redelivered == 0

    check()

    async def no_heartbeat(self: Leases) -> None:
        while True:
            await self.flush()
            await anyio.sleep(1)

    monkeypatch.setattr(Leases, "run", no_heartbeat)
    fails(check)


def test_row_16_no_message_is_deleted_without_its_result(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        one = rig(files(5))  # whose folder is not there yet
        one.perform()
        one.check_all_done()
        blocked = rig(files(5))
        blocked.output.write_text("a file")
        with pytest.raises(SettingError, match="--output"):
            blocked.perform()
        late = rig(files(5))
        late.harm = lambda meddler: anyio.to_thread.run_sync((late.output / "packrat").write_text, "in the way")
        with pytest.raises(SettingError, match="--output"):
            late.perform(simulation=Simulation(get_object=0.5))

    check()

    async def unnoticed(self: Warehouse, results: list[tuple[str, Path]], count: Any) -> list[Path]:
        """Write nothing, as the folder is not there."""
        return [self.output / key for key, _ in results]

    monkeypatch.setattr(Warehouse, "write_each", unnoticed)
    fails(check)
