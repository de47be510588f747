"""Bad input of each kind, all at once, on the simulated place and on moto: one line each, and the rest is done."""

from __future__ import annotations

import gzip
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rig import PREFIX, Rig, event_of, files, gz

from palleto import SettingError
from palleto.cloud.clients.body import WholeBody
from palleto.cloud.queue import Leases
from palleto.files import Spool

BUCKET = "warehouse.development"
MAX_BYTES = 10_000_000  # more than is unzipped in memory


def repeated(byte: bytes, count: int) -> bytes:
    """The gzip file of a byte that comes so often, made of members of 5 MB."""
    part = 5_000_000
    return gzip.compress(byte * part, 1, mtime=0) * (count // part) + gzip.compress(byte * (count % part), 1, mtime=0)


GOOD = {
    f"{PREFIX}spaces in a name.gz": (gz(11), 11),
    f"{PREFIX}plus+signs++.gz": (gz(12), 12),
    f"{PREFIX}ünïcode/日本語.gz": (gz(13), 13),
    f"{PREFIX}two.dots.tar.gz": (gz(14), 14),
    f"{PREFIX}per%20cent%2B.gz": (gz(15), 15),
    f"{PREFIX}empty text.gz": (gz(0), 0),
    f"{PREFIX}no last newline.gz": (gzip.compress(b"a\n\nb", mtime=0), 2),
    f"{PREFIX}one long line.gz": (repeated(b"x", 9_000_000), 1),
    f"{PREFIX}.hidden.gz": (gz(16), 16),
    "two records/a.gz": (gz(17), 17),
    "two records/b.gz": (gz(18), 18),
} | {key: (data, int(key[-6:-3])) for key, data in files(12).items()}
"""What can be counted, and its lines."""

BAD_FILES = {
    f"{PREFIX}not gzip.gz": (b"hello\n", "not gzip"),
    f"{PREFIX}cut off.gz": (gz(5000)[:-9], "cut off"),
    f"{PREFIX}corrupt.gz": (gz(5000)[:12] + b"\xff" * 40, "corrupt"),
    f"{PREFIX}empty.gz": (b"", "the file is empty"),
    f"{PREFIX}bomb.gz": (gzip.compress(b"\0" * 1000, 9) * 2 + repeated(b"\0", MAX_BYTES), "--max-bytes"),
    f"{PREFIX}../../../evil.gz": (gz(1), "segments"),
    f"{PREFIX}folder.txt/x.gz": (gz(1), "end in .txt"),
    f"{PREFIX}control\x1b[31m.gz": (gz(1), "control characters"),
    f"{PREFIX}{'long' * 64}.gz": (gz(1), "at most 255 bytes"),
}
"""What is put into the bucket and cannot be counted, and what the report says of it."""

BAD_MESSAGES = {
    "hello": "expected the JSON",
    '{"Records"': "expected the JSON",
    "two\nlines\x1b[31m": "expected the JSON",
    '{"something": "else"}': "expected the JSON",
    '{"Records": [{"s3": {}}]}': "expected the JSON",
    '{"Records": null}': "expected the JSON",
    "[1, 2]": "expected the JSON",
    "null": "expected the JSON",
    "[" * 100_000: "RecursionError",
    event_of(BUCKET, f"{PREFIX}gone.gz"): "NoSuchKey",
    event_of(BUCKET, "/leading/slash.gz"): "",  # moto merges slashes, so that it finds no such file
    event_of(BUCKET, "no extension"): "ends in .gz",
    event_of(BUCKET, "../up.gz"): "",
}
FOR_MESSAGES = {"/leading/slash.gz": gz(1), "no extension": gz(1), "../up.gz": gz(1)}

SAME_TWICE = event_of(BUCKET, f"{PREFIX}two.dots.tar.gz")


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for files on their way."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


class Basket(Rig):
    """All of it in one queue."""

    async def prepare(self, cloud: Any, stack: Any) -> None:
        s3 = cloud.monitor.s3
        everything = {key: data for key, (data, _) in {**GOOD, **BAD_FILES}.items()} | FOR_MESSAGES
        for key, data in everything.items():
            await s3.put_object(Bucket=stack.bucket, Key=key, Body=data)
        bodies = [*BAD_MESSAGES, event_of(BUCKET, "two+records/a.gz", "two+records/b.gz"), SAME_TWICE, SAME_TWICE]
        for body in bodies:
            await cloud.monitor.sqs.send_message(QueueUrl=stack.queue_url, MessageBody=body)

    def perform(self, **options: Any) -> Any:
        return super().perform(max_bytes=MAX_BYTES, **options)


@pytest.mark.parametrize(
    ("place", "backend"),
    [("simulated", "asyncio"), ("simulated", "trio"), pytest.param("embedded", "asyncio", marks=pytest.mark.long)],
)
def test_bad_input_of_all_kinds_at_once(play: Any, tmp_path: Path, spool: Path, place: str, backend: str) -> None:
    output = tmp_path / "folder/output"
    rig = Basket(play, output, deadline=60)
    where = {} if place == "simulated" else {"virtual": False, "place": "embedded"}
    run = rig.perform(backend=backend, **where)

    assert not rig.late
    assert run.kinds("crash") == []
    assert run.kinds("loop_crashed") == []
    assert rig.results == {key: lines for key, (_, lines) in GOOD.items()}
    # Nothing outside of the folder, nothing left behind.
    assert [path for path in tmp_path.rglob("*") if path.is_file() and output not in path.parents] == []
    assert [path.name for path in output.rglob("*.tmp")] == []
    assert list(spool.iterdir()) == []

    lines = [line for line in run.reported if line.startswith("cannot process")]
    assert all(line.isprintable() and "Traceback" not in line for line in run.reported)
    assert len(lines) == len(BAD_FILES) + len(BAD_MESSAGES)
    assert run.reported[1:] == lines
    for key, (_, reason) in BAD_FILES.items():
        shown = key.replace("\x1b", "\\x1b")
        # moto may find no object at a key with dots or a control character in it: then it is one that is gone
        (line,) = [line for line in lines if line.startswith(f"cannot process {BUCKET}/{shown}: ")]
        assert reason in line or "NoSuchKey" in line
    reasons = Counter(reason for reason in BAD_MESSAGES.values() if reason)
    for reason, count in reasons.items():
        assert sum(reason in line and f"{PREFIX}.." not in line for line in lines) >= count
    # Each bad message is in the dead-letter queue, after three deliveries.
    bad = len(BAD_FILES) + len(BAD_MESSAGES)
    assert run.summary_lines[-1].endswith(f"{2 * bad} redelivered, {bad} dead-lettered")
    if place == "simulated":
        assert rig.ledger.dead_lettered == bad
        assert rig.ledger.visible == rig.ledger.in_flight == 0
        assert run.summary.seconds < 10


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("max_demand", [1, 10])
def test_a_disk_that_is_full_ends_the_run_and_blames_no_file(
    rig: Any, max_demand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = Spool.new

    def on_a_full_disk(spool: Spool) -> Path:
        path = new(spool)
        path.symlink_to("/dev/full")
        return path

    blamed: list[Any] = []
    monkeypatch.setattr(Leases, "reject", lambda leases, event, error: blamed.append(event))
    monkeypatch.setattr(Spool, "new", on_a_full_disk)
    monkeypatch.setattr(WholeBody, "here", None)  # as that of a large object
    with pytest.raises(SettingError, match=r"cannot unzip to .*: No space left on device"):
        rig(files(9)).perform(max_demand=max_demand)
    assert blamed == []
