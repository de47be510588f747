"""The faults of the lab, in the order of a message's way: sent, received, downloaded, written, deleted."""

from __future__ import annotations

from typing import Any

from palleto.cloud import Simulation, samples
from palleto.cloud.faults import Faults
from palleto.errors import unknown
from palleto.experiment import changes
from palleto.lab.failures.failure import SMALL, VISIBILITY, Failure
from palleto.runtime import System
from palleto.trace import TraceEvent

__all__ = ["FAILURES", "failure"]

DELETE, RECEIVE = "sqs.DeleteMessageBatch", "sqs.ReceiveMessage"
FIRST = next(iter(samples(1))).key
BAD = ("packrat/data/20160701.gz", "packrat/data/20160702.gz")
AWAY = "AWS.SimpleQueueService.NonExistentQueue"
LONG = 10_000  # receives: more than any run makes


def works(event: TraceEvent) -> bool:
    """Whether a consumer begins to work on events."""
    return event.kind == "handle_events" and "ProducerConsumer" not in event.stage


def written(event: TraceEvent) -> bool:
    """Whether a result has been written, whose message is not deleted yet."""
    return event.kind == "written"


def polled(event: TraceEvent) -> bool:
    """Whether the queue has handed a message out whose receiver has not heard of it."""
    return event.kind == "message" and event.data["state"] == "in_flight"


def sent(event: TraceEvent) -> bool:
    """Whether a loop has sent what it found to the producer, which has not heard of it."""
    return event.kind == "cast"


def kill(system: System, event: TraceEvent) -> None:
    """Kill the stage of the event; its supervisor starts it again."""
    changes.kill_stage(system, event.stage)


def pull(system: System, event: TraceEvent) -> None:
    """What more demand does: the server kills its loop, and starts one for all that the producer owes."""
    producer: Any = system.names["SQS.Producer"]
    producer.take(producer.owed)


FAILURES: tuple[Failure, ...] = (
    Failure("nothing", "Nothing goes wrong."),
    Failure(
        "a backlog",
        "Nothing goes wrong, but many files wait, and no request takes as long as another.",
        files=24,
        simulation=Simulation(receive=(0.0, 0.05), get_object=(0.0, 0.1)),
        only_simulated="how long a request takes is the server's to say",
    ),
    Failure("TestEvent", "S3's first message names no file: it says that bucket and queue are connected.", fresh=True),
    Failure("malformed JSON", "Somebody sends a message that is no JSON.", bodies=["no JSON"]),
    Failure(
        "two files in a message",
        "S3 may name several files in one message.",
        together=["other/one.gz", "other/two.gz"],
    ),
    Failure(
        "a key with a space",
        "In S3's messages keys are encoded as in a URL: a space is a plus.",
        objects={"packrat/data/2016 07.gz": SMALL},
    ),
    Failure(
        "a duplicate delivery",
        "SQS delivers the first messages once more, at once.",
        faults=Faults().duplicate(at=1),
    ),
    Failure(
        "a lost answer",
        "SQS hands messages out, and the connection breaks before they arrive.",
        faults=Faults().lose_answer(RECEIVE, at=1),
    ),
    Failure(
        "a loop killed in mid-receive",
        "More demand comes while the loop polls, so it is killed with the answer on its way.",
        on=polled,
        does=pull,
        only_simulated="no server tells the moment at which it hands a message out",
    ),
    Failure(
        "demand that crosses a batch",
        "More demand comes while a batch is still in the producer's mailbox.",
        files=12,
        on=sent,
        does=pull,
    ),
    Failure(
        "throttling",
        "SQS refuses the first receives: too many requests.",
        faults=Faults().fail(RECEIVE, "ThrottlingException", at=range(1, 5)),
    ),
    Failure("a key that is gone", "A file is removed after S3 has announced it.", since=8, gone=FIRST),
    Failure(
        "corrupt gzip",
        "Two files, one after the other, are no gzip, whatever their names say.",
        since=8,
        objects=dict.fromkeys(BAD, b"no gzip"),
    ),
    Failure(
        "a slow file",
        "The first download takes longer than the visibility timeout.",
        since=8,
        faults=Faults().slow("s3.GetObject", seconds=40, at=1),
        shorter=Faults().slow("s3.GetObject", seconds=VISIBILITY + 3, at=1),
    ),
    Failure("a crash before the write", "A consumer crashes with work in hand.", on=works, does=kill),
    Failure(
        "a crash before the delete",
        "A consumer crashes between the write and the delete.",
        since=8,
        on=written,
        does=kill,
    ),
    Failure(
        "a delete that fails in part",
        "SQS does not delete the first message.",
        since=7,
        faults=Faults().refuse(at=1),
    ),
    Failure(
        "an expired handle",
        "The first receipt handle is not valid any more.",
        since=7,
        faults=Faults().refuse("ReceiptHandleIsInvalid", at=1),
    ),
    Failure(
        "access denied on delete",
        "These credentials may receive, but not delete.",
        since=7,
        faults=Faults().fail(DELETE, "AccessDenied", rate=1),
    ),
    Failure(
        "the queue gone",
        "Somebody deletes the queue after the first receive.",
        faults=Faults().fail(RECEIVE, AWAY, at=range(2, LONG)).fail(DELETE, AWAY, rate=1),
    ),
)
"""All faults; the first is none, to compare with."""


def failure(name: str) -> Failure:
    """The fault of that name. Raises SettingError for a name that there is not."""
    for one in FAILURES:
        if one.name == name:
            return one
    raise unknown(name, map(str, FAILURES))
