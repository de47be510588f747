"""The challenge of step 8, and how it is judged. Each function's name is the challenge's."""

import gzip

from palleto.lab.challenges import goal
from palleto.program import queue_empty
from palleto.replay import evidence

EMPTY = gzip.compress(b"\n\n", mtime=0)


def drop_empty(run):
    run.drop(EMPTY, "empty")


@goal(
    "A file without a line is bad, too. Two of them arrive among four good ones, and one that is not gzip. Let bad "
    "files stop nothing: four results are written, none for a bad file, whose message ends in the dead-letter queue, "
    "and no stage crashes.",
    hint="What does `BadFile` do, raised where the lines are counted?",
    why="Bad input is an ordinary answer of the code, not a crash, and the queue keeps what cannot be processed.",
    files=4,
    until=queue_empty,
    seeds=60,
    seconds=60,
    during={0.0: drop_empty, 0.1: lambda run: run.drop(), 0.2: drop_empty},
)
def empty_files(trace):
    crash = evidence.first(trace, kind="crash")
    if crash is not None:
        return f"{crash.stage} crashes", crash
    for event in evidence.every(trace, kind="written"):
        if "empty" in event.ids[0]:
            return "a file without a line has a result", event
    written = {event.ids[0] for event in evidence.every(trace, kind="written")}
    if len(written) < 4:
        return f"{len(written)} of 4 results are written"
    dead = {name for event in evidence.every(trace, kind="message", state="dead_lettered") for name in event.ids}
    if len(dead) < 3:
        return f"{len(dead)} of 3 bad files are in the dead-letter queue"
    return None
