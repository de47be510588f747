"""A fault of the lab as data: what bucket and queue hold, what the cloud does wrong, what happens to a stage, and when.

    Failure("a crash before the write", "A consumer is killed with a file in hand.", on=begins_to_work, does=kill)

Three things can go wrong: what was sent (`objects`, `bodies`, `together`, `gone`), a request (`faults`, as
`palleto.cloud.faults` has them: by rate, at the n-th call, on a trace event), and a process (`does`, in the moment of
the first trace event that `on` is true of).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from palleto.cloud import Simulation, samples
from palleto.cloud.faults import Faults
from palleto.core import whole
from palleto.runtime import System
from palleto.trace import TraceEvent

__all__ = ["Failure"]

FILES = 6
"""Sample files that each run begins with: so few that one receive may bring them all."""

VISIBILITY = 4
"""Seconds of the queue's visibility timeout on a server, where time is real: a simulated queue has 30."""

SMALL = gzip.compress(b"one line\n", mtime=0)
"""A file that is as it should be."""


@dataclass(frozen=True)
class Failure:
    """A fault, and when it strikes.

    name: as in the matrix. what: what happens, in a sentence.
    since:   the first step that it can strike: only from 7 on is anything deleted, from 8 on a file read or written.
    files:   how many sample files wait, 0 or more.
    faults:  what goes wrong with requests.
    simulation: how long the simulated place takes.
    objects: files that are put beside the samples, by key. bodies: messages that are sent beside S3's.
    together: keys of files that S3 does not announce, outside of `packrat/data/`: one message names them all.
    gone:    a key whose object is removed once S3 has announced it; None: none.
    fresh:   whether S3's first message, the test event of a new stack, is still in the queue.
    on, does: in the moment of the first trace event that `on` is true of, `does` is called with the run's system and
             that event.
    shorter: the faults in the place of `faults` where the visibility timeout is VISIBILITY; None: the same.
    only_simulated: why it cannot be tried on a server; empty: it can.

    Raises DemandError for another number of files.
    """

    name: str
    what: str
    since: int = 6
    files: int = FILES
    faults: Faults = field(default_factory=Faults)
    simulation: Simulation | None = None
    objects: Mapping[str, bytes] = field(default_factory=dict)
    bodies: Sequence[str] = ()
    together: Sequence[str] = ()
    gone: str | None = None
    fresh: bool = False
    on: Callable[[TraceEvent], bool] | None = None
    does: Callable[[System, TraceEvent], None] | None = None
    shorter: Faults | None = None
    only_simulated: str = ""

    def __post_init__(self) -> None:
        whole("files", self.files, 0)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        parts = [f"{fault.operation} {fault.what}, {fault.when}" for fault in self.faults.faults]
        parts += ["S3's test message is in the queue"] * self.fresh
        parts += [f"sent: {body!r}" for body in self.bodies]
        parts += [f"sent: one message for {', '.join(self.together)}"] * bool(self.together)
        parts += [f"put: {key}" for key in self.objects]
        parts += [] if self.gone is None else [f"removed: {self.gone}"]
        if self.on is not None and self.does is not None:
            parts.append(f"{self.does.__name__}, on the first event that is `{self.on.__name__}`")
        return "\n  ".join([f"{self.name}: {self.what}", *parts])

    @property
    def keys(self) -> list[str]:
        """The files that it sends."""
        return [*self.objects, *self.together, *(sample.key for sample in samples(self.files))]

    @property
    def messages(self) -> int:
        """How many messages it sends, and S3 for it."""
        return self.fresh + len(self.bodies) + bool(self.together) + len(self.objects) + self.files

    async def prepare(self, cloud: Any, stack: Any) -> None:
        """Fill bucket and queue as they are when the pipeline starts."""
        s3, sqs = cloud.monitor.s3, cloud.monitor.sqs
        await sqs.purge_queue(QueueUrl=stack.queue_url)
        if self.fresh:  # who connects them again is sent the test event again
            connected = await s3.get_bucket_notification_configuration(Bucket=stack.bucket)
            connected.pop("ResponseMetadata", None)
            await s3.put_bucket_notification_configuration(Bucket=stack.bucket, NotificationConfiguration=connected)
        for body in [*self.bodies, *[announcement(stack.bucket, self.together)] * bool(self.together)]:
            await sqs.send_message(QueueUrl=stack.queue_url, MessageBody=body)
        beside = {**self.objects, **dict.fromkeys(self.together, SMALL)}
        for key, data in {**beside, **{sample.key: sample.data for sample in samples(self.files)}}.items():
            await s3.put_object(Bucket=stack.bucket, Key=key, Body=data)
        if self.gone is not None:
            await s3.delete_object(Bucket=stack.bucket, Key=self.gone)


def announcement(bucket: str, keys: Sequence[str]) -> str:
    """The body of a message that names several files, as S3 may send it."""
    return json.dumps({"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}} for key in keys]})
