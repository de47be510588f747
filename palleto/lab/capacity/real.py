"""Workers that are processes: `python -m steps.step9`, one or more, on one queue of LocalStack, in real time."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from palleto.cloud import Stack, deploy, open_cloud, samples, upload
from palleto.errors import PalletoError, SettingError
from palleto.lab.capacity.load import Load
from palleto.lab.capacity.measured import Measured
from palleto.lab.capacity.setting import Setting
from palleto.lab.failures.failure import announcement
from palleto.lab.localstack import announced, answering
from palleto.lab.thread import run_aside
from palleto.trace import Trace
from steps import step9

__all__ = ["on_localstack", "workers_on_localstack"]

PATIENCE = 60.0
"""Real seconds for each part of a run."""
BATCH = 10


def workers_on_localstack(workers: int, files: int = 100, pipelines: int = 1) -> Measured:
    """What so many processes of step 9 do on one queue of LocalStack, which must answer; nothing else may use it.

    workers: 1 or more. files: sample files, 1 or more, which are all there once the workers poll. pipelines: in each.

    Of the numbers there are the files, their throughput, and the requests; times of processes have no clock in common.
    Raises SettingError for numbers that cannot be, or if LocalStack does not answer, and PalletoError for a worker that
    fails.
    """
    Setting(pipelines, workers=workers).checked()
    load = Load(rate=None, files=files)
    with tempfile.TemporaryDirectory(prefix="palleto-lab-") as name:
        folder = Path(name)
        stack = run_aside(lambda: _filled(load.files))
        with _processes(folder, workers, pipelines) as running:
            _until(lambda: all("looping" in _text(folder / f"{each}.said") for each in range(workers)), running, folder)
            run_aside(lambda: _announce(stack, files))
            _until(lambda: len(_results(folder)) == files, running, folder)
        return _measured(folder, workers, files)


def on_localstack(*workers: int, files: int = 100) -> dict[int, Measured]:
    """`workers_on_localstack` for each of these numbers. Without LocalStack, or a number, it says what is missing."""
    try:
        place = answering()
    except SettingError as error:
        print(error)
        return {}
    if not workers:
        print(f"{place.name} answers at {place.endpoint}; name numbers of workers: on_localstack(1, 2, 3, 4)")
    return {number: workers_on_localstack(number, files) for number in workers}


async def _filled(files: int) -> Stack:
    """The stack, with the files in its bucket, and an empty queue."""
    async with open_cloud("localstack") as cloud:
        stack = await deploy(cloud)
        put = await upload(cloud, stack, samples(files))
        await announced(cloud, stack, len(put), PATIENCE)
        await cloud.monitor.sqs.purge_queue(QueueUrl=stack.queue_url)
        return stack


async def _announce(stack: Stack, files: int) -> None:
    """Send what S3 sends, ten at a time: all are there sooner than one is done."""
    bodies = [announcement(stack.bucket, [sample.key]) for sample in samples(files)]
    async with open_cloud("localstack") as cloud:
        for first in range(0, files, BATCH):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[first : first + BATCH])]
            await cloud.monitor.sqs.send_message_batch(QueueUrl=stack.queue_url, Entries=entries)


@contextmanager
def _processes(folder: Path, workers: int, pipelines: int) -> Iterator[list[subprocess.Popen[Any]]]:
    """The workers, which end at the end of the block as SIGTERM ends them: what is in hand is finished."""
    command = [sys.executable, "-m", "steps.step9", "--place", "localstack", "--files", "0", "--forever"]
    command += ["--pipelines", str(pipelines)]
    running: list[subprocess.Popen[Any]] = []
    try:
        for each in range(workers):
            own = ["--output", str(folder / f"{each}"), "--trace", str(folder / f"{each}.jsonl")]
            with (folder / f"{each}.said").open("w") as said, (folder / f"{each}.reported").open("w") as reported:
                running.append(
                    subprocess.Popen(
                        [*command, *own], stdout=said, stderr=reported, cwd=Path(step9.__file__).parents[1]
                    )
                )
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _until(reached: Callable[[], bool], running: list[subprocess.Popen[Any]], folder: Path) -> None:
    """Wait until it is so. Raises PalletoError if it is not so in time, or a worker ends."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        ended = next((number for number, process in enumerate(running) if process.poll() is not None), None)
        if ended is not None or time.monotonic() > deadline:
            said = _text(folder / f"{ended or 0}.reported").strip().rpartition("\n")[2] or "nothing"
            what = "ended" if ended is not None else f"is not done in {PATIENCE:g} s"
            raise PalletoError(f"expected workers that do all files, got one that {what}; it said: {said}")
        time.sleep(0.05)


def _measured(folder: Path, workers: int, files: int) -> Measured:
    times = sorted(path.stat().st_mtime for path in _results(folder).values())
    found = Measured(files, len(times), throughput=Measured.slope(times))
    for each in range(workers):
        found.requests.update(Measured.of(Trace.load(folder / f"{each}.jsonl")).requests)
    return found


def _results(folder: Path) -> dict[str, Path]:
    """The results of all workers, by the names of their files."""
    return {path.name: path for path in folder.rglob("*.txt") if not path.name.startswith(".")}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
