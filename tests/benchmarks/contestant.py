"""One contestant of `consumers.py`: `contestant.py ENDPOINT QUEUE OUTPUT KIND [SETTINGS...]`. Prints one line of JSON.

The hand-written ones are what one would write without Palleto: a loop that receives ten messages, and for each
downloads, unzips, counts, writes and remembers it, and then deletes the ten in one batch; in one thread or in several.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

AWS = "aws"
"""The endpoint that is AWS's own addresses, without TLS, by the proxy in HTTP_PROXY (`canned.py`)."""
KEYS = {
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "region_name": "us-east-1",
}


class Meter:
    """Time and processor time since it was made, and requests."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.cpu = time.process_time()
        self.requests: Counter[str] = Counter()
        self.lap()

    def lap(self) -> None:
        """Now may be the end."""
        self.seconds = time.perf_counter() - self.start
        self.used = time.process_time() - self.cpu

    def report(self) -> None:
        answer = {
            "seconds": self.seconds,
            "cpu": self.used,
            "memory": peak_memory(),
            "requests": sum(self.requests.values()),
            "operations": dict(self.requests),
        }
        print(json.dumps(answer))


def peak_memory() -> float:
    """This process's peak of resident memory in MiB. (`ru_maxrss` would begin with the parent's, from before exec.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def keys_in(message: dict[str, Any]) -> list[tuple[str, str]]:
    records = json.loads(message["Body"]).get("Records", [])
    return [(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])) for record in records]


def count_and_write(output: Path, key: str, data: bytes) -> None:
    lines = gzip.decompress(data).split(b"\n")
    path = output / (key.removesuffix(".gz") + ".txt")
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_suffix(f".{threading.get_ident()}.tmp")
    hidden.write_text(f"{len(lines) - lines.count(b'')}\n")  # as the talk counts: those that are not empty
    hidden.replace(path)


def with_boto3(endpoint: str, queue: dict[str, Any], output: Path, workers: int) -> None:
    import boto3
    from botocore.config import Config

    local: dict[str, Any] = {
        "s3": {"addressing_style": "path"},
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    settings = Config(max_pool_connections=workers + 4, **({} if endpoint == AWS else local))
    where: dict[str, Any] = {"use_ssl": False} if endpoint == AWS else {"endpoint_url": endpoint}
    session = boto3.Session(**KEYS)
    sqs, s3 = (session.client(name, **where, config=settings) for name in ("sqs", "s3"))
    meter, left, lock = Meter(), queue["files"], threading.Lock()

    def work() -> None:
        nonlocal left
        while left > 0:
            answer = sqs.receive_message(QueueUrl=queue["queue_url"], MaxNumberOfMessages=10, WaitTimeSeconds=1)
            meter.requests["receive"] += 1
            messages = answer.get("Messages", [])
            for message in messages:
                for bucket, key in keys_in(message):
                    data = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                    meter.requests["get"] += 1
                    count_and_write(output, key, data)
            if messages:
                entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
                sqs.delete_message_batch(QueueUrl=queue["queue_url"], Entries=entries)
                meter.requests["delete"] += 1
                with lock:
                    left -= len(messages)
                if left <= 0:
                    finished.set()

    finished = threading.Event()
    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    finished.wait()
    meter.lap()
    meter.report()


def with_palleto(endpoint: str, queue: dict[str, Any], output: Path, pipelines: int, max_demand: int) -> None:
    import boto3

    from palleto import clock
    from palleto.cloud.places import session
    from palleto.program import Options, StepRun, queue_empty
    from steps import step9

    where: dict[str, Any] = {"place": "aws", "yes": True} if endpoint == AWS else {"endpoint": endpoint}

    class WithoutTLS(boto3.Session):  # type: ignore[misc]
        def client(self, *service: str, **settings: Any) -> Any:
            return super().client(*service, use_ssl=False, **settings)

    if endpoint == AWS:
        session.aws_session = lambda: WithoutTLS(**KEYS)
    options = Options(
        events=queue["files"], files=0, output=output, pipelines=pipelines, max_demand=max_demand, quiet=True, **where
    )
    meters: list[Meter] = []

    async def prepare(cloud: Any, stack: Any) -> None:
        meters.append(Meter())

    performance = StepRun(step9.pipeline, queue_empty, options, prepare=prepare)
    performance.recorder.on_note.append(lambda kind, events, data: meters[0].lap() if kind == "delete" else None)
    clock.run(performance)
    meters[0].requests.update(performance.cloud.requests)
    meters[0].report()


def main() -> None:
    endpoint, queue, output, kind, *settings = sys.argv[1:]
    if endpoint == AWS and not os.environ.get("HTTP_PROXY"):
        sys.exit("expected canned.py's URL in HTTP_PROXY, got none: nothing may reach AWS itself")
    run = {"threads": with_boto3, "palleto": with_palleto}[kind]
    run(endpoint, json.loads(queue), Path(output), *map(int, settings))


if __name__ == "__main__":
    main()
