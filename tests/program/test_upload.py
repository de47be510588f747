"""The files of a run: the user's own, and under which keys; the first is up before the pipeline starts."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from palleto import CloudError, Recorder, SettingError, clock
from palleto.cloud import Simulation, samples, upload
from palleto.program import Options, StepRun, queue_empty, user_files
from palleto.program.upload import HEAD_START
from steps import step9

PREFIX = "packrat/data/"


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def put(*paths: str) -> None:
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"line\n"))


def keys(*paths: str | Path) -> list[str]:
    found = [file.key for file in user_files([Path(path) for path in paths])]
    assert all(key.startswith(PREFIX) for key in found)
    assert len(set(found)) == len(found), "two files have one key"
    return [key.removeprefix(PREFIX) for key in found]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ([], []),
        (["a/x.gz"], ["x.gz"]),
        (["a/x.gz", "b/x.gz", "b/deep/er/y.gz"], ["a/x.gz", "b/x.gz", "b/deep/er/y.gz"]),
        (["b/x.gz", "a/x.gz"], ["b/x.gz", "a/x.gz"]),
        (["b"], ["deep/er/y.gz", "x.gz"]),
        (["c.gz", "b"], ["c.gz", "b/deep/er/y.gz", "b/x.gz"]),
        (["."], ["a/x.gz", "b/deep/er/y.gz", "b/x.gz", "c.gz"]),
        (["a/x.gz", "a/x.gz", "a", "b/../a/x.gz"], ["x.gz"]),
        (["../here/a", "b/x.gz"], ["a/x.gz", "b/x.gz"]),
    ],
    ids=str,
)
def test_a_key_is_the_path_below_what_all_have_in_common_and_each_file_is_one(named, expected):
    put("a/x.gz", "b/x.gz", "b/deep/er/y.gz", "c.gz")
    Path("b/notes.txt").write_text("not taken")
    Path("b/folder.gz").mkdir()
    assert keys(*named) == expected
    assert keys(*map(os.path.abspath, named)) == expected


def test_a_links_own_name_is_the_key():
    put("elsewhere/target.gz")
    Path("in").mkdir()
    for name in ("one.gz", "two.gz"):
        Path("in", name).symlink_to(Path("elsewhere/target.gz").absolute())
    assert keys("in/one.gz") == ["one.gz"]
    assert keys("in") == ["one.gz", "two.gz"]
    assert user_files([Path("in/one.gz")])[0].size == Path("elsewhere/target.gz").stat().st_size


@pytest.mark.parametrize("name", ["gone.gz", "nowhere/gone.gz", "dangling.gz"])
def test_a_path_that_is_not_there(name):
    put("good.gz")
    Path("dangling.gz").symlink_to("gone.gz")
    with pytest.raises(SettingError, match=rf"expected a file or folder for --data, got: {name}, which is not there"):
        user_files([Path("good.gz"), Path(name)])
    assert keys(".") == ["good.gz"]


@pytest.mark.parametrize("name", ["notes.txt", "archive.gzip", "x.gz.bak", "gz"])
def test_a_file_that_is_not_gz_by_name(name):
    Path(name).write_text("x")
    with pytest.raises(SettingError, match=rf"expected a readable file that ends in \.gz for --data, got: {name}"):
        user_files([Path(name)])
    with pytest.raises(SettingError, match=r"expected \.gz files in the folder \., got: none"):
        user_files([Path()])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read():
    put("a.gz")
    Path("a.gz").chmod(0)
    with pytest.raises(SettingError, match="readable"):
        user_files([Path("a.gz")])


def test_what_upload_needs_to_know():
    put("2016 07+20 ä%.gz")
    (file,) = user_files([Path("2016 07+20 ä%.gz")])
    data = file.path.read_bytes()
    assert file.key == PREFIX + "2016 07+20 ä%.gz"
    assert file.size == len(data)
    assert file.etag == hashlib.md5(data, usedforsecurity=False).hexdigest()
    with file.open() as stream:
        assert stream.read() == data


@pytest.mark.parametrize(
    ("files", "put", "found", "waited"),
    [(2, 0.5, 1, 0.5), (2, 5.0, 0, HEAD_START), (0, 0.5, 0, 0.0)],
    ids=["the first is there soon", "it takes long", "there is none"],
)
def test_the_first_poll_finds_a_file_unless_that_takes_long(
    backend: str, tmp_path: Path, files: int, put: float, found: int, waited: float
) -> None:
    options = Options(place="simulated", files=files, output=tmp_path / "output", quiet=True)
    recorder = Recorder()
    run = StepRun(step9.pipeline, queue_empty, options, recorder=recorder, simulation=Simulation(put_object=put))
    run.report = lambda line: None
    begun = []

    async def main() -> None:
        start = anyio.current_time()
        recorder.listeners.append(lambda event: begun.append(anyio.current_time() - start - event.t))
        await run()

    clock.run(main, backend=backend, time="virtual")
    kinds = [event.kind for event in recorder.events]
    before = recorder.events[: kinds.index("receive")]
    there = any(event.kind == "message" and event.data.get("names") for event in before)
    assert there == bool(found)
    assert waited <= begun[0] < waited + 0.5
    assert kinds.count("sent") == min(1, files)
    assert len(list((tmp_path / "output").rglob("*.txt"))) == files


@pytest.mark.parametrize("left", [True, False], ids=["its messages are there", "nothing is left to do"])
def test_files_of_an_earlier_run_are_put_again_only_if_nothing_is_left_to_do(play, left: bool) -> None:
    async def prepare(cloud, stack):
        await upload(cloud, stack, samples(2))
        if not left:
            await cloud.monitor.sqs.purge_queue(QueueUrl=stack.queue_url)

    played = play(9, files=2, prepare=prepare)
    assert len(played.kinds("written")) == 2
    assert len(played.kinds("sent")) == (0 if left else 1)


def test_an_upload_waits_for_a_server_that_is_gone_and_then_ends_the_run_with_its_error(play, backend) -> None:
    """As itself, for its one line; the pipeline has nothing to do, and its own requests are answered."""

    async def away(**arguments: Any) -> None:
        raise CloudError("s3.PutObject", "EndpointConnectionError", "Could not connect")

    async def prepare(cloud, stack):
        cloud.monitor.s3.put_object = away

    with pytest.raises(CloudError, match=r"Could not connect; no answer for 20 s \(--patience\); see that"):
        play(9, backend=backend, files=2, prepare=prepare, patience=20.0)
