"""What the tests of processes share: step 9 as a process, and a server of its own process that can be killed."""

from __future__ import annotations

import contextlib
import gzip
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import anyio
import boto3
from servers import free_port

from palleto.cloud import Stack, deploy, open_cloud
from palleto.cloud.stack import DEAD_LETTERS, QUEUE

ROOT = Path(__file__).parents[2]
SERVER = """
import signal, sys
from palleto.cloud.places import EmbeddedServer
server = EmbeddedServer(int(sys.argv[1]))
print(server.url, flush=True)
signal.pause()
"""


class Moto:
    """moto, as the embedded place has it, in a process of its own, on a port that it keeps when it is started again."""

    process: subprocess.Popen[str]

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.stack: Stack | None = None
        self.start()

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self.port)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == self.url

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def deploy(self, **parameters: int) -> Stack:
        """Deploy the stack, with parameters of the template's."""

        async def main() -> Stack:
            async with open_cloud("endpoint", endpoint=self.url) as cloud:
                return await deploy(cloud, **parameters)

        self.stack = anyio.run(main)
        return self.stack

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.url, **keys)  # type: ignore[call-overload]

    def put(self, files: dict[str, bytes]) -> None:
        """Put files into the bucket."""
        assert self.stack is not None
        with contextlib.closing(self.client("s3")) as s3:
            for key, data in files.items():
                s3.put_object(Bucket=self.stack.bucket, Key=key, Body=data)

    def depth(self, *, dead: bool = False) -> tuple[int, int]:
        """Visible, in flight: of the queue, or of its dead-letter queue."""
        with contextlib.closing(self.client("sqs")) as sqs:
            url = sqs.get_queue_url(QueueName=DEAD_LETTERS if dead else QUEUE)["QueueUrl"]
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(answer["ApproximateNumberOfMessages"]), int(answer["ApproximateNumberOfMessagesNotVisible"])


def numbered(first: int, last: int) -> dict[str, bytes]:
    """Files by key; the n-th has n lines."""
    return {
        f"packrat/data/{n:05}.gz": gzip.compress(b"x\n" * n, compresslevel=1, mtime=0) for n in range(first, last + 1)
    }


def counts(first: int, last: int) -> dict[str, int]:
    """What comes of them: lines, by result file."""
    return {f"packrat/data/{n:05}.txt": n for n in range(first, last + 1)}


class Run:
    """A step 9 of its own process."""

    def __init__(self, folder: Path, url: str, *options: str, spool: Path | None = None) -> None:
        self.output = folder / "output"
        self.errors = (folder / "errors").open("w+")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "steps.step9", "--endpoint", url, "--output", str(self.output), *options],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=ROOT,
            env=environment | {"PYTHONFAULTHANDLER": "1", "PYTHONUNBUFFERED": "1", "TMPDIR": str(spool or folder)},
        )
        self.lines: list[str] = []

    def until(self, text: str, count: int = 1) -> Run:
        """Read on until `count` lines have said this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                count -= 1
                if not count:
                    return self
        raise AssertionError(f"expected more lines with {text!r}, got: {self.ended()}")

    def until_said(self, text: str) -> Run:
        """Wait until standard error has this."""
        path = Path(self.errors.name)
        while text not in path.read_text() and self.process.poll() is None:
            time.sleep(0.001)
        return self

    def kill(self, number: int) -> Run:
        self.process.send_signal(number)
        return self

    def ended(self, timeout: float = 20) -> tuple[int, str]:
        """Its exit code, and what it said on standard error."""
        assert self.process.stdout is not None
        # Not `communicate`: it would miss the lines that `until` has in its buffer already.
        hurry = threading.Timer(timeout, self.process.kill)
        hurry.start()
        self.lines += list(self.process.stdout)
        self.process.wait()
        assert hurry.is_alive(), f"expected an end within {timeout} s"
        hurry.cancel()
        self.errors.seek(0)
        said = self.errors.read()
        self.errors.close()
        assert "Traceback" not in said, said
        return self.process.returncode, said

    def close(self) -> None:
        """End it now, if it still runs, and let go of what it writes to."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.close()

    @property
    def results(self) -> dict[str, int]:
        paths = self.output.rglob("*.txt")
        return {path.relative_to(self.output).as_posix(): int(path.read_text()) for path in paths}
