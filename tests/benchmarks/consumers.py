"""Step 9 against consumers that a good engineer would write by hand, on one server, in one run.

    python tests/benchmarks/consumers.py http://127.0.0.1:4566 --delay 20 --json consumers.json
    python tests/benchmarks/consumers.py embedded --files 40 --rounds 1
    python tests/benchmarks/consumers.py aws --delay 20

Each contestant is a process of its own, and gets the same backlog: FILES samples, put anew and announced by S3. It
receives, downloads, unzips, counts, writes the result whole or not at all, and deletes. Measured from its first receive
to its end: files a second, processor time a file, peak memory, requests a file. The order of the contestants is turned
around in every other round, and medians are shown. A thousand files, as the first polls of a run (0.2 s until each of
eight pipelines has its first file) are a tenth of what 300 take.

No result is removed before the end: ext4 passes over the inodes of the last five seconds' removed files, one by one,
each time that it makes a file, which cost the next contestant 0.4 ms a file.

`embedded` is a moto server in this process, which waits meanwhile. Its receives slow down with the depth of the queue
(171 ms at 100 queued messages), so no speed is promised there.

`aws` says what AWS would cost: its own addresses, boto3 as it is set there, and a server of canned answers
(`canned.py`) as a proxy on the way. What it does not have is TLS.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pairs
from contestant import AWS

from palleto.cloud import deploy, open_cloud, samples, upload
from palleto.cloud.places import EmbeddedServer

HERE = Path(__file__).parent
CONTESTANTS = {
    "boto3, one loop": ["threads", "1"],
    "boto3, 8 threads": ["threads", "8"],
    "boto3, 16 threads": ["threads", "16"],
    "step 9, 8 x 10": ["palleto", "8", "10"],
}


def main() -> None:
    arguments = _arguments()
    with ExitStack() as stack:
        endpoint = arguments.endpoint
        if endpoint == "embedded":
            server = EmbeddedServer()
            stack.callback(server.stop)
            endpoint = server.url
        target = endpoint
        if arguments.delay and endpoint != AWS:
            target = stack.enter_context(_server("delay.py", endpoint, arguments.delay))
        outputs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="palleto-benchmark-")))
        measured: dict[str, list[dict[str, Any]]] = {name: [] for name in arguments.only}
        for round_ in range(arguments.rounds):
            for name in list(arguments.only)[:: 1 if round_ % 2 == 0 else -1]:
                output = outputs / f"{round_}, {name}"
                output.mkdir()
                with ExitStack() as contest:
                    environ = dict(os.environ)
                    if endpoint == AWS:
                        url = contest.enter_context(_server("canned.py", arguments.files, arguments.delay))
                        environ |= {"HTTP_PROXY": url, "http_proxy": url}
                        queue = {"queue_url": "http://sqs.us-east-1.amazonaws.com/0/queue", "files": arguments.files}
                    else:
                        queue = anyio.run(_backlog, endpoint, arguments.files)
                    given = [target, json.dumps(queue), str(output), *CONTESTANTS[name]]
                    command = [sys.executable, str(HERE / "contestant.py"), *given]
                    answer = subprocess.run(
                        command, check=True, capture_output=True, text=True, timeout=600, env=environ
                    )
                results = len(list(output.rglob("*.txt")))
                if results != arguments.files:
                    sys.exit(f"expected {arguments.files} results of {name}, got {results}\n{answer.stderr}")
                measured[name].append(json.loads(answer.stdout.splitlines()[-1]))
    rows = [_row(name, runs, arguments.files) for name, runs in measured.items()]
    print(f"{arguments.files} files, {arguments.rounds} rounds, {arguments.delay:g} ms added to a request, {endpoint}")
    pairs.publish([column for column in rows[0] if column != "runs"], rows, arguments.json)


def _arguments() -> argparse.Namespace:
    parser = pairs.parser(__doc__)
    parser.add_argument("endpoint", help="a server's URL, `embedded` or `aws`")
    parser.add_argument("--files", type=int, default=1000, help="files a contestant and round (default 1000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the median is shown (default 5)")
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds added to every request (default 0)")
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=CONTESTANTS, help="these contestants")
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.files, arguments.rounds = 10, 1
    return arguments


@contextmanager
def _server(program: str, *settings: object) -> Iterator[str]:
    """A server in a process of its own; its first line of output is its URL."""
    command = [sys.executable, str(HERE / program), *map(str, settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip() or sys.exit(f"expected a URL of {program}, got none")
        finally:
            process.terminate()


async def _backlog(endpoint: str, files: int) -> dict[str, Any]:
    """Empty the queue, put the files anew, and wait until each is announced. Returns the queue's URL."""
    await anyio.sleep(1.5)  # a poll that a contestant left behind at its end would take messages for 1 s more
    async with open_cloud(endpoint=endpoint, concurrency=16) as cloud:
        stack = await deploy(cloud)
        await _emptied(cloud, stack.queue_url)
        await upload(cloud, stack, samples(files), again=True)
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


if __name__ == "__main__":
    main()
