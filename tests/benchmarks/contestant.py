"""One contestant of `consumers.py`: `contestant.py ENDPOINT QUEUE OUTPUT KIND [SETTINGS...]`. Prints one line of JSON.

The hand-written ones are what one would write without Palleto: a loop that receives ten messages, and for each
downloads, unzips, counts, writes and remembers it, and then deletes the ten in one batch; in one thread, in several, or
in several tasks of aiobotocore.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

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


class Goal:
    """How many files are still to be done."""

    def __init__(self, files: int) -> None:
        self.left = files
        self._lock = threading.Lock()

    def done(self, count: int) -> None:
        with self._lock:
            self.left -= count


def settings(workers: int) -> Any:
    from botocore.config import Config

    return Config(
        max_pool_connections=workers + 4,
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def with_boto3(endpoint: str, queue: dict[str, Any], output: Path, workers: int) -> None:
    import boto3

    session = boto3.Session(**KEYS)
    sqs, s3 = (session.client(name, endpoint_url=endpoint, config=settings(workers)) for name in ("sqs", "s3"))
    meter, goal = Meter(), Goal(queue["files"])

    def work() -> None:
        while goal.left > 0:
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
                goal.done(len(messages))
                if goal.left <= 0:
                    finished.set()

    finished = threading.Event()
    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    finished.wait()
    meter.lap()
    meter.report()


def with_aiobotocore(endpoint: str, queue: dict[str, Any], output: Path, workers: int) -> None:
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    async def main() -> None:
        session = get_session()
        config = AioConfig(**settings(workers)._user_provided_options)
        common = {"endpoint_url": endpoint, "config": config, **KEYS}
        async with session.create_client("sqs", **common) as sqs, session.create_client("s3", **common) as s3:
            meter, goal, finished = Meter(), Goal(queue["files"]), asyncio.Event()

            async def work() -> None:
                while goal.left > 0:
                    meter.requests["receive"] += 1
                    answer = await sqs.receive_message(
                        QueueUrl=queue["queue_url"], MaxNumberOfMessages=10, WaitTimeSeconds=1
                    )
                    messages = answer.get("Messages", [])
                    for message in messages:
                        for bucket, key in keys_in(message):
                            response = await s3.get_object(Bucket=bucket, Key=key)
                            meter.requests["get"] += 1
                            async with response["Body"] as body:
                                data = await body.read()
                            await asyncio.to_thread(count_and_write, output, key, data)
                    if messages:
                        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
                        await sqs.delete_message_batch(QueueUrl=queue["queue_url"], Entries=entries)
                        meter.requests["delete"] += 1
                        goal.done(len(messages))
                        if goal.left <= 0:
                            finished.set()

            tasks = [asyncio.create_task(work()) for _ in range(workers)]
            await finished.wait()
            meter.lap()
            meter.report()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())


def with_palleto(endpoint: str, queue: dict[str, Any], output: Path, pipelines: int, max_demand: int) -> None:
    from palleto import clock
    from palleto.program import Options, StepRun, queue_empty
    from steps import step9

    extra = {"max_demand": max_demand} if "max_demand" in Options.__dataclass_fields__ else {}
    options = Options(
        events=queue["files"],
        endpoint=endpoint,
        files=0,
        output=output,
        pipelines=pipelines,
        quiet=True,
        **extra,
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
    endpoint, queue, output, kind, *rest = sys.argv[1:]
    numbers = [int(text) for text in rest]
    arguments = endpoint, json.loads(queue), Path(output)
    if kind == "loop":
        with_boto3(*arguments, 1)
    elif kind == "threads":
        with_boto3(*arguments, *numbers)
    elif kind == "tasks":
        with_aiobotocore(*arguments, *numbers)
    else:
        with_palleto(*arguments, *numbers)


if __name__ == "__main__":
    main()
