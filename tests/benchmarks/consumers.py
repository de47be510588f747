"""Step 9 against consumers that a good engineer would write by hand, on one server, in one run.

    python tests/benchmarks/consumers.py http://127.0.0.1:4566 --delay 20 --json consumers.json
    python tests/benchmarks/consumers.py embedded --files 40 --rounds 1

Each contestant is a process of its own, and gets the same backlog: FILES samples, put anew and announced by S3. It
receives, downloads, unzips, counts, writes the result whole or not at all, and deletes. Measured from its first receive
to its end: files a second, processor time a file, peak memory, requests a file. The order of the contestants is turned
around in every other round, and medians are shown. A thousand files, as the first polls of a run (0.2 s until each of
eight pipelines has its first file) are a tenth of what 300 take. `aiobotocore` takes part where it is installed.

No result is removed before the end: ext4 passes over the inodes of the last five seconds' removed files, one by one,
each time that it makes a file, which cost the next contestant 0.4 ms a file.

A server that is not named is a moto server in a process of its own. Its receives slow down with the depth of the queue
(171 ms at 100 queued messages), so no speed is promised there.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio

from palleto.cloud import deploy, open_cloud, samples

HERE = Path(__file__).parent
CONTESTANTS = {
    "boto3, one loop": ["contestant.py", "loop"],
    "boto3, 8 threads": ["contestant.py", "threads", "8"],
    "boto3, 16 threads": ["contestant.py", "threads", "16"],
    "aiobotocore, 8 tasks": ["contestant.py", "tasks", "8"],
    "aiobotocore, 16 tasks": ["contestant.py", "tasks", "16"],
    "step 9, as in the talk": ["contestant.py", "palleto", "3", "1"],
    "step 9, 8 x 10": ["contestant.py", "palleto", "8", "10"],
}


def main() -> None:
    arguments = _arguments()
    names = [name for name in arguments.only if "aiobotocore" not in name or importlib.util.find_spec("aiobotocore")]
    with ExitStack() as stack:
        endpoint = arguments.endpoint
        if endpoint == "embedded":
            endpoint = stack.enter_context(_server("moto_server.py"))
        target = endpoint
        if arguments.delay:
            target = stack.enter_context(_server("delay.py", endpoint, str(arguments.delay)))
        outputs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="palleto-benchmark-")))
        measured: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for round_ in range(arguments.rounds):
            for name in names if round_ % 2 == 0 else reversed(names):
                queue = anyio.run(_backlog, endpoint, arguments.files)
                output = outputs / f"{round_}, {name}"
                output.mkdir()
                program, *settings = CONTESTANTS[name]
                command = [sys.executable, str(HERE / program), target, json.dumps(queue), str(output), *settings]
                answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
                results = len(list(output.rglob("*.txt")))
                if results != arguments.files:
                    sys.exit(f"expected {arguments.files} results of {name}, got {results}\n{answer.stderr}")
                measured[name].append(json.loads(answer.stdout.splitlines()[-1]))
    rows = [_row(name, runs, arguments.files) for name, runs in measured.items()]
    _print(rows, endpoint, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps({"files": arguments.files, "delay": arguments.delay, "rows": rows}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("endpoint", help="a server's URL, or `embedded`")
    parser.add_argument("--files", type=int, default=1000, help="files a contestant and round (default 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the median is shown (default 5)")
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds added to every request (default 0)")
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=CONTESTANTS, help="these contestants")
    parser.add_argument("--json", type=Path, help="also write the table here")
    return parser.parse_args()


@contextmanager
def _server(program: str, *arguments: str) -> Iterator[str]:
    """A server in a process of its own; its first line of output is its URL."""
    command = [sys.executable, str(HERE / program), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def _backlog(endpoint: str, files: int) -> dict[str, Any]:
    """Empty the queue, put the files anew, and wait until each is announced. Returns the queue's URL."""
    await anyio.sleep(1.5)  # a poll that a contestant left behind at its end would take messages for 1 s more
    async with open_cloud(endpoint=endpoint, concurrency=16) as cloud:
        stack = await deploy(cloud)
        await _emptied(cloud, stack.queue_url)
        made = list(samples(files))
        slots = anyio.Semaphore(8)

        async def put(key: str, data: bytes) -> None:
            async with slots:
                await cloud.s3.put_object(Bucket=stack.bucket, Key=key, Body=data)

        async with anyio.create_task_group() as tasks:
            for sample in made:
                tasks.start_soon(put, sample.key, sample.data)
        while await _queued(cloud, stack.queue_url) < files:  # noqa: ASYNC110 - a server in another process
            await anyio.sleep(0.1)
        return {"queue_url": stack.queue_url, "files": files}


async def _queued(cloud: Any, queue_url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = await cloud.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


async def _emptied(cloud: Any, queue_url: str) -> None:
    """Delete what is in the queue: the test message that S3 sends, and what a contestant left."""
    while await _queued(cloud, queue_url):
        answer = await cloud.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            await cloud.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


def _row(name: str, runs: list[dict[str, Any]], files: int) -> dict[str, Any]:
    median = {key: statistics.median(run[key] for run in runs) for key in ("seconds", "cpu", "memory", "requests")}
    return {
        "name": name,
        "files_per_second": files / median["seconds"],
        "cpu_ms_per_file": 1000 * median["cpu"] / files,
        "memory_mib": median["memory"],
        "requests_per_file": median["requests"] / files,
        "runs": runs,
    }


def _print(rows: list[dict[str, Any]], endpoint: str, arguments: argparse.Namespace) -> None:
    print(f"{arguments.files} files, {arguments.rounds} rounds, {arguments.delay:g} ms added to a request, {endpoint}")
    print(f"{'':24} {'files/s':>8} {'CPU ms/file':>12} {'peak MiB':>9} {'requests/file':>14}")
    for row in rows:
        print(
            f"{row['name']:24} {row['files_per_second']:8.1f} {row['cpu_ms_per_file']:12.2f} "
            f"{row['memory_mib']:9.0f} {row['requests_per_file']:14.2f}"
        )


if __name__ == "__main__":
    main()
