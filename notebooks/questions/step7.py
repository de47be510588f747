"""The questions of step 7, each a function of its name: its answer by the run, and the way there."""

from palleto.lab.questions import question
from palleto.replay import evidence


@question(
    "Twelve files are announced. How many messages are deleted in this run?",
    look="the queue's panel at the end: how many are deleted, and are all of them a file's?",
    hint="S3 sends a message of its own when it is connected to a queue.",
    why="One for each file, and on a new queue S3's test message. It names no file, so it is done when it is read.",
    unit="messages",
)
def deleted(trace):
    return evidence.total(trace, "deleted", kind="delete")


@question(
    "Which comes first for a file: the line `Consumed`, or the delete of its message?",
    choices=["Consumed", "the delete"],
    look="the first `Consumed` in the log, and the first file's message in the queue's pane at that moment",
    hint="Read `handle_events` of the consumer.",
    why="A message is the only record of a piece of work. It may go when the work is done, not before.",
)
def first(trace):
    consumed = evidence.said(trace, "Consumed by")
    delete = evidence.first(trace, kind="delete", stage=consumed.stage)
    return ("Consumed", delete) if consumed.seq < delete.seq else ("the delete", consumed)


@question(
    "In step 6 all messages came back after half a minute. How many come back here, in 100 seconds?",
    choices=[0, 1, 2, 12],
    look="the figure of `later`: a triangle is a message that is received again",
    hint="What does SQS do with a message that was deleted in time?",
    why="Every message was deleted within its visibility timeout.",
    under="What happened",
)
def come_back(trace):
    receives = evidence.every(trace, kind="receive")
    return sum(times > 1 for event in receives for times in event.data["counts"]), receives[-1]
